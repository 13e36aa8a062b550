// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// asSDK returns a request as SDKs write it: fields in the order of their numbers. pdata writes
// them in the opposite order.
func asSDK(t testing.TB, signal tenant.Signal, data []byte) []byte {
	t.Helper()
	var m proto.Message
	switch signal {
	case tenant.Metrics:
		m = &metrics.MetricsData{}
	case tenant.Traces:
		m = &traces.TracesData{}
	default:
		m = &logs.LogsData{}
	}
	require.NoError(t, proto.Unmarshal(data, m))
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(t, err)
	return out
}

// sampleRequest returns a request as a collector sends it, with n records.
func sampleRequest(t testing.TB, signal tenant.Signal, n int, resource func(pcommon.Map)) []byte {
	t.Helper()
	var (
		data []byte
		err  error
	)
	switch signal {
	case tenant.Metrics:
		data, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(sampleMetrics(n, resource))
	case tenant.Traces:
		data, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(sampleTraces(n, resource))
	default:
		data, err = (&plog.ProtoMarshaler{}).MarshalLogs(sampleLogs(n, resource))
	}
	require.NoError(t, err)
	return data
}

const sampleTime = pcommon.Timestamp(1_796_000_000_000_000_000)

// sampleIDs are a trace ID and a span ID.
func sampleIDs() (pcommon.TraceID, pcommon.SpanID) {
	return pcommon.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, pcommon.SpanID{0, 0, 0, 0, 0, 0, 0, 8}
}

func sampleResource(m pcommon.Map) {
	m.PutStr("service.name", "checkout")
	m.PutStr("service.instance.id", "7f1c6a52-3f0e-4d55-9a0e-1d1b5f2f3a10")
	m.PutStr("host.name", "node-17")
	m.PutStr("deployment.environment.name", "production")
	m.PutInt("process.pid", 4711)
	m.PutEmptySlice("process.command_args").AppendEmpty().SetStr("--config=/etc/app.yaml")
	m.PutStr("telemetry.sdk.language", "nodejs")
}

func sampleLogs(n int, resource func(pcommon.Map)) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	resource(rl.Resource().Attributes())
	rl.SetSchemaUrl("https://opentelemetry.io/schemas/1.38.0")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("app")
	sl.Scope().SetVersion("1.2.3")
	trace, span := sampleIDs()
	for i := range n {
		r := sl.LogRecords().AppendEmpty()
		r.SetTimestamp(sampleTime + pcommon.Timestamp(i)) //nolint:gosec // not negative
		r.SetObservedTimestamp(sampleTime)
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
		r.Body().SetStr("GET /api/v1/orders/12345 took 37 ms, answered with 200 " + strings.Repeat("x", 60))
		r.SetTraceID(trace)
		r.SetSpanID(span)
		r.SetFlags(plog.DefaultLogRecordFlags.WithIsSampled(true))
		r.Attributes().PutStr("http.method", "GET")
		r.Attributes().PutStr("http.route", "/api/v1/orders/{id}")
		r.Attributes().PutInt("http.status_code", 200)
		r.Attributes().PutDouble("duration", 0.0374)
		if i%9 == 8 {
			r.Attributes().PutStr("exception.stacktrace", strings.Repeat("at f (file.js:1:1)\n", 20))
			r.Attributes().PutEmptyMap("context").PutStr("user", "J\u00fcrgen")
			r.SetEventName("exception")
		}
	}
	return ld
}

func sampleTraces(n int, resource func(pcommon.Map)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("app")
	trace, span := sampleIDs()
	for i := range n {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(trace)
		s.SetSpanID(span)
		s.SetParentSpanID(span)
		s.SetName("GET /api/v1/orders/{id}")
		s.SetKind(ptrace.SpanKindServer)
		s.SetFlags(0x101)
		s.SetStartTimestamp(sampleTime)
		s.SetEndTimestamp(sampleTime + pcommon.Timestamp(i)) //nolint:gosec // not negative
		s.Attributes().PutStr("http.method", "GET")
		s.Attributes().PutStr("http.route", "/api/v1/orders/{id}")
		s.Attributes().PutInt("http.status_code", 200)
		e := s.Events().AppendEmpty()
		e.SetName("retry")
		e.SetTimestamp(sampleTime)
		e.Attributes().PutInt("attempt", 2)
		if i%8 == 0 {
			l := s.Links().AppendEmpty()
			l.SetTraceID(trace)
			l.SetSpanID(span)
			l.SetFlags(1)
			l.Attributes().PutBool("sampled", true)
			s.Status().SetCode(ptrace.StatusCodeError)
			s.Status().SetMessage("deadline exceeded")
			s.TraceState().FromRaw("a=b")
		}
	}
	return td
}

func sampleMetrics(n int, resource func(pcommon.Map)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	resource(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("app")
	attributes := func(m pcommon.Map) {
		m.PutStr("http.method", "GET")
		m.PutStr("http.route", "/api/v1/orders/{id}")
	}
	trace, span := sampleIDs()
	for i := range n {
		m := sm.Metrics().AppendEmpty()
		m.SetName("http.server.request.duration")
		m.SetUnit("s")
		switch i % 5 {
		case 0:
			p := m.SetEmptyGauge().DataPoints().AppendEmpty()
			p.SetTimestamp(sampleTime)
			p.SetIntValue(int64(i))
			attributes(p.Attributes())
		case 1:
			p := m.SetEmptySum().DataPoints().AppendEmpty()
			p.SetTimestamp(sampleTime)
			p.SetDoubleValue(0.1 * float64(i))
			m.Sum().SetIsMonotonic(true)
			m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			attributes(p.Attributes())
			e := p.Exemplars().AppendEmpty()
			e.SetTimestamp(sampleTime)
			e.SetDoubleValue(1.5)
			e.SetTraceID(trace)
			e.SetSpanID(span)
			e.FilteredAttributes().PutStr("user", "42")
		case 2:
			p := m.SetEmptyHistogram().DataPoints().AppendEmpty()
			m.Histogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p.SetTimestamp(sampleTime)
			p.SetCount(10)
			p.SetSum(2.5)
			p.SetMin(0)
			p.BucketCounts().FromRaw([]uint64{1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0})
			p.ExplicitBounds().FromRaw([]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5})
			attributes(p.Attributes())
		case 3:
			p := m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
			m.ExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p.SetTimestamp(sampleTime)
			p.SetCount(10)
			p.SetScale(-3)
			p.Positive().SetOffset(2)
			p.Positive().BucketCounts().FromRaw([]uint64{1, 200, 3000, 40000})
			attributes(p.Attributes())
		default:
			p := m.SetEmptySummary().DataPoints().AppendEmpty()
			p.SetTimestamp(sampleTime)
			p.SetCount(10)
			q := p.QuantileValues().AppendEmpty()
			q.SetQuantile(0.99)
			q.SetValue(1.25)
			attributes(p.Attributes())
		}
	}
	return md
}
