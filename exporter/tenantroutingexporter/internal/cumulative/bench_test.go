// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// load is a request as an SDK sends it: ten metrics with a hundred time series of
// eight attributes each.
func load(fill func(pmetric.Metric, int)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	for i := range 12 {
		rm.Resource().Attributes().PutStr(fmt.Sprintf("resource.attribute.%d", i), "a value of some length")
	}
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("github.com/example/library")
	for i := range 10 {
		m := sm.Metrics().AppendEmpty()
		m.SetName(fmt.Sprintf("http.server.metric.%d", i))
		for j := range 100 {
			fill(m, j)
		}
	}
	return md
}

func attributes(m pcommon.Map, j int) {
	m.PutStr("http.request.method", "GET")
	m.PutStr("http.route", fmt.Sprintf("/api/v1/orders/%d", j))
	m.PutInt("http.response.status_code", 200)
	m.PutStr("url.scheme", "https")
	m.PutStr("server.address", "shop.example.com")
	m.PutInt("server.port", 443)
	m.PutStr("network.protocol.version", "1.1")
	m.PutStr("user_agent.synthetic.type", "none")
}

func histogramCounts() []uint64 { return []uint64{1, 0, 3, 0, 0, 0, 2, 0, 0, 0, 0} }

func exponentialCounts() []uint64 { return []uint64{1, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1} }

func sumLoad() pmetric.Metrics {
	return load(func(m pmetric.Metric, j int) {
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptySum().SetIsMonotonic(true)
		}
		p := m.Sum().DataPoints().AppendEmpty()
		attributes(p.Attributes(), j)
		p.SetIntValue(int64(j))
	})
}

func histogramLoad() pmetric.Metrics {
	return load(func(m pmetric.Metric, j int) {
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyHistogram()
		}
		p := m.Histogram().DataPoints().AppendEmpty()
		attributes(p.Attributes(), j)
		p.ExplicitBounds().FromRaw([]float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000})
		p.BucketCounts().FromRaw(histogramCounts())
		p.SetCount(6)
		p.SetSum(42)
	})
}

func exponentialLoad() pmetric.Metrics {
	return load(func(m pmetric.Metric, j int) {
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyExponentialHistogram()
		}
		p := m.ExponentialHistogram().DataPoints().AppendEmpty()
		attributes(p.Attributes(), j)
		p.SetScale(3)
		p.Positive().SetOffset(4)
		p.Positive().BucketCounts().FromRaw(exponentialCounts())
		p.SetCount(7)
		p.SetSum(42)
	})
}

// date makes md a request of deltas again.
func date(md pmetric.Metrics, at time.Time) {
	start, end := pcommon.NewTimestampFromTime(at.Add(-time.Second)), pcommon.NewTimestampFromTime(at)
	const delta = pmetric.AggregationTemporalityDelta
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		switch m.Type() {
		case pmetric.MetricTypeSum:
			m.Sum().SetAggregationTemporality(delta)
			for _, p := range m.Sum().DataPoints().All() {
				p.SetStartTimestamp(start)
				p.SetTimestamp(end)
				p.SetIntValue(1)
			}
		case pmetric.MetricTypeHistogram:
			m.Histogram().SetAggregationTemporality(delta)
			for _, p := range m.Histogram().DataPoints().All() {
				p.SetStartTimestamp(start)
				p.SetTimestamp(end)
				p.SetCount(6)
				p.SetSum(42)
				p.BucketCounts().FromRaw(histogramCounts())
			}
		case pmetric.MetricTypeExponentialHistogram:
			m.ExponentialHistogram().SetAggregationTemporality(delta)
			for _, p := range m.ExponentialHistogram().DataPoints().All() {
				p.SetStartTimestamp(start)
				p.SetTimestamp(end)
				p.SetCount(7)
				p.SetSum(42)
				p.Positive().BucketCounts().FromRaw(exponentialCounts())
			}
		}
	}
}

// BenchmarkConvert converts requests of 1,000 time series that are known.
func BenchmarkConvert(b *testing.B) {
	for name, make := range map[string]func() pmetric.Metrics{"sum": sumLoad, "histogram": histogramLoad, "exponential": exponentialLoad} {
		b.Run(name, func(b *testing.B) {
			set := settings()
			set.GatewayKey, set.GatewayID = "otelcol.gateway", "abcdefgh"
			set.MaxStreams, set.MaxBuckets, set.MaxGrowth = 100_000, 4_000_000, 4_000_000
			c := New(set, NewBudget(1_000_000, 10_000_000), time.Unix(0, 0))
			at := time.Unix(1_700_000_000, 0)
			convert := func(md pmetric.Metrics) {
				at = at.Add(time.Second)
				date(md, at)
				conversion, err := c.Convert(md, at)
				if err != nil {
					b.Fatal(err)
				}
				conversion.Accept()
				conversion.Close()
			}
			for range 20 {
				convert(make())
			}
			md := make()
			b.ReportAllocs()
			for b.Loop() {
				convert(md)
			}
		})
	}
}
