// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package pdatasample has telemetry as applications send it, for tests and benchmarks.
package pdatasample

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Proto returns n records of the signal as an export request in protobuf. resource sets the
// attributes of their resource.
func Proto(signal tenant.Signal, n int, resource func(pcommon.Map)) ([]byte, error) {
	switch signal {
	case tenant.Metrics:
		return (&pmetric.ProtoMarshaler{}).MarshalMetrics(Metrics(n, resource))
	case tenant.Traces:
		return (&ptrace.ProtoMarshaler{}).MarshalTraces(Traces(n, resource))
	}
	return (&plog.ProtoMarshaler{}).MarshalLogs(Logs(n, resource))
}

// JSON is Proto for a request in JSON.
func JSON(signal tenant.Signal, n int, resource func(pcommon.Map)) ([]byte, error) {
	switch signal {
	case tenant.Metrics:
		return (&pmetric.JSONMarshaler{}).MarshalMetrics(Metrics(n, resource))
	case tenant.Traces:
		return (&ptrace.JSONMarshaler{}).MarshalTraces(Traces(n, resource))
	}
	return (&plog.JSONMarshaler{}).MarshalLogs(Logs(n, resource))
}

// Time is the time of the first record.
const Time = pcommon.Timestamp(1_796_000_000_000_000_000)

// IDs returns a trace ID and a span ID.
func IDs() (pcommon.TraceID, pcommon.SpanID) {
	return pcommon.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, pcommon.SpanID{0, 0, 0, 0, 0, 0, 0, 8}
}

// Resource sets the attributes of an application's resource.
func Resource(m pcommon.Map) {
	m.PutStr("service.name", "checkout")
	m.PutStr("service.instance.id", "7f1c6a52-3f0e-4d55-9a0e-1d1b5f2f3a10")
	m.PutStr("host.name", "node-17")
	m.PutStr("deployment.environment.name", "production")
	m.PutInt("process.pid", 4711)
	m.PutEmptySlice("process.command_args").AppendEmpty().SetStr("--config=/etc/app.yaml")
	m.PutStr("telemetry.sdk.language", "nodejs")
}

// Logs returns n log records of one resource.
func Logs(n int, resource func(pcommon.Map)) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	resource(rl.Resource().Attributes())
	rl.SetSchemaUrl("https://opentelemetry.io/schemas/1.38.0")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("app")
	sl.Scope().SetVersion("1.2.3")
	trace, span := IDs()
	for i := range n {
		r := sl.LogRecords().AppendEmpty()
		r.SetTimestamp(Time + pcommon.Timestamp(i)) //nolint:gosec // not negative
		r.SetObservedTimestamp(Time)
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

// Traces returns n spans of one resource.
func Traces(n int, resource func(pcommon.Map)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("app")
	trace, span := IDs()
	for i := range n {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(trace)
		s.SetSpanID(span)
		s.SetParentSpanID(span)
		s.SetName("GET /api/v1/orders/{id}")
		s.SetKind(ptrace.SpanKindServer)
		s.SetFlags(0x101)
		s.SetStartTimestamp(Time)
		s.SetEndTimestamp(Time + pcommon.Timestamp(i)) //nolint:gosec // not negative
		s.Attributes().PutStr("http.method", "GET")
		s.Attributes().PutStr("http.route", "/api/v1/orders/{id}")
		s.Attributes().PutInt("http.status_code", 200)
		e := s.Events().AppendEmpty()
		e.SetName("retry")
		e.SetTimestamp(Time)
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

// Metrics returns n metrics of one resource, of each type in turn.
func Metrics(n int, resource func(pcommon.Map)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	resource(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("app")
	attributes := func(m pcommon.Map) {
		m.PutStr("http.method", "GET")
		m.PutStr("http.route", "/api/v1/orders/{id}")
	}
	trace, span := IDs()
	for i := range n {
		m := sm.Metrics().AppendEmpty()
		m.SetName("http.server.request.duration")
		m.SetUnit("s")
		switch i % 5 {
		case 0:
			p := m.SetEmptyGauge().DataPoints().AppendEmpty()
			p.SetTimestamp(Time)
			p.SetIntValue(int64(i))
			attributes(p.Attributes())
		case 1:
			p := m.SetEmptySum().DataPoints().AppendEmpty()
			p.SetTimestamp(Time)
			p.SetDoubleValue(0.1 * float64(i))
			m.Sum().SetIsMonotonic(true)
			m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			attributes(p.Attributes())
			e := p.Exemplars().AppendEmpty()
			e.SetTimestamp(Time)
			e.SetDoubleValue(1.5)
			e.SetTraceID(trace)
			e.SetSpanID(span)
			e.FilteredAttributes().PutStr("user", "42")
		case 2:
			p := m.SetEmptyHistogram().DataPoints().AppendEmpty()
			m.Histogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p.SetTimestamp(Time)
			p.SetCount(10)
			p.SetSum(2.5)
			p.SetMin(0)
			p.BucketCounts().FromRaw([]uint64{1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0})
			p.ExplicitBounds().FromRaw([]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5})
			attributes(p.Attributes())
		case 3:
			p := m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
			m.ExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p.SetTimestamp(Time)
			p.SetCount(10)
			p.SetScale(-3)
			p.Positive().SetOffset(2)
			p.Positive().BucketCounts().FromRaw([]uint64{1, 200, 3000, 40000})
			attributes(p.Attributes())
		default:
			p := m.SetEmptySummary().DataPoints().AppendEmpty()
			p.SetTimestamp(Time)
			p.SetCount(10)
			q := p.QuantileValues().AppendEmpty()
			q.SetQuantile(0.99)
			q.SetValue(1.25)
			attributes(p.Attributes())
		}
	}
	return md
}
