// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func settings() Settings {
	return Settings{
		MaxStreams: 100, MaxIdle: time.Hour, MaxBuckets: 100_000, MaxGrowth: 100_000, MaxFuture: time.Hour, Resolution: time.Nanosecond,
	}
}

// with returns a converter that began at the time 0, as the times of most tests do.
func with(set Settings) *Converter { return New(set, NewBudget(1000, 1_000_000), time.Unix(0, 0)) }

func converter() *Converter { return with(settings()) }

func metric(fill func(pmetric.Metric)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "s")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	fill(m)
	return md
}

func deltaSum(at int, values map[string]int64) pmetric.Metrics {
	return metric(func(m pmetric.Metric) {
		s := m.SetEmptySum()
		s.SetIsMonotonic(true)
		s.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		for name, v := range values {
			p := s.DataPoints().AppendEmpty()
			p.Attributes().PutStr("name", name)
			p.SetStartTimestamp(pcommon.Timestamp(at - 10))
			p.SetTimestamp(pcommon.Timestamp(at))
			p.SetIntValue(v)
		}
	})
}

func only(t *testing.T, md pmetric.Metrics) pmetric.Metric {
	t.Helper()
	require.Equal(t, 1, md.MetricCount())
	return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
}

// accept converts md as if a lane had taken it.
func accept(t *testing.T, c *Converter, md pmetric.Metrics) Dropped {
	t.Helper()
	conversion, err := c.Convert(md, time.Unix(0, 0))
	require.NoError(t, err)
	conversion.Accept()
	conversion.Close()
	return conversion.Dropped
}

func TestConvert_SumsAddUpPerTimeSeries(t *testing.T) {
	c := converter()
	for i, want := range []map[string]int64{{"a": 1, "b": 5}, {"a": 3, "b": 10}, {"a": 6, "b": 15}} {
		md := deltaSum(100+10*i, map[string]int64{"a": int64(i + 1), "b": 5})
		assert.Zero(t, accept(t, c, md))
		s := only(t, md).Sum()
		assert.Equal(t, pmetric.AggregationTemporalityCumulative, s.AggregationTemporality())
		assert.True(t, s.IsMonotonic())
		if i == 0 {
			assert.Equal(t, 4, s.DataPoints().Len(), "two begin with a zero")
		} else {
			assert.Equal(t, 2, s.DataPoints().Len())
		}
		zeros := 0
		for _, p := range s.DataPoints().All() {
			name, _ := p.Attributes().Get("name")
			if p.IntValue() == 0 {
				zeros++
				assert.Equal(t, pcommon.Timestamp(90), p.StartTimestamp())
				assert.Equal(t, pcommon.Timestamp(91), p.Timestamp(), "just after its start")
				continue
			}
			assert.Equal(t, want[name.Str()], p.IntValue())
			assert.Equal(t, pcommon.Timestamp(90), p.StartTimestamp(), "of the first delta")
			assert.Equal(t, pcommon.Timestamp(100+10*i), p.Timestamp())
		}
		assert.Equal(t, s.DataPoints().Len()-2, zeros)
	}
}

func TestConvert_CountsOnlyAcceptedPoints(t *testing.T) {
	c := converter()
	accept(t, c, deltaSum(100, map[string]int64{"a": 1}))
	for range 3 {
		conversion, err := c.Convert(deltaSum(110, map[string]int64{"a": 10}), time.Now())
		require.NoError(t, err)
		conversion.Close()
		conversion.Close()
	}
	md := deltaSum(110, map[string]int64{"a": 10})
	accept(t, c, md)
	assert.Equal(t, int64(11), only(t, md).Sum().DataPoints().At(0).IntValue())
}

func TestConvert_DropsDuplicates(t *testing.T) {
	c := converter()
	accept(t, c, deltaSum(100, map[string]int64{"a": 1}))
	md := deltaSum(100, map[string]int64{"a": 1, "b": 1})
	assert.Equal(t, Dropped{Duplicate: 1}, accept(t, c, md))
	assert.Equal(t, 2, md.DataPointCount(), "b stays, and its zero")
	md = deltaSum(100, map[string]int64{"a": 1})
	assert.Equal(t, Dropped{Duplicate: 1}, accept(t, c, md))
	assert.Zero(t, md.ResourceMetrics().Len())
}

func TestConvert_BoundsTimeSeries(t *testing.T) {
	set := settings()
	set.MaxStreams = 2
	c := with(set)
	md := deltaSum(100, map[string]int64{"a": 1, "b": 1, "c": 1})
	assert.Equal(t, Dropped{TooMany: 1}, accept(t, c, md))
	assert.Equal(t, 4, md.DataPointCount(), "and two zeros")
	c.Sweep(time.Unix(0, 0).Add(2 * time.Hour))
	assert.Zero(t, accept(t, c, deltaSum(110, map[string]int64{"x": 1, "y": 1})))
}

func TestConvert_LeavesEverythingElse(t *testing.T) {
	for name, fill := range map[string]func(pmetric.Metric){
		"gauge": func(m pmetric.Metric) { m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1) },
		"cumulative sum": func(m pmetric.Metric) {
			m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		},
		"summary": func(m pmetric.Metric) { m.SetEmptySummary().DataPoints().AppendEmpty().SetCount(1) },
	} {
		t.Run(name, func(t *testing.T) {
			md, want := metric(fill), metric(fill)
			assert.False(t, Needs(md))
			accept(t, converter(), md)
			assert.Equal(t, want, md)
		})
	}
	assert.True(t, Needs(deltaSum(1, map[string]int64{"a": 1})))
}

func TestConvert_DistinguishesTimeSeries(t *testing.T) {
	c := converter()
	variants := []func(pmetric.Metrics){
		func(pmetric.Metrics) {},
		func(md pmetric.Metrics) { md.ResourceMetrics().At(0).Resource().Attributes().PutStr("x", "1") },
		func(md pmetric.Metrics) { md.ResourceMetrics().At(0).ScopeMetrics().At(0).Scope().SetName("x") },
		func(md pmetric.Metrics) {
			md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetName("m2")
		},
		func(md pmetric.Metrics) { md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetUnit("s") },
		func(md pmetric.Metrics) {
			md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).Attributes().PutInt("name", 1)
		},
	}
	for i, change := range variants {
		md := deltaSum(100, map[string]int64{"1": int64(i + 1)})
		change(md)
		assert.Zero(t, accept(t, c, md))
		assert.Equal(t, int64(i+1), only(t, md).Sum().DataPoints().At(1).IntValue())
	}
	// The order of attributes makes no difference.
	for i, keys := range [][]string{{"a", "b"}, {"b", "a"}} {
		md := deltaSum(200+i, map[string]int64{"z": 1})
		for _, k := range keys {
			only(t, md).Sum().DataPoints().At(0).Attributes().PutStr(k, k)
		}
		accept(t, c, md)
		points := only(t, md).Sum().DataPoints()
		assert.Equal(t, int64(i+1), points.At(points.Len()-1).IntValue())
	}
}

func TestConvert_Histograms(t *testing.T) {
	c := converter()
	delta := func(at int, bounds []float64, counts []uint64, sum float64) pmetric.Metrics {
		return metric(func(m pmetric.Metric) {
			h := m.SetEmptyHistogram()
			h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			p := h.DataPoints().AppendEmpty()
			p.SetStartTimestamp(pcommon.Timestamp(at - 10))
			p.SetTimestamp(pcommon.Timestamp(at))
			p.ExplicitBounds().FromRaw(bounds)
			p.BucketCounts().FromRaw(counts)
			for _, n := range counts {
				p.SetCount(p.Count() + n)
			}
			p.SetSum(sum)
			p.SetMin(1)
			p.SetMax(2)
		})
	}
	accept(t, c, delta(100, []float64{1, 2}, []uint64{1, 2, 3}, 10))
	md := delta(110, []float64{1, 2}, []uint64{1, 0, 1}, 5)
	accept(t, c, md)
	p := only(t, md).Histogram().DataPoints().At(0)
	assert.Equal(t, []uint64{2, 2, 4}, p.BucketCounts().AsRaw())
	assert.Equal(t, uint64(8), p.Count())
	assert.InDelta(t, 15, p.Sum(), 0)
	assert.False(t, p.HasMin() || p.HasMax(), "they are not known of the total")
	assert.Equal(t, pcommon.Timestamp(90), p.StartTimestamp())

	md = delta(120, []float64{1, 5}, []uint64{1, 1, 1}, 3)
	accept(t, c, md)
	p = only(t, md).Histogram().DataPoints().At(0)
	assert.Equal(t, []uint64{0, 0, 0}, p.BucketCounts().AsRaw(), "other bounds begin a new total")
	assert.Equal(t, []float64{1, 5}, p.ExplicitBounds().AsRaw())
	assert.True(t, p.HasSum())
	assert.Equal(t, pcommon.Timestamp(110), p.StartTimestamp())
	assert.Equal(t, pcommon.Timestamp(111), p.Timestamp())
	p = only(t, md).Histogram().DataPoints().At(1)
	assert.Equal(t, []uint64{1, 1, 1}, p.BucketCounts().AsRaw())
	assert.Equal(t, pcommon.Timestamp(110), p.StartTimestamp())
	assert.Equal(t, uint64(3), p.Count())
}

// exponential returns a histogram of values at a scale.
func exponential(at int, scale int32, values ...float64) pmetric.Metrics {
	return metric(func(m pmetric.Metric) {
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(pcommon.Timestamp(at))
		p.SetScale(scale)
		index := func(v float64) int32 {
			return int32(math.Ceil(math.Log2(v)*math.Exp2(float64(scale)))) - 1
		}
		lowest, highest := int32(math.MaxInt32), int32(math.MinInt32)
		for _, v := range values {
			lowest, highest = min(lowest, index(v)), max(highest, index(v))
		}
		counts := make([]uint64, highest-lowest+1)
		for _, v := range values {
			counts[index(v)-lowest]++
			p.SetSum(p.Sum() + v)
		}
		p.Positive().SetOffset(lowest)
		p.Positive().BucketCounts().FromRaw(counts)
		p.SetCount(uint64(len(values)))
	})
}

// Adding up deltas of any scale gives what one histogram of all values at the
// resulting scale is.
func TestConvert_ExponentialHistograms(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		c := converter()
		var all []float64
		var last pmetric.ExponentialHistogramDataPoint
		for i := range 6 {
			var values []float64
			for range 1 + r.IntN(10) {
				values = append(values, math.Exp2(r.Float64()*12-6))
			}
			all = append(all, values...)
			md := exponential(100+i, int32(r.IntN(5)), values...)
			assert.Zero(t, accept(t, c, md))
			points := only(t, md).ExponentialHistogram().DataPoints()
			last = points.At(points.Len() - 1)
		}
		want := only(t, exponential(1, last.Scale(), all...)).ExponentialHistogram().DataPoints().At(0)
		require.Equal(t, want.Positive().BucketCounts().AsRaw(), trim(last.Positive()))
		require.Equal(t, want.Count(), last.Count())
		require.InDelta(t, want.Sum(), last.Sum(), 1e-6)
		require.LessOrEqual(t, last.Positive().BucketCounts().Len(), maxBuckets)
	}
}

// trim returns the counts without empty buckets at the ends.
func trim(b pmetric.ExponentialHistogramDataPointBuckets) []uint64 {
	counts := b.BucketCounts().AsRaw()
	for len(counts) > 0 && counts[0] == 0 {
		counts = counts[1:]
	}
	for len(counts) > 0 && counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	return counts
}
