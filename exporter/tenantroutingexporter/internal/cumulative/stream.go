package cumulative

import (
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxBuckets bounds the buckets of either sign of an exponential histogram; more
// make it coarser. It is what SDKs use.
const maxBuckets = 160

// stream is the total of one time series, whichever kind it is.
type stream struct {
	start, last pcommon.Timestamp
	from        pcommon.Timestamp // where the point that is being added begins
	seen        time.Time

	integer int64
	double  float64

	shaped  bool // bounds and buckets, or scale and zeroThreshold, are those of a point
	count   uint64
	sum     float64
	hasSum  bool
	bounds  []float64
	buckets []uint64

	scale              int32
	zeroCount          uint64
	zeroThreshold      float64
	positive, negative buckets
}

func (s *stream) clone() *stream {
	c := *s
	c.bounds, c.buckets = slices.Clone(s.bounds), slices.Clone(s.buckets)
	c.positive.counts, c.negative.counts = slices.Clone(s.positive.counts), slices.Clone(s.negative.counts)
	return &c
}

// size returns how many buckets and bounds s keeps.
func (s *stream) size() int {
	return len(s.bounds) + len(s.buckets) + len(s.positive.counts) + len(s.negative.counts)
}

// restart makes the total that of p alone, where p cannot be added.
func (s *stream) restart(p point) {
	*s = stream{start: s.from, from: s.from, last: s.last, seen: s.seen}
	p.SetStartTimestamp(s.start)
}

func (s *stream) addNumber(p pmetric.NumberDataPoint) {
	switch p.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		s.integer += p.IntValue()
		p.SetIntValue(s.integer)
	case pmetric.NumberDataPointValueTypeDouble:
		s.double += p.DoubleValue()
		p.SetDoubleValue(s.double)
	}
}

// addHistogram compares the shape of p with that of the total whatever they count:
// a point may have other buckets and a count of 0.
func (s *stream) addHistogram(p pmetric.HistogramDataPoint) {
	if s.shaped && (!slices.Equal(s.bounds, p.ExplicitBounds().AsRaw()) || len(s.buckets) != p.BucketCounts().Len()) {
		s.restart(p)
	}
	if !s.shaped {
		s.bounds, s.buckets = p.ExplicitBounds().AsRaw(), make([]uint64, p.BucketCounts().Len())
		s.shaped, s.hasSum = true, p.HasSum()
	}
	for i, n := range p.BucketCounts().All() {
		s.buckets[i] += n
	}
	s.count += p.Count()
	s.sum += p.Sum()
	s.hasSum = s.hasSum && p.HasSum()
	p.SetCount(s.count)
	p.BucketCounts().FromRaw(s.buckets)
	p.RemoveMin()
	p.RemoveMax()
	if p.RemoveSum(); s.hasSum {
		p.SetSum(s.sum)
	}
}

func (s *stream) addExponential(p pmetric.ExponentialHistogramDataPoint) {
	if s.shaped && s.zeroThreshold != p.ZeroThreshold() {
		s.restart(p)
	}
	if !s.shaped {
		s.shaped, s.scale, s.zeroThreshold, s.hasSum = true, p.Scale(), p.ZeroThreshold(), p.HasSum()
	}
	positive := buckets{p.Positive().Offset(), p.Positive().BucketCounts().AsRaw()}
	negative := buckets{p.Negative().Offset(), p.Negative().BucketCounts().AsRaw()}
	scale := min(s.scale, p.Scale())
	s.positive.coarsen(int64(s.scale) - int64(scale))
	s.negative.coarsen(int64(s.scale) - int64(scale))
	positive.coarsen(int64(p.Scale()) - int64(scale))
	negative.coarsen(int64(p.Scale()) - int64(scale))
	for s.positive.width(positive) > maxBuckets || s.negative.width(negative) > maxBuckets {
		for _, b := range []*buckets{&s.positive, &s.negative, &positive, &negative} {
			b.coarsen(1)
		}
		scale = max(scale, math.MinInt32+1) - 1 // no real value tells such scales apart
	}
	s.scale = scale
	s.positive.add(positive)
	s.negative.add(negative)
	s.zeroCount += p.ZeroCount()
	s.count += p.Count()
	s.sum += p.Sum()
	s.hasSum = s.hasSum && p.HasSum()

	p.SetScale(s.scale)
	p.SetCount(s.count)
	p.SetZeroCount(s.zeroCount)
	p.Positive().SetOffset(s.positive.offset)
	p.Positive().BucketCounts().FromRaw(s.positive.counts)
	p.Negative().SetOffset(s.negative.offset)
	p.Negative().BucketCounts().FromRaw(s.negative.counts)
	p.RemoveMin()
	p.RemoveMax()
	if p.RemoveSum(); s.hasSum {
		p.SetSum(s.sum)
	}
}

// buckets are the buckets of one sign of an exponential histogram.
type buckets struct {
	offset int32
	counts []uint64
}

// coarsen lowers the scale by n: 2^n neighbours become one.
func (b *buckets) coarsen(n int64) {
	if n <= 0 || len(b.counts) == 0 {
		return
	}
	n = min(n, 31)
	first := b.offset >> n
	last := int32((int64(b.offset) + int64(len(b.counts)) - 1) >> n)
	counts := make([]uint64, last-first+1)
	for i, c := range b.counts {
		counts[int32((int64(b.offset)+int64(i))>>n)-first] += c
	}
	b.offset, b.counts = first, counts
}

// width returns how many buckets the sum of b and other would have.
func (b *buckets) width(other buckets) int64 {
	if len(b.counts) == 0 || len(other.counts) == 0 {
		return int64(max(len(b.counts), len(other.counts)))
	}
	first := min(int64(b.offset), int64(other.offset))
	last := max(int64(b.offset)+int64(len(b.counts)), int64(other.offset)+int64(len(other.counts)))
	return last - first
}

// add adds other, whose scale is the same.
func (b *buckets) add(other buckets) {
	if len(other.counts) == 0 {
		return
	}
	if len(b.counts) == 0 {
		b.offset, b.counts = other.offset, slices.Clone(other.counts)
		return
	}
	counts := make([]uint64, b.width(other))
	first := min(b.offset, other.offset)
	for i, c := range b.counts {
		counts[int(b.offset-first)+i] += c
	}
	for i, c := range other.counts {
		counts[int(other.offset-first)+i] += c
	}
	b.offset, b.counts = first, counts
}
