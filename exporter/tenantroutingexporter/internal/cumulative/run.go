// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"runtime"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	// yieldPoints is after how many data points a run yields the processor.
	yieldPoints = 1024

	// maxKept bounds what a run keeps for the next one, in elements of each slice.
	maxKept = 1 << 14
)

// run is the state of one conversion. It walks the metrics twice: read finds the time
// series of each point, write adds the points in the order of their times. What it
// changes is noted, so that it can be undone.
type run struct {
	converter *Converter
	number    uint64
	now       time.Time
	latest    pcommon.Timestamp // that a point may have
	limit     pcommon.Timestamp // that a point may get
	id        identity
	dropped   Dropped
	begun     int  // zeros of all metrics
	growth    int  // buckets that points have now and did not have before
	shuffled  bool // a time series has points that are not in the order of their times

	entries []entry // of all delta points, in the order of the request
	next    int     // entry
	zeros   []zero  // of the metric that is being written
	kept    int     // points of it that stay

	created []created
	saved   []saved
	recent  []pointID // of saved
	counts  []uint64  // of saved
}

// entry is a data point as read finds it.
type entry struct {
	stream *stream // nil: the point is dropped
	late   bool    // it may be in the total
}

// zero is a point of no value that goes before the one at index.
type zero struct {
	index int
	place place
}

// created is a time series that the converter did not have before.
type created struct {
	id     streamID
	stream *stream
}

// saved is the previous state of a time series.
type saved struct {
	stream *stream
	before stream
	recent int // how many of run.recent are its own
	total  histogram
	counts [2]int // how many of run.counts are its own
}

func (c *Converter) begin(now time.Time) *run {
	r, _ := c.budget.runs.Get().(*run)
	if r == nil {
		r = &run{}
	}
	c.runs++
	r.converter, r.number, r.now = c, c.runs, now
	r.latest = pcommon.NewTimestampFromTime(now.Add(c.set.MaxFuture))
	r.limit = pcommon.NewTimestampFromTime(now.Add(2 * c.set.MaxFuture))
	r.id.seeds, r.id.skip = &c.budget.seeds, c.set.GatewayKey
	return r
}

// end makes r ready for another converter.
func (r *run) end() {
	budget := r.converter.budget
	clear(r.entries)
	clear(r.created)
	clear(r.saved)
	*r = run{
		id:      identity{buf: r.id.buf[:0], keys: r.id.keys[:0]},
		entries: r.entries[:0], zeros: r.zeros[:0], created: r.created[:0], saved: r.saved[:0], recent: r.recent[:0], counts: r.counts[:0],
	}
	if cap(r.entries) <= maxKept && cap(r.saved) <= maxKept && cap(r.recent) <= maxKept*maxRecent && cap(r.counts) <= maxKept*maxRecent {
		budget.runs.Put(r)
	}
}

// undo restores the previous totals.
func (r *run) undo() {
	c := r.converter
	recent, counts := 0, 0
	for i := range r.saved {
		v := &r.saved[i]
		s := v.stream
		held := s.size()
		if before := v.before.total; before != nil {
			first, second := before.counts.values[:0], before.negative.values[:0]
			*before = v.total
			first = append(first, r.counts[counts:counts+v.counts[0]]...)
			counts += v.counts[0]
			second = append(second, r.counts[counts:counts+v.counts[1]]...)
			before.counts.values, before.negative.values = first, second
			counts += v.counts[1]
		}
		list := s.recent.list[:0]
		list = append(list, r.recent[recent:recent+v.recent]...)
		*s = v.before
		s.recent.list = list
		recent += v.recent
		c.resize(s.size() - held)
	}
	for _, n := range r.created {
		if c.streams[n.id] == n.stream {
			c.remove(n.id, n.stream)
		}
	}
	clear(r.saved) // a run is used again, by other converters
	clear(r.created)
	r.saved, r.created = r.saved[:0], r.created[:0]
}

// resize counts n more buckets and bounds.
func (c *Converter) resize(n int) {
	c.buckets += n
	c.budget.giveBack(0, -n)
}

func (c *Converter) remove(id streamID, s *stream) {
	c.resize(-s.size())
	delete(c.streams, id)
	c.budget.giveBack(1, 0)
}

// read finds the time series of all delta points.
func (r *run) read(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		resource := false
		for _, sm := range rm.ScopeMetrics().All() {
			scope := false
			for _, m := range sm.Metrics().All() {
				if fitnessOf(m) != delta {
					continue
				}
				if !resource {
					r.id.resource(rm.Resource())
					resource = true
				}
				if !scope {
					r.id.scope(sm.Scope())
					scope = true
				}
				r.id.metric(m)
				r.readMetric(m)
			}
		}
	}
}

func (r *run) readMetric(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		monotonic := m.Sum().IsMonotonic()
		for _, p := range m.Sum().DataPoints().All() {
			enter(r, p, validNumber(p, monotonic))
		}
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			enter(r, p, validHistogram(p))
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			enter(r, p, validExponential(p))
		}
	}
}

// point is what the data points of all kinds have in common.
type point interface {
	Attributes() pcommon.Map
	Flags() pmetric.DataPointFlags
	Timestamp() pcommon.Timestamp
	SetTimestamp(pcommon.Timestamp)
	StartTimestamp() pcommon.Timestamp
	SetStartTimestamp(pcommon.Timestamp)
}

func enter[P point](r *run, p P, valid bool) {
	if len(r.entries)%yieldPoints == yieldPoints-1 {
		runtime.Gosched()
	}
	r.entries = append(r.entries, entryOf(r, p, valid))
}

// entryOf returns the entry of p, whose time series is made if there is none.
func entryOf[P point](r *run, p P, valid bool) entry {
	c := r.converter
	at := p.Timestamp()
	switch {
	case !valid || at == 0 || p.Flags().NoRecordedValue():
		r.dropped.Invalid++
		return entry{}
	case at > r.latest:
		r.dropped.Future++
		return entry{}
	}
	id := r.id.point(p.Attributes())
	s := c.streams[id]
	if s == nil {
		if c.closed || len(c.streams) >= c.set.MaxStreams || !c.budget.take(len(c.streams), 1, 0, 0) {
			r.dropped.TooMany++
			return entry{}
		}
		s = &stream{}
		c.streams[id] = s
		r.created = append(r.created, created{id, s})
	}
	if s.read == r.number && at < s.newest {
		s.shuffled, r.shuffled = r.number, true
	}
	if s.read != r.number {
		s.read, s.newest, s.unmarked = r.number, at, 0
	}
	s.newest = max(s.newest, at)
	return entry{stream: s, late: s.recent.mayHaveForgotten(at)}
}

// write adds all delta points to their totals and makes them these.
func (r *run) write(md pmetric.Metrics) {
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		if rm.ScopeMetrics().Len() == 0 {
			return false
		}
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			if sm.Metrics().Len() == 0 {
				return false
			}
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				switch fitnessOf(m) {
				case fit:
					return false
				case unfit:
					r.dropped.Invalid += points(m)
					return true
				}
				return r.writeMetric(m) == 0
			})
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	r.removeUnused()
}

func points(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	}
	return 0
}

// removeUnused removes time series of which no point was added.
func (r *run) removeUnused() {
	r.created = slices.DeleteFunc(r.created, func(n created) bool {
		if n.stream.last != 0 {
			return false
		}
		r.converter.remove(n.id, n.stream)
		return true
	})
}

// writeMetric returns how many points remain.
func (r *run) writeMetric(m pmetric.Metric) int {
	r.zeros, r.kept = r.zeros[:0], 0
	switch m.Type() {
	case pmetric.MetricTypeSum:
		sum := m.Sum()
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		monotonic := sum.IsMonotonic()
		sum.DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return !r.addNumber(p, monotonic) })
		if len(r.zeros) > 0 {
			insertNumbers(sum.DataPoints(), r.zeros)
		}
		return sum.DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		h := m.Histogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		h.DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool { return !r.addHistogram(p) })
		if len(r.zeros) > 0 && r.growth <= r.converter.set.MaxGrowth {
			insertHistograms(h.DataPoints(), r.zeros)
		}
		return h.DataPoints().Len()
	}
	h := m.ExponentialHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	h.DataPoints().RemoveIf(func(p pmetric.ExponentialHistogramDataPoint) bool {
		if r.growth > r.converter.set.MaxGrowth { // the request is rejected
			r.next++ // the entry of this point
			return true
		}
		return !r.addExponential(p)
	})
	if len(r.zeros) > 0 {
		insertExponentials(h.DataPoints(), r.zeros)
	}
	return h.DataPoints().Len()
}
