package cumulative

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Settings bound a Converter.
type Settings struct {
	MaxStreams int           // time series that are kept; points of others are dropped
	MaxIdle    time.Duration // after which a time series is forgotten and begins anew
}

// Converter keeps the totals of one tenant's delta time series at one
// destination. Its methods are safe for concurrent use.
type Converter struct {
	set Settings

	mu      sync.Mutex
	streams map[streamID]*stream
}

// Dropped counts points that cannot be converted.
type Dropped struct {
	Late    int // not newer than what was seen of the time series: it may be in the total already
	TooMany int // of a time series beyond MaxStreams
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

// Convert changes md in place. The totals change only if the caller then calls
// done with true; until done is called, other calls of Convert wait. So what a
// lane did not accept and the client sends again is not counted twice.
func (c *Converter) Convert(md pmetric.Metrics, now time.Time) (dropped Dropped, done func(accepted bool)) {
	c.mu.Lock()
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
	return run.dropped, func(accepted bool) {
		defer c.mu.Unlock()
		if !accepted {
			return
		}
		for id, s := range run.changed {
			c.streams[id] = s
		}
	}
}

// Sweep forgets time series that have been idle for too long.
func (c *Converter) Sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, s := range c.streams {
		if now.Sub(s.seen) > c.set.MaxIdle {
			delete(c.streams, id)
		}
	}
}

// run is one call of Convert, which holds the lock.
type run struct {
	converter *Converter
	now       time.Time
	id        identity
	changed   map[streamID]*stream
	dropped   Dropped
}

// convert returns how many points are left.
func (r *run) convert(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		m.Sum().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool {
			s := r.next(p)
			if s == nil {
				return true
			}
			s.addNumber(p)
			return false
		})
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		m.Histogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		m.Histogram().DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool {
			s := r.next(p)
			if s == nil {
				return true
			}
			s.addHistogram(p)
			return false
		})
		return m.Histogram().DataPoints().Len()
	}
	m.ExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	m.ExponentialHistogram().DataPoints().RemoveIf(func(p pmetric.ExponentialHistogramDataPoint) bool {
		s := r.next(p)
		if s == nil {
			return true
		}
		s.addExponential(p)
		return false
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

// next returns a copy of the total that p adds to, or nil if p has to go. It
// gives p the start of the total.
func (r *run) next(p point) *stream {
	id := r.id.point(p.Attributes())
	s, known := r.changed[id]
	if !known {
		old, ok := r.converter.streams[id]
		if !ok && len(r.converter.streams)+len(r.changed) >= r.converter.set.MaxStreams {
			r.dropped.TooMany++
			return nil
		}
		s = &stream{}
		if ok {
			s = old.clone()
		}
	}
	if s.last != 0 && p.Timestamp() <= s.last {
		r.dropped.Late++
		return nil
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
	r.changed[id] = s
	p.SetStartTimestamp(s.start)
	return s
}
