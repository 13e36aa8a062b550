package cumulative

import (
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Settings bound a Converter.
type Settings struct {
	MaxStreams int           // time series that are kept; points of others are dropped
	MaxIdle    time.Duration // after which a time series is forgotten and begins again

	// MaxBuckets bounds the buckets and bounds of histograms that are kept, over all
	// time series. Points that need more are dropped.
	MaxBuckets int

	// MaxGrowth bounds how many buckets one request may get that it did not have: a
	// point of a few bytes gets all buckets of its total.
	MaxGrowth int
}

// ErrGrowth says that a request would get more buckets than Settings.MaxGrowth.
var ErrGrowth = errors.New("its exponential histograms would grow too much when they are converted to cumulative ones; send fewer data points in one request")

// Converter keeps the totals of one tenant's delta time series at one
// destination. Its methods are safe for concurrent use.
type Converter struct {
	set Settings

	mu      sync.Mutex
	streams map[streamID]*stream
	buckets int // of all streams
}

// Dropped counts points that cannot be converted.
type Dropped struct {
	Late    int // not newer than what was seen of the time series: it may be in the total already
	TooMany int // of a time series beyond MaxStreams, or with buckets beyond MaxBuckets
}

// New returns a converter that has seen nothing.
func New(set Settings) *Converter {
	return &Converter{set: set, streams: make(map[streamID]*stream)}
}

// HasDelta tells whether md has anything to convert.
func HasDelta(md pmetric.Metrics) bool {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if isDelta(m) {
					return true
				}
			}
		}
	}
	return false
}

func isDelta(m pmetric.Metric) bool {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		return m.Sum().AggregationTemporality() == pmetric.AggregationTemporalityDelta
	case pmetric.MetricTypeHistogram:
		return m.Histogram().AggregationTemporality() == pmetric.AggregationTemporalityDelta
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().AggregationTemporality() == pmetric.AggregationTemporalityDelta
	}
	return false
}

// Conversion is a call of Convert that has not been closed. It holds the converter's
// lock.
type Conversion struct {
	Dropped Dropped
	run     *run
}

// Convert changes md in place. The totals change only when the caller calls Accept;
// other calls of Convert wait until it calls Close. So what a lane did not accept
// and the client sends again is not counted twice. With an error, or if it panics,
// there is nothing to close.
func (c *Converter) Convert(md pmetric.Metrics, now time.Time) (*Conversion, error) {
	c.mu.Lock()
	converted := false
	defer func() {
		if !converted {
			c.mu.Unlock()
		}
	}()
	run := &run{converter: c, now: now, changed: make(map[streamID]*stream)}
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		run.id.resource(rm.Resource())
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			run.id.scope(sm.Scope())
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				if !isDelta(m) {
					return false
				}
				run.id.metric(m)
				return run.convert(m) == 0
			})
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	if run.growth > c.set.MaxGrowth {
		return nil, ErrGrowth
	}
	converted = true
	return &Conversion{Dropped: run.dropped, run: run}, nil
}

// Accept makes the totals those of what was converted.
func (c *Conversion) Accept() {
	converter := c.run.converter
	for id, s := range c.run.changed {
		converter.streams[id] = s
	}
	converter.buckets += c.run.buckets
}

// Close lets others convert. It does nothing when it is called again.
func (c *Conversion) Close() {
	if c.run == nil {
		return
	}
	mu := &c.run.converter.mu
	c.run = nil
	mu.Unlock()
}

// Sweep forgets time series that have been idle for too long.
func (c *Converter) Sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, s := range c.streams {
		if now.Sub(s.seen) > c.set.MaxIdle {
			c.buckets -= s.size()
			delete(c.streams, id)
		}
	}
}

// run is the state of one conversion.
type run struct {
	converter *Converter
	now       time.Time
	id        identity
	changed   map[streamID]*stream
	added     int // of changed, those that the converter does not have
	buckets   int // how many more the converter will have
	growth    int // buckets that points have now and did not have before
	dropped   Dropped
}

// convert returns how many points are left.
func (r *run) convert(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		m.Sum().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool {
			return !r.add(p, 0, func(s *stream) { s.addNumber(p) })
		})
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		m.Histogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		m.Histogram().DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool {
			n := p.BucketCounts().Len() + p.ExplicitBounds().Len()
			return !r.add(p, n, func(s *stream) { s.addHistogram(p) })
		})
		return m.Histogram().DataPoints().Len()
	}
	m.ExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	m.ExponentialHistogram().DataPoints().RemoveIf(func(p pmetric.ExponentialHistogramDataPoint) bool {
		if r.growth > r.converter.set.MaxGrowth {
			return true // the request is refused
		}
		before := p.Positive().BucketCounts().Len() + p.Negative().BucketCounts().Len()
		added := r.add(p, 2*maxBuckets, func(s *stream) { s.addExponential(p) })
		r.growth += max(0, p.Positive().BucketCounts().Len()+p.Negative().BucketCounts().Len()-before)
		return !added
	})
	return m.ExponentialHistogram().DataPoints().Len()
}

// point is what the data points of all kinds have in common.
type point interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
	SetStartTimestamp(pcommon.Timestamp)
}

// add adds p, whose total has at most so many buckets and bounds afterwards, to its
// total and makes it that, or reports false if p has to go.
func (r *run) add(p point, buckets int, sum func(*stream)) bool {
	c := r.converter
	id := r.id.point(p.Attributes())
	s, changed := r.changed[id]
	old, known := c.streams[id]
	if !changed && !known && len(c.streams)+r.added >= c.set.MaxStreams {
		r.dropped.TooMany++
		return false
	}
	held := 0
	switch {
	case changed:
		held = s.size()
	case known:
		held = old.size()
	}
	if buckets > held && c.buckets+r.buckets+buckets-held > c.set.MaxBuckets {
		r.dropped.TooMany++
		return false
	}
	switch {
	case changed:
	case known:
		s = old.clone()
	default:
		s = &stream{}
	}
	if s.last != 0 && p.Timestamp() <= s.last {
		r.dropped.Late++
		return false
	}
	s.from = p.StartTimestamp()
	if s.from == 0 {
		s.from = s.last
	}
	if s.from == 0 {
		s.from = p.Timestamp()
	}
	if s.start == 0 {
		s.start = s.from
	}
	s.last, s.seen = p.Timestamp(), r.now
	p.SetStartTimestamp(s.start)
	sum(s)
	if !changed {
		r.changed[id] = s
		if !known {
			r.added++
		}
	}
	r.buckets += s.size() - held
	return true
}
