// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// p is a point of a sum: an int64 or a float64 that ends at a time in seconds.
type p struct {
	at    int
	value any
}

// e is a point that is emitted, at a time in milliseconds.
type e struct {
	at    int
	value any
}

func numbers(monotonic bool, points ...p) pmetric.Metrics {
	return metric(func(m pmetric.Metric) {
		s := m.SetEmptySum()
		s.SetIsMonotonic(monotonic)
		s.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		for _, p := range points {
			d := s.DataPoints().AppendEmpty()
			d.SetStartTimestamp(pcommon.Timestamp(p.at-1) * 1e9)
			d.SetTimestamp(pcommon.Timestamp(p.at) * 1e9)
			switch v := p.value.(type) {
			case int:
				d.SetIntValue(int64(v))
			case float64:
				d.SetDoubleValue(v)
			}
		}
	})
}

func emitted(md pmetric.Metrics) (out []e) {
	if md.MetricCount() == 0 {
		return nil
	}
	for _, d := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
		var v any = d.DoubleValue()
		if d.ValueType() == pmetric.NumberDataPointValueTypeInt {
			v = int(d.IntValue())
		}
		out = append(out, e{int(d.Timestamp() / 1e6), v})
	}
	return out
}

// Each case is a list of requests to a converter that begins at 50 s; it is 100 s all the
// time, and points may be 10 s ahead.
func TestConvert_Table(t *testing.T) {
	const most = math.MaxInt64
	for name, c := range map[string]struct {
		level    bool // not monotonic
		requests [][]p
		want     [][]e
		dropped  Dropped
	}{
		"in order": {
			requests: [][]p{{{90, 1}}, {{91, 2}, {92, 3}}},
			want:     [][]e{{{89001, 0}, {90000, 1}}, {{91000, 3}, {92000, 6}}},
		},
		"newest first": {
			requests: [][]p{{{93, 10}, {92, 20}, {91, 30}}},
			want:     [][]e{{{90001, 0}, {91000, 30}, {92000, 50}, {93000, 60}}},
		},
		"requests that overtake": {
			requests: [][]p{{{91, 1}}, {{93, 2}}, {{92, 4}}, {{94, 8}}},
			want:     [][]e{{{90001, 0}, {91000, 1}}, {{93000, 3}}, {{93001, 7}}, {{94000, 15}}},
		},
		"late and on time in one request": {
			requests: [][]p{{{93, 1}}, {{94, 2}, {91, 4}}},
			want:     [][]e{{{92001, 0}, {93000, 1}}, {{93001, 5}, {94000, 7}}},
		},
		"the same twice": {
			requests: [][]p{{{91, 1}, {91, 1}}, {{92, 1}, {91, 1}}},
			want:     [][]e{{{90001, 0}, {91000, 1}}, {{92000, 2}}},
			dropped:  Dropped{Duplicate: 2},
		},
		"two writers at one time": {
			requests: [][]p{{{91, 1}}, {{91, 2}}},
			want:     [][]e{{{90001, 0}, {91000, 1}}, {{91001, 3}}},
		},
		"one ahead": {
			requests: [][]p{{{99, 1}}, {{105, 2}}, {{100, 4}}, {{101, 8}}},
			want:     [][]e{{{98001, 0}, {99000, 1}}, {{105000, 3}}, {{105001, 7}}, {{105002, 15}}},
		},
		"one too far ahead": {
			requests: [][]p{{{99, 1}}, {{111, 2}}, {{100, 4}}},
			want:     [][]e{{{98001, 0}, {99000, 1}}, nil, {{100000, 5}}},
			dropped:  Dropped{Future: 1},
		},
		"only too far ahead": {
			requests: [][]p{{{111, 2}}}, want: [][]e{nil}, dropped: Dropped{Future: 1},
		},
		"long ago": {
			requests: [][]p{{{2, 1}}, {{99, 2}}},
			want:     [][]e{{{1999, 0}, {2000, 1}}, {{99000, 3}}},
		},
		"integers and fractions": {
			requests: [][]p{{{91, 1}}, {{92, 0.5}}, {{93, 1}}},
			want:     [][]e{{{90001, 0}, {91000, 1}}, {{92000, 1.5}}, {{93000, 2.5}}},
		},
		"a fraction first": {
			requests: [][]p{{{91, 0.25}}, {{92, 1}}},
			want:     [][]e{{{90001, 0.0}, {91000, 0.25}}, {{92000, 1.25}}},
		},
		"integers beside fractions are not rounded one by one": {
			requests: [][]p{{{91, 1 << 53}}, {{92, 0.0}, {93, 1}, {94, 1}}},
			want:     [][]e{{{90001, 0}, {91000, 1 << 53}}, {{92000, 1 << 53 * 1.0}, {93000, 1 << 53 * 1.0}, {94000, 1<<53 + 2.0}}},
		},
		"large integers": {
			requests: [][]p{{{91, most - 1}}, {{92, 1}}},
			want:     [][]e{{{90001, 0}, {91000, most - 1}}, {{92000, most}}},
		},
		"too large integers begin again": {
			requests: [][]p{{{91, most}}, {{92, 5}}, {{93, 6}}},
			want:     [][]e{{{90001, 0}, {91000, most}}, {{91001, 0}, {92000, 5}}, {{93000, 11}}},
		},
		"too large integers come late": {
			requests: [][]p{{{92, most}}, {{91, 5}}},
			want:     [][]e{{{91001, 0}, {92000, most}}, {{92001, 0}, {92002, 5}}},
		},
		"too large doubles begin again": {
			requests: [][]p{{{91, math.MaxFloat64}}, {{92, math.MaxFloat64}}},
			want:     [][]e{{{90001, 0.0}, {91000, math.MaxFloat64}}, {{91001, 0.0}, {92000, math.MaxFloat64}}},
		},
		"a level has no zero": {
			level: true, requests: [][]p{{{91, 5}}, {{92, -7}}, {{93, -0.5}}},
			want: [][]e{{{91000, 5}}, {{92000, -2}}, {{93000, -2.5}}},
		},
		"a level does not begin again": {
			level: true, requests: [][]p{{{91, -most}}, {{92, -2}}, {{93, 1}}},
			want: [][]e{{{91000, -most}}, nil, {{93000, 1 - most}}}, dropped: Dropped{Overflow: 1},
		},
		"no number": {
			requests: [][]p{{{91, math.NaN()}, {92, math.Inf(1)}, {93, 1}}, {{94, nil}}, {{95, -1}, {96, -0.5}}, {{97, 1}}},
			want:     [][]e{{{92001, 0}, {93000, 1}}, nil, nil, {{97000, 2}}},
			dropped:  Dropped{Invalid: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			set := settings()
			set.MaxFuture, set.Resolution = 10*time.Second, time.Millisecond
			conv := New(set, NewBudget(100, 100), time.Unix(50, 0))
			var dropped Dropped
			for i, points := range c.requests {
				md := numbers(!c.level, points...)
				conversion, err := conv.Convert(md, time.Unix(100, 0))
				require.NoError(t, err)
				conversion.Accept()
				conversion.Close()
				assert.Equal(t, c.want[i], emitted(md), "request %d", i)
				d := conversion.Dropped
				dropped = Dropped{
					dropped.Late + d.Late, dropped.Duplicate + d.Duplicate, dropped.Future + d.Future,
					dropped.Invalid + d.Invalid, dropped.Overflow + d.Overflow, dropped.TooMany + d.TooMany,
				}
			}
			assert.Equal(t, c.dropped, dropped)
		})
	}
}

// A sender names the start of its process as the start of each delta.
func TestConvert_StartLongAgo(t *testing.T) {
	c := converterAt(0)
	md := numbers(true, p{100_000, 1})
	only(t, md).Sum().DataPoints().At(0).SetStartTimestamp(5e9)
	assert.Zero(t, accept(t, c, md))
	points := only(t, md).Sum().DataPoints()
	for _, d := range points.All() {
		assert.Equal(t, pcommon.Timestamp(5e9), d.StartTimestamp())
	}
	assert.Equal(t, pcommon.Timestamp((100_000-300)*1e9+1), points.At(0).Timestamp())
	assert.Equal(t, pcommon.Timestamp(100_000*1e9), points.At(1).Timestamp())
}

// Resources, scopes and metrics that a request has twice are one time series each.
func TestConvert_SortsAcrossResources(t *testing.T) {
	md := numbers(true, p{93, 1})
	for _, at := range []int{91, 92} {
		numbers(true, p{at, at}).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
	}
	assert.Zero(t, accept(t, converterAt(50), md))
	var got []int64
	for _, rm := range md.ResourceMetrics().All() {
		for _, d := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
			got = append(got, d.IntValue(), int64(d.Timestamp()/1e9))
		}
	}
	assert.Equal(t, []int64{0, 90, 91, 91, 183, 92, 184, 93}, got)
}

func converterAt(second int64) *Converter {
	set := settings()
	set.MaxFuture = 1000 * time.Hour
	return New(set, NewBudget(100, 100), time.Unix(second, 0))
}

// A point older than all forgotten ones is added. A point that may have been forgotten is not.
func TestConvert_LatePoints(t *testing.T) {
	c := converterAt(0)
	add := func(points ...p) Dropped { return accept(t, c, numbers(true, points...)) }
	var newer, older []p
	for i := range 3 * maxRecent {
		newer = append(newer, p{1000 + i, 1})
		older = append(older, p{500 + i, 1})
	}
	assert.Zero(t, add(newer...))
	assert.Zero(t, add(older...), "before everything that was added")
	assert.Equal(t, Dropped{Late: len(older)}, add(older...))
	assert.Equal(t, Dropped{Late: len(newer) - maxRecent, Duplicate: maxRecent}, add(newer...))
	assert.Equal(t, Dropped{Late: 1}, add(p{900, 7}))
	assert.Zero(t, add(p{400, 7}))
	assert.Equal(t, Dropped{Late: 1}, add(p{300, 7}, p{300, 7}), "twice in one request, and older than what is remembered")
	md := numbers(true, p{2000, 1})
	accept(t, c, md)
	assert.Equal(t, 3*maxRecent*2+7+7+1, emitted(md)[0].value)
}

// Points of one time beyond those that are remembered may be repetitions.
func TestConvert_ManyPointsOfOneTime(t *testing.T) {
	for n := maxRecent - 1; n <= maxRecent+3; n++ {
		for _, split := range []bool{false, true} { // in two requests
			for _, at := range []int{1000, 10} { // on time, and late
				c := converterAt(0)
				if at == 10 {
					var first []p
					for i := range maxRecent {
						first = append(first, p{100 + i, 1})
					}
					assert.Zero(t, accept(t, c, numbers(true, first...)))
				}
				var points []p
				for i := range n {
					points = append(points, p{at, 1 << i})
				}
				sum := int64(0)
				if at == 10 {
					sum = maxRecent
				}
				var dropped Dropped
				for _, request := range [][]p{points, points} {
					if !split {
						request = append(slices.Clone(points), points...)
					}
					md := numbers(true, request...)
					d := accept(t, c, md)
					dropped.Late += d.Late
					dropped.Duplicate += d.Duplicate
					for _, e := range emitted(md) {
						sum = max(sum, int64(e.value.(int)))
					}
					if !split {
						break
					}
				}
				added := 2*n - dropped.Late - dropped.Duplicate
				assert.LessOrEqual(t, added, n)
				if n <= maxRecent && at == 1000 {
					assert.Equal(t, n, added)
				}
				base := int64(0)
				if at == 10 {
					base = maxRecent
				}
				assert.Equal(t, base+1<<added-1, sum, "%d points, split %v, at %d: each of the first %d once", n, split, at, added)
			}
		}
	}
}

// A point of a histogram that cannot be added begins the total again.
func TestConvert_HistogramsRestart(t *testing.T) {
	count := func(at int, change func(pmetric.HistogramDataPoint)) pmetric.Metrics {
		md := shaped(at, shape{[]float64{1}, 2})
		change(only(t, md).Histogram().DataPoints().At(0))
		return md
	}
	last := func(c *Converter, md pmetric.Metrics) (zeros int, d pmetric.HistogramDataPoint) {
		accept(t, c, md)
		points := only(t, md).Histogram().DataPoints()
		return points.Len() - 1, points.At(points.Len() - 1)
	}
	for name, change := range map[string]func(pmetric.HistogramDataPoint){
		"count":   func(d pmetric.HistogramDataPoint) { d.SetCount(math.MaxUint64) },
		"buckets": func(d pmetric.HistogramDataPoint) { d.BucketCounts().SetAt(1, math.MaxUint64) },
		"sum":     func(d pmetric.HistogramDataPoint) { d.SetSum(math.MaxFloat64) },
	} {
		t.Run(name, func(t *testing.T) {
			c := converter()
			last(c, count(100, change))
			zeros, d := last(c, count(110, func(d pmetric.HistogramDataPoint) { change(d) }))
			assert.Equal(t, 1, zeros)
			want := count(110, change)
			assert.Equal(t, only(t, want).Histogram().DataPoints().At(0).BucketCounts().AsRaw(), d.BucketCounts().AsRaw())
			assert.Equal(t, pcommon.Timestamp(110), d.Timestamp())
			assert.Equal(t, pcommon.Timestamp(109), d.StartTimestamp(), "where the zero is: the point has no start")
		})
	}
	for name, change := range map[string]func(pmetric.HistogramDataPoint){
		"sum":     func(d pmetric.HistogramDataPoint) { d.SetSum(math.Inf(-1)) },
		"buckets": func(d pmetric.HistogramDataPoint) { d.BucketCounts().FromRaw([]uint64{math.MaxUint64, 1}) },
		"flag": func(d pmetric.HistogramDataPoint) {
			d.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		},
	} {
		assert.Equal(t, Dropped{Invalid: 1}, accept(t, converter(), count(100, change)), name)
	}
}

// Prometheus rejects requests with an unknown temporality.
func TestConvert_UnknownTemporality(t *testing.T) {
	for name, fill := range map[string]func(pmetric.Metric){
		"sum":         func(m pmetric.Metric) { m.SetEmptySum().DataPoints().AppendEmpty() },
		"histogram":   func(m pmetric.Metric) { m.SetEmptyHistogram().DataPoints().AppendEmpty() },
		"exponential": func(m pmetric.Metric) { m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty() },
	} {
		md := metric(fill)
		assert.True(t, Needs(md), name)
		assert.Equal(t, Dropped{Invalid: 1}, accept(t, converter(), md), name)
		assert.Zero(t, md.ResourceMetrics().Len(), name)
	}
	md := metric(func(pmetric.Metric) {})
	assert.True(t, Needs(md))
	assert.Zero(t, accept(t, converter(), md))
	assert.Zero(t, md.MetricCount())
}

func TestConvert_DistinguishesKindsOfSums(t *testing.T) {
	c := converterAt(0)
	for _, monotonic := range []bool{true, false} {
		md := numbers(monotonic, p{100, 1})
		assert.Zero(t, accept(t, c, md))
		points := emitted(md)
		assert.Equal(t, 1, points[len(points)-1].value)
	}
}

// The attribute of the gateway is not part of the identity, even if a client sent it.
func TestConvert_GatewayAttribute(t *testing.T) {
	set := settings()
	set.GatewayKey, set.GatewayID = "gateway", "g"
	c := with(set)
	for i, value := range []string{"", "x", "g"} {
		md := deltaSum(100+i, map[string]int64{"a": 1})
		if value != "" {
			only(t, md).Sum().DataPoints().At(0).Attributes().PutStr("gateway", value)
		}
		assert.Zero(t, accept(t, c, md))
		for _, d := range only(t, md).Sum().DataPoints().All() {
			assert.Equal(t, map[string]any{"gateway": "g", "name": "a"}, d.Attributes().AsRaw())
		}
	}
	assert.Len(t, c.streams, 1)
}
