// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// sample returns a request of the signal as an SDK sends it, with n records.
func sample(tb testing.TB, signal tenant.Signal, json bool, n int) []byte {
	tb.Helper()
	var (
		data []byte
		err  error
	)
	switch signal {
	case tenant.Metrics:
		if md := sampleMetrics(n); json {
			data, err = (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		} else {
			data, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		}
	case tenant.Traces:
		if td := sampleTraces(n); json {
			data, err = (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		} else {
			data, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		}
	default:
		if ld := sampleLogs(n); json {
			data, err = (&plog.JSONMarshaler{}).MarshalLogs(ld)
		} else {
			data, err = (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		}
	}
	require.NoError(tb, err)
	return data
}

const sampleTime = pcommon.Timestamp(1_796_000_000_000_000_000)

var (
	sampleTrace = pcommon.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	sampleSpan  = pcommon.SpanID{1, 2, 3, 4, 5, 6, 7, 8}
)

func sampleResource(m pcommon.Map) {
	m.PutStr("service.name", "checkout")
	m.PutStr("service.instance.id", "7f1c6a52-3f0e-4d55-9a0e-1d1b5f2f3a10")
	m.PutStr("host.name", "node-17")
	m.PutInt("process.pid", 4711)
	m.PutEmptySlice("process.command_args").AppendEmpty().SetStr("--config=/etc/app.yaml")
}

func sampleLogs(n int) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	sampleResource(rl.Resource().Attributes())
	rl.SetSchemaUrl("https://opentelemetry.io/schemas/1.38.0")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("app")
	sl.Scope().SetVersion("1.2.3")
	for i := range n {
		r := sl.LogRecords().AppendEmpty()
		r.SetTimestamp(sampleTime + pcommon.Timestamp(i))
		r.SetObservedTimestamp(sampleTime)
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
		r.Body().SetStr("GET /api/v1/orders/12345 took 37 ms, answered with 200 " + strings.Repeat("x", 60))
		r.SetTraceID(sampleTrace)
		r.SetSpanID(sampleSpan)
		r.Attributes().PutStr("http.method", "GET")
		r.Attributes().PutStr("http.route", "/api/v1/orders/{id}")
		r.Attributes().PutInt("http.status_code", 200)
		r.Attributes().PutDouble("duration", 0.0374)
	}
	return ld
}

func sampleTraces(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	sampleResource(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("app")
	for i := range n {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(sampleTrace)
		s.SetSpanID(sampleSpan)
		s.SetParentSpanID(sampleSpan)
		s.SetName("GET /api/v1/orders/{id}")
		s.SetKind(ptrace.SpanKindServer)
		s.SetStartTimestamp(sampleTime)
		s.SetEndTimestamp(sampleTime + pcommon.Timestamp(i))
		s.Attributes().PutStr("http.method", "GET")
		s.Attributes().PutStr("http.route", "/api/v1/orders/{id}")
		s.Attributes().PutInt("http.status_code", 200)
		e := s.Events().AppendEmpty()
		e.SetName("retry")
		e.SetTimestamp(sampleTime)
		e.Attributes().PutInt("attempt", 2)
		if i%8 == 0 {
			l := s.Links().AppendEmpty()
			l.SetTraceID(sampleTrace)
			l.SetSpanID(sampleSpan)
			l.Attributes().PutBool("sampled", true)
			s.Status().SetCode(ptrace.StatusCodeError)
			s.Status().SetMessage("deadline exceeded")
		}
	}
	return td
}

func sampleMetrics(n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	sampleResource(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("app")
	attributes := func(m pcommon.Map) {
		m.PutStr("http.method", "GET")
		m.PutStr("http.route", "/api/v1/orders/{id}")
	}
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
			e.SetTraceID(sampleTrace)
			e.SetSpanID(sampleSpan)
			e.FilteredAttributes().PutStr("user", "42")
		case 2:
			p := m.SetEmptyHistogram().DataPoints().AppendEmpty()
			p.SetTimestamp(sampleTime)
			p.SetCount(10)
			p.SetSum(2.5)
			p.BucketCounts().FromRaw([]uint64{1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0})
			p.ExplicitBounds().FromRaw([]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5})
			attributes(p.Attributes())
		case 3:
			p := m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
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
