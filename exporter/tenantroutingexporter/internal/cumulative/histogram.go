// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"math"
	"math/bits"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// histogram is the total of a histogram of either kind.
type histogram struct {
	count  uint64
	weight uint64 // of all buckets together
	sum    float64
	hasSum bool // all points had one

	bounds []float64 // never changed, only replaced
	counts buckets   // of positive values, if it is exponential

	scale         int64
	zeroCount     uint64
	zeroThreshold float64
	negative      buckets
}

func (h *histogram) size() int {
	return len(h.bounds) + len(h.counts.values) + len(h.negative.values)
}

func validHistogram(p pmetric.HistogramDataPoint) bool {
	_, ok := weigh(p.BucketCounts(), 0)
	return ok && finite(p.Sum())
}

// weigh returns n and the sum of counts, or reports false if that is out of range.
func weigh(counts pcommon.UInt64Slice, n uint64) (uint64, bool) {
	for _, v := range counts.All() {
		var carry uint64
		if n, carry = bits.Add64(n, v, 0); carry != 0 {
			return 0, false
		}
	}
	return n, true
}

// holds reports whether a point of these numbers can be added.
func (h *histogram) holds(count, weight uint64, sum float64) bool {
	_, overCount := bits.Add64(h.count, count, 0)
	_, overWeight := bits.Add64(h.weight, weight, 0)
	return overCount == 0 && overWeight == 0 && finite(h.sum+sum)
}

func (h *histogram) plus(count, weight uint64, sum float64, hasSum bool) {
	h.count += count
	h.weight += weight
	h.sum += sum
	h.hasSum = h.hasSum && hasSum
}

// sameBounds compares bits, so that what is no number equals itself.
func (h *histogram) sameBounds(p pmetric.HistogramDataPoint) bool {
	if len(h.counts.values) != p.BucketCounts().Len() || len(h.bounds) != p.ExplicitBounds().Len() {
		return false
	}
	for i, b := range p.ExplicitBounds().All() {
		if math.Float64bits(b) != math.Float64bits(h.bounds[i]) {
			return false
		}
	}
	return true
}

// addHistogram compares the shape of p with that of the total whatever they count: a
// point may have other buckets and a count of 0. Where p cannot be added, the total
// begins again.
func (r *run) addHistogram(p pmetric.HistogramDataPoint) bool {
	m := idOfHistogram(p)
	s := r.take(m)
	if s == nil {
		return false
	}
	weight, _ := weigh(p.BucketCounts(), 0)
	begins := s.last == 0 || !s.total.sameBounds(p) || !s.total.holds(p.Count(), weight, p.Sum())
	at, ok := r.placeOf(s, p.StartTimestamp(), m.time, begins, true)
	n := p.BucketCounts().Len() + p.ExplicitBounds().Len()
	if !ok || !r.reserve(s, n) {
		return false
	}
	r.save(s)
	held := s.size()
	if begins {
		s.total = &histogram{hasSum: p.HasSum(), bounds: p.ExplicitBounds().AsRaw(), counts: buckets{values: make([]uint64, p.BucketCounts().Len())}}
		r.growth += n
	}
	h := s.total
	for i, v := range p.BucketCounts().All() {
		h.counts.values[i] += v
	}
	h.plus(p.Count(), weight, p.Sum(), p.HasSum())
	r.release(s, held, n)

	p.SetCount(h.count)
	p.BucketCounts().FromRaw(h.counts.values)
	p.RemoveMin()
	p.RemoveMax()
	if p.RemoveSum(); h.hasSum {
		p.SetSum(h.sum)
	}
	emit(r, s, p, m, at)
	return true
}

// insertHistograms inserts zeros into points.
func insertHistograms(points pmetric.HistogramDataPointSlice, zeros []zero) {
	all := pmetric.NewHistogramDataPointSlice()
	points.MoveAndAppendTo(all)
	points.EnsureCapacity(all.Len() + len(zeros))
	for i, p := range all.All() {
		if len(zeros) > 0 && zeros[0].index == i {
			z := points.AppendEmpty()
			dateZero(z, p.Attributes(), zeros[0])
			zeros = zeros[1:]
			p.ExplicitBounds().CopyTo(z.ExplicitBounds())
			z.BucketCounts().FromRaw(make([]uint64, p.BucketCounts().Len()))
			if p.HasSum() {
				z.SetSum(0)
			}
		}
		p.MoveTo(points.AppendEmpty())
	}
}

// maxShift is by how much the scale of any bucket has to be lowered for it to be the first
// before or after 1.
const maxShift = 40

// buckets are counts from offset on.
type buckets struct {
	offset int64
	values []uint64
}

// span are the first and the last bucket of those that count something.
type span struct {
	first, last int64
	empty       bool
}

func (b *buckets) span() span {
	return span{b.offset, b.offset + int64(len(b.values)) - 1, len(b.values) == 0}
}

// at returns the span at a scale that is lower by n.
func (s span) at(n int64) span {
	n = min(n, maxShift)
	return span{s.first >> n, s.last >> n, s.empty}
}

func (s span) union(other span) span {
	switch {
	case s.empty:
		return other
	case other.empty:
		return s
	}
	return span{min(s.first, other.first), max(s.last, other.last), false}
}

// fits reports whether a total may have the buckets of s.
func (s span) fits() bool {
	return s.empty || s.last-s.first < maxBuckets && s.first <= math.MaxInt32
}

// coarsen lowers the scale by n: 2^n neighbors become one.
func (b *buckets) coarsen(n int64) {
	if n <= 0 || len(b.values) == 0 {
		return
	}
	to := b.span().at(n)
	for i, v := range b.values {
		b.values[i] = 0
		b.values[(b.offset+int64(i))>>min(n, maxShift)-to.first] += v // at i or before
	}
	b.offset, b.values = to.first, b.values[:to.last-to.first+1]
}

// cover gives b the buckets of s too.
func (b *buckets) cover(s span) {
	all := b.span().union(s)
	if all.empty || all == b.span() {
		return
	}
	values := make([]uint64, all.last-all.first+1)
	if len(b.values) > 0 {
		copy(values[b.offset-all.first:], b.values)
	}
	b.offset, b.values = all.first, values
}
