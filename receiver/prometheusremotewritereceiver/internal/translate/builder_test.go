// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

func newMemory() *memory.Memory {
	return memory.New(memory.Settings{Families: 100, Targets: 100, Bytes: 1 << 20})
}

func newBuilder(m *memory.Memory, id tenant.ID) *Builder {
	return new(Builders).Get(m.Of(id), 1<<20, func(int64) error { return nil })
}

// series returns a series with a sample. Labels are names and values, sorted by name.
func series(name string, labels ...string) *message.Series {
	s := &message.Series{Name: name, Samples: []message.Sample{{Value: 1, Timestamp: 1000}}}
	for i := 0; i < len(labels); i += 2 {
		s.Labels = append(s.Labels, message.Label{Name: labels[i], Value: labels[i+1]})
	}
	return s
}

func typed(s *message.Series, t message.Type, unit string) *message.Series {
	s.Metadata = message.Metadata{Type: t, Help: "help", Unit: unit}
	return s
}

func build(t *testing.T, b *Builder, all ...*message.Series) Result {
	t.Helper()
	for _, s := range all {
		require.NoError(t, b.Add(s))
	}
	return b.Finish()
}

// only returns the one metric of a result.
func only(t *testing.T, r Result) pmetric.Metric {
	t.Helper()
	require.Equal(t, 1, r.Metrics.MetricCount())
	return r.Metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
}

// The type of a series depends on its name and its family alone, and its name is never one
// that OTLP readers change.
func TestBuilder_Types(t *testing.T) {
	for _, tt := range []struct {
		name      string
		typ       message.Type
		unit      string
		want      pmetric.MetricType
		monotonic bool
		wantType  string
		wantUnit  string
	}{
		{"requests_total", message.Counter, "", pmetric.MetricTypeSum, true, "", ""},
		{"requests_total", message.Unknown, "", pmetric.MetricTypeSum, true, "", ""},
		{"busy_seconds_total", message.Counter, "seconds", pmetric.MetricTypeSum, true, "", "seconds"},
		{"requests", message.Counter, "", pmetric.MetricTypeSum, false, "counter", ""},
		{"go_gc_cycles_total_gc_cycles_total", message.Counter, "", pmetric.MetricTypeSum, false, "counter", ""},
		{"_total", message.Counter, "", pmetric.MetricTypeSum, false, "counter", ""},
		{"items_total", message.Gauge, "", pmetric.MetricTypeGauge, false, "", ""},
		{"temperature_celsius", message.Gauge, "celsius", pmetric.MetricTypeGauge, false, "", "celsius"},
		{"temperature", message.Gauge, "celsius", pmetric.MetricTypeGauge, false, "", ""},
		{"used", message.Gauge, "1", pmetric.MetricTypeGauge, false, "", ""},
		{"length_m", message.Gauge, "m", pmetric.MetricTypeGauge, false, "", ""},
		{"x_bucket", message.Histogram, "seconds", pmetric.MetricTypeSum, false, "histogram", ""},
		{"x_seconds_bucket", message.Histogram, "seconds", pmetric.MetricTypeSum, false, "histogram", ""},
		{"x_count", message.Histogram, "", pmetric.MetricTypeSum, false, "histogram", ""},
		{"x_sum", message.Summary, "", pmetric.MetricTypeSum, false, "summary", ""},
		{"x", message.Summary, "", pmetric.MetricTypeGauge, false, "summary", ""},
		{"x_count", message.Unknown, "", pmetric.MetricTypeSum, false, "unknown", ""},
		{"x_count", message.Gauge, "", pmetric.MetricTypeGauge, false, "", ""},
		{"x_bucket", message.GaugeHistogram, "", pmetric.MetricTypeGauge, false, "gaugehistogram", ""},
		{"x_created", message.Counter, "", pmetric.MetricTypeGauge, false, "counter", ""},
		{"build_info", message.Info, "", pmetric.MetricTypeSum, false, "info", ""},
		{"state", message.StateSet, "", pmetric.MetricTypeSum, false, "stateset", ""},
		{"up", message.Unknown, "", pmetric.MetricTypeGauge, false, "unknown", ""},
		{"größe.total", message.Unknown, "", pmetric.MetricTypeGauge, false, "unknown", ""},
	} {
		t.Run(tt.name+"/"+tt.typ.String()+"/"+tt.unit, func(t *testing.T) {
			r := build(t, newBuilder(newMemory(), "a"), typed(series(tt.name), tt.typ, tt.unit))
			m := only(t, r)
			assert.Equal(t, tt.name, m.Name())
			assert.Equal(t, "help", m.Description())
			assert.Equal(t, tt.wantUnit, m.Unit())
			require.Equal(t, tt.want, m.Type())
			if tt.want == pmetric.MetricTypeSum {
				assert.Equal(t, tt.monotonic, m.Sum().IsMonotonic())
				assert.Equal(t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
			}
			got := ""
			if v, ok := m.Metadata().Get("prometheus.type"); ok {
				got = v.Str()
			}
			assert.Equal(t, tt.wantType, got)
		})
	}
}

func TestBuilder_ResourcesAndScopes(t *testing.T) {
	r := build(t, newBuilder(newMemory(), "a"),
		series("m", "instance", "h:1", "job", "ns/app", "x", "1"),
		series("m", "instance", "h:1", "job", "ns/app", "x", "2"),
		series("m", "instance", "h:1", "job", "a/b/c"),
		series("m", "job", "/app"),
		series("m", "instance", "h:1", "job", "ns/app", "otel_scope_name", "lib", "otel_scope_schema_url", "https://s", "otel_scope_version", "2", "otel_scope_z", "y"),
		series("m"),
	)
	want := []map[string]any{
		{"service.namespace": "ns", "service.name": "app", "service.instance.id": "h:1"},
		{"service.name": "a/b/c", "service.instance.id": "h:1"},
		{"service.name": "/app"},
		{},
	}
	require.Equal(t, len(want), r.Metrics.ResourceMetrics().Len())
	for i, attrs := range want {
		assert.Equal(t, attrs, r.Metrics.ResourceMetrics().At(i).Resource().Attributes().AsRaw())
	}
	scopes := r.Metrics.ResourceMetrics().At(0).ScopeMetrics()
	require.Equal(t, 2, scopes.Len())
	points := scopes.At(0).Metrics().At(0).Gauge().DataPoints()
	require.Equal(t, 2, points.Len(), "series of a name are points of a metric")
	assert.Equal(t, map[string]any{"x": "2"}, points.At(1).Attributes().AsRaw())
	scope := scopes.At(1)
	assert.Equal(t, "lib 2 https://s", scope.Scope().Name()+" "+scope.Scope().Version()+" "+scope.SchemaUrl())
	assert.Equal(t, map[string]any{"z": "y"}, scope.Scope().Attributes().AsRaw())
	assert.Equal(t, Written{Samples: 6}, r.Written)
}

func TestBuilder_Samples(t *testing.T) {
	s := series("m_total")
	s.Samples = []message.Sample{
		{Value: 1.5, Timestamp: 2000, Start: 1000},
		{Value: math.Float64frombits(0x7ff0000000000002), Timestamp: 3000},
		{Value: math.NaN(), Timestamp: 4000},
	}
	points := only(t, build(t, newBuilder(newMemory(), "a"), s)).Sum().DataPoints()
	require.Equal(t, 3, points.Len())
	assert.InDelta(t, 1.5, points.At(0).DoubleValue(), 0)
	assert.EqualValues(t, 2_000_000_000, points.At(0).Timestamp())
	assert.EqualValues(t, 1_000_000_000, points.At(0).StartTimestamp())
	assert.True(t, points.At(1).Flags().NoRecordedValue())
	assert.Equal(t, pmetric.NumberDataPointValueTypeEmpty, points.At(1).ValueType())
	assert.False(t, points.At(2).Flags().NoRecordedValue())
	assert.True(t, math.IsNaN(points.At(2).DoubleValue()))
}

// Metadata of 1.0 is that of later messages of the same tenant.
func TestBuilder_RemembersFamilies(t *testing.T) {
	m := newMemory()
	a := m.Of("a")
	a.SetFamily("x", message.Metadata{Type: message.Histogram, Help: "of a"})
	a.SetFamily("y", message.Metadata{Type: message.Counter, Help: "of y"})
	for name, want := range map[string]string{"x_bucket": "of a", "x_sum": "of a", "x": "of a", "y_total": "of y", "y_bucket": "", "x_other": ""} {
		assert.Equal(t, want, only(t, build(t, newBuilder(m, "a"), series(name))).Description(), name)
	}
}

// TestBuilder_TenantsShareNothing has two tenants with the same target, families and
// series, one of which has described them.
func TestBuilder_TenantsShareNothing(t *testing.T) {
	m := newMemory()
	m.Of("a").SetFamily("x_total", message.Metadata{Type: message.Gauge, Help: "secret of a"})
	info := series("target_info", "instance", "i", "job", "j", "secret", "of a")
	waits := series("x_total", "instance", "i", "job", "j")
	waits.Samples = nil
	waits.Exemplars = []message.Exemplar{{Value: 1, Timestamp: 1, Labels: []message.Label{{Name: "secret", Value: "of a"}}}}
	r := build(t, newBuilder(m, "a"), info, waits)
	require.Len(t, r.Missing, 1)
	assert.Zero(t, m.Of("a").KeepExemplars(r.Missing))
	of := func(id tenant.ID) (string, map[string]any, int) {
		r := build(t, newBuilder(m, id), series("x_total", "instance", "i", "job", "j"))
		metric := only(t, r)
		var exemplars int
		if metric.Type() == pmetric.MetricTypeSum {
			exemplars = metric.Sum().DataPoints().At(0).Exemplars().Len()
		} else {
			exemplars = metric.Gauge().DataPoints().At(0).Exemplars().Len()
		}
		return metric.Description(), r.Metrics.ResourceMetrics().At(0).Resource().Attributes().AsRaw(), exemplars
	}
	description, attrs, exemplars := of("b")
	assert.Empty(t, description)
	assert.Equal(t, map[string]any{"service.name": "j", "service.instance.id": "i"}, attrs)
	assert.Zero(t, exemplars)
	description, attrs, exemplars = of("a")
	assert.Equal(t, "secret of a", description)
	assert.Equal(t, "of a", attrs["secret"])
	assert.Equal(t, 1, exemplars)
}

func TestBuilder_TargetInfo(t *testing.T) {
	m := newMemory()
	info := series("target_info", "instance", "i", "job", "ns/j", "k8s_pod", "p", "service_name", "other")
	r := build(t, newBuilder(m, "a"), series("up", "instance", "i", "job", "ns/j"), info)
	assert.Equal(t, "up", only(t, r).Name(), "target_info itself is no metric")
	want := map[string]any{"k8s_pod": "p", "service_name": "other", "service.namespace": "ns", "service.name": "j", "service.instance.id": "i"}
	assert.Equal(t, want, r.Metrics.ResourceMetrics().At(0).Resource().Attributes().AsRaw())
	assert.Equal(t, 2, r.Written.Samples)

	alone := build(t, newBuilder(m, "a"), info)
	assert.Zero(t, alone.Metrics.DataPointCount())
	stale := series("target_info", "instance", "i", "job", "ns/j", "k8s_pod", "p", "service_name", "other")
	stale.Samples[0].Value = math.Float64frombits(0x7ff0000000000002)
	build(t, newBuilder(m, "a"), stale)
	r = build(t, newBuilder(m, "a"), series("up", "instance", "i", "job", "ns/j"))
	assert.NotContains(t, r.Metrics.ResourceMetrics().At(0).Resource().Attributes().AsRaw(), "k8s_pod")

	build(t, newBuilder(m, "a"), series("target_info", "instance", "i", "job", "j", "service.instance.id", "x", "service.name", "x", "service.namespace", "x"))
	r = build(t, newBuilder(m, "a"), series("up", "instance", "i", "job", "j"))
	assert.Equal(t, map[string]any{"service.name": "j", "service.instance.id": "i"}, r.Metrics.ResourceMetrics().At(0).Resource().Attributes().AsRaw(),
		"job and instance are those of the series")

	r = build(t, newBuilder(m, "a"), series("target_info", "k8s_pod", "p"))
	assert.Equal(t, "target_info", only(t, r).Name(), "without a target it is a metric")
}

func TestBuilder_Exemplars(t *testing.T) {
	m := newMemory()
	traced := []message.Exemplar{{Value: 2, Timestamp: 5, Labels: []message.Label{
		{Name: "span_id", Value: "00f067aa0ba902b7"}, {Name: "trace_id", Value: "4bf92f3577b34da6a3ce929d0e0e4736"}, {Name: "user", Value: "u"},
	}}}
	alone := series("x_bucket", "le", "1")
	alone.Samples, alone.Exemplars = nil, traced
	r := build(t, newBuilder(m, "a"), alone, series("x_bucket", "le", "1"), series("x_bucket", "le", "2"))
	points := only(t, r).Sum().DataPoints()
	require.Equal(t, 1, points.At(0).Exemplars().Len())
	assert.Zero(t, points.At(1).Exemplars().Len())
	e := points.At(0).Exemplars().At(0)
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", e.TraceID().String())
	assert.Equal(t, "00f067aa0ba902b7", e.SpanID().String())
	assert.Equal(t, map[string]any{"user": "u"}, e.FilteredAttributes().AsRaw())
	assert.EqualValues(t, 5_000_000, e.Timestamp())
	assert.Equal(t, Written{Samples: 2, Exemplars: 1}, r.Written)

	with := series("x_bucket", "le", "1")
	with.Exemplars = []message.Exemplar{{Labels: []message.Label{{Name: "trace_id", Value: "short"}, {Name: "span_id", Value: "zzzzzzzzzzzzzzzz"}}}}
	e = only(t, build(t, newBuilder(m, "a"), with)).Sum().DataPoints().At(0).Exemplars().At(0)
	assert.Equal(t, map[string]any{"trace_id": "short", "span_id": "zzzzzzzzzzzzzzzz"}, e.FilteredAttributes().AsRaw())

	r = build(t, newBuilder(m, "a"), alone)
	require.Len(t, r.Missing, 1)
	m.Of("a").KeepExemplars(r.Missing)
	r = build(t, newBuilder(m, "a"), series("x_bucket", "le", "2"))
	require.Len(t, r.Missing, 1)
	require.Len(t, r.Earlier, 1)
	m.Of("a").KeepExemplars(r.Missing)
	r = build(t, newBuilder(m, "a"), series("x_bucket", "le", "1"))
	assert.Empty(t, r.Missing)
	assert.Equal(t, 1, only(t, r).Sum().DataPoints().At(0).Exemplars().Len())
}

func native(h message.NativeHistogram) *message.Series {
	h.Timestamp = 1000
	return &message.Series{Name: "h", Histograms: []message.NativeHistogram{h}}
}

func TestBuilder_ExponentialHistograms(t *testing.T) {
	m := only(t, build(t, newBuilder(newMemory(), "a"), native(message.NativeHistogram{
		Count: 12, Sum: 18.5, ZeroCount: 2, ZeroThreshold: 0.001, Schema: 1, Start: 500,
		Positive: message.Buckets{Spans: []message.Span{{Offset: 0, Length: 2}, {Offset: 1, Length: 1}}, Deltas: []int64{1, 2, -1}},
		Negative: message.Buckets{Spans: []message.Span{{Offset: -3, Length: 1}}, Deltas: []int64{4}},
	})))
	require.Equal(t, pmetric.MetricTypeExponentialHistogram, m.Type())
	assert.Equal(t, pmetric.AggregationTemporalityCumulative, m.ExponentialHistogram().AggregationTemporality())
	p := m.ExponentialHistogram().DataPoints().At(0)
	assert.Equal(t, []uint64{1, 3, 0, 2}, p.Positive().BucketCounts().AsRaw())
	assert.EqualValues(t, -1, p.Positive().Offset(), "OTLP names buckets by their lower bounds")
	assert.Equal(t, []uint64{4}, p.Negative().BucketCounts().AsRaw())
	assert.EqualValues(t, -4, p.Negative().Offset())
	assert.EqualValues(t, 12, p.Count())
	assert.EqualValues(t, 2, p.ZeroCount())
	assert.InDelta(t, 0.001, p.ZeroThreshold(), 0)
	assert.InDelta(t, 18.5, p.Sum(), 0)
	assert.EqualValues(t, 1, p.Scale())
	assert.EqualValues(t, 500_000_000, p.StartTimestamp())
}

func TestBuilder_FloatAndGaugeHistograms(t *testing.T) {
	r := build(t, newBuilder(newMemory(), "a"), native(message.NativeHistogram{
		Float: true, CountFloat: 3.6, ResetHint: message.ResetGauge,
		Positive: message.Buckets{Spans: []message.Span{{Offset: 1, Length: 2}}, Counts: []float64{1.6, 2}},
	}))
	m := only(t, r)
	typ, _ := m.Metadata().Get("prometheus.type")
	assert.Equal(t, "gaugehistogram", typ.Str())
	p := m.ExponentialHistogram().DataPoints().At(0)
	assert.Equal(t, []uint64{2, 2}, p.Positive().BucketCounts().AsRaw())
	assert.EqualValues(t, 4, p.Count())
	assert.Equal(t, 1, r.Rounded)
}

func TestBuilder_CustomBuckets(t *testing.T) {
	r := build(t, newBuilder(newMemory(), "a"), native(message.NativeHistogram{
		Schema: message.CustomBuckets, Count: 6, Sum: 9, CustomValues: []float64{0.5, 1, 5},
		Positive: message.Buckets{Spans: []message.Span{{Offset: 1, Length: 1}, {Offset: 1, Length: 1}}, Deltas: []int64{2, 2}},
	}))
	m := only(t, r)
	require.Equal(t, pmetric.MetricTypeHistogram, m.Type())
	p := m.Histogram().DataPoints().At(0)
	assert.Equal(t, []float64{0.5, 1, 5}, p.ExplicitBounds().AsRaw())
	assert.Equal(t, []uint64{0, 2, 0, 4}, p.BucketCounts().AsRaw())
	assert.InDelta(t, 9, p.Sum(), 0)
}

func TestBuilder_StaleHistograms(t *testing.T) {
	stale := math.Float64frombits(0x7ff0000000000002)
	p := only(t, build(t, newBuilder(newMemory(), "a"), native(message.NativeHistogram{Sum: stale}))).ExponentialHistogram().DataPoints().At(0)
	assert.True(t, p.Flags().NoRecordedValue())
	assert.False(t, p.HasSum())
}

// A histogram that is wider than OTLP can sensibly have loses resolution and no observation.
func TestBuilder_WideHistograms(t *testing.T) {
	b := message.Buckets{Spans: []message.Span{{Offset: -200_000, Length: 1}, {Offset: 300_000, Length: 1}}, Deltas: []int64{3, 2}}
	r := build(t, newBuilder(newMemory(), "a"), native(message.NativeHistogram{Schema: 8, Count: 8, Positive: b}))
	p := only(t, r).ExponentialHistogram().DataPoints().At(0)
	assert.LessOrEqual(t, p.Positive().BucketCounts().Len(), maxBuckets)
	var sum uint64
	for _, c := range p.Positive().BucketCounts().AsRaw() {
		sum += c
	}
	assert.EqualValues(t, 8, sum)
	shift := 8 - int64(p.Scale())
	assert.EqualValues(t, (-200_001)>>shift, p.Positive().Offset())
	assert.Equal(t, 1, r.Reduced)
}

// What the metrics hold is reserved before.
func TestBuilder_Reserves(t *testing.T) {
	denied := errors.New("denied")
	var reserved int64
	b := new(Builders).Get(newMemory().Of("a"), 1<<20, func(n int64) error {
		if reserved += n; reserved > 100<<10 {
			return denied
		}
		return nil
	})
	var err error
	n := 0
	for ; err == nil; n++ {
		err = b.Add(series("m"+strconv.Itoa(n), "job", strconv.Itoa(n)))
	}
	require.ErrorIs(t, err, denied)
	assert.Less(t, n, 100)
	wide := native(message.NativeHistogram{Schema: 8, Count: 2, Positive: message.Buckets{Spans: []message.Span{{Offset: 0, Length: 1}, {Offset: 16_000, Length: 1}}, Deltas: []int64{1, 0}}})
	reserved = 0
	b = new(Builders).Get(newMemory().Of("a"), 1<<20, func(n int64) error { reserved += n; return nil })
	require.NoError(t, b.Add(wide))
	assert.Greater(t, reserved, int64(16_000*8))
}

// A text counts as often as the metrics have it: a message that refers to one often is small,
// and large once its metrics are encoded.
func TestBuilder_BoundsText(t *testing.T) {
	const most = 1 << 20
	long := strings.Repeat("x", 10<<10)
	withSamples := func(n int, labels ...string) *message.Series {
		s := series("m", labels...)
		s.Samples = slices.Repeat(s.Samples, n)
		return s
	}
	with := func(s *message.Series, change func(*message.Series)) *message.Series {
		change(s)
		return s
	}
	m := memory.New(memory.Settings{Families: 100, Targets: 1000, Bytes: 64 << 20})
	for i := range 200 {
		m.Of("a").SetTarget(memory.Target{Job: "known", Instance: strconv.Itoa(i)}, []message.Label{{Name: "k", Value: long}})
	}
	for name, next := range map[string]func(i int) *message.Series{
		"value":       func(int) *message.Series { return series("m", "a", long) },
		"label name":  func(int) *message.Series { return series("m", long, "a") },
		"metric name": func(int) *message.Series { return series(long) },
		"scope":       func(int) *message.Series { return series("m", "otel_scope_a", long) },
		"job":         func(int) *message.Series { return series("m", "job", long) },
		"samples":     func(int) *message.Series { return withSamples(200, "a", long) },
		"histograms": func(int) *message.Series {
			return with(native(message.NativeHistogram{}), func(s *message.Series) { s.Labels = []message.Label{{Name: "a", Value: long}} })
		},
		"help": func(i int) *message.Series {
			return with(series("m"+strconv.Itoa(i)), func(s *message.Series) { s.Metadata.Help = long })
		},
		"unit": func(i int) *message.Series {
			return with(series("m"+strconv.Itoa(i)), func(s *message.Series) { s.Metadata.Unit = long })
		},
		"target_info":  func(i int) *message.Series { return series("target_info", "a", long, "job", strconv.Itoa(i)) },
		"known target": func(i int) *message.Series { return series("m", "instance", strconv.Itoa(i), "job", "known") },
		"exemplars": func(int) *message.Series {
			return with(series("m"), func(s *message.Series) {
				s.Exemplars = []message.Exemplar{{Labels: []message.Label{{Name: "a", Value: long}}}}
			})
		},
		"exemplar only": func(int) *message.Series {
			return with(series("m", "a", long), func(s *message.Series) { s.Samples = nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var reserved int64
			b := new(Builders).Get(m.Of("a"), most, func(n int64) error { reserved += n; return nil })
			var err error
			n := 0
			for ; err == nil && n < 200; n++ {
				err = b.Add(next(n))
			}
			require.ErrorIs(t, err, ErrTooLarge)
			assert.LessOrEqual(t, n, most/len(long)+1)
			assert.Less(t, reserved, int64(2*most))
			if n > 1 {
				assert.GreaterOrEqual(t, reserved+reserveStep, int64((n-1)*len(long)), "it counts for the tenant")
			}
		})
	}
}
