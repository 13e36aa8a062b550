package backend

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestSplit_LogsStayInTheirResourcesAndOrder(t *testing.T) {
	ld := plog.NewLogs()
	var want []string
	for r := range 3 {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutInt("r", int64(r))
		for s := range 2 {
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(fmt.Sprint(s))
			for i := range 10 {
				body := fmt.Sprintf("%d/%d/%d", r, s, i)
				sl.LogRecords().AppendEmpty().Body().SetStr(body + strings.Repeat("x", 100))
				want = append(want, body)
			}
		}
	}
	data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	pieces, err := Split(tenant.Logs, data, 60, 1000)
	require.NoError(t, err)
	assert.Greater(t, len(pieces), 5)
	var got []string
	for _, p := range pieces {
		assert.LessOrEqual(t, len(p.Data), 1000)
		r := plogotlp.NewExportRequest()
		require.NoError(t, r.UnmarshalProto(p.Data))
		assert.Equal(t, p.Records, r.Logs().LogRecordCount())
		for _, rl := range r.Logs().ResourceLogs().All() {
			v, _ := rl.Resource().Attributes().Get("r")
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					body := strings.TrimRight(lr.Body().Str(), "x")
					assert.True(t, strings.HasPrefix(body, fmt.Sprintf("%d/%s/", v.Int(), sl.Scope().Name())))
					got = append(got, body)
				}
			}
		}
	}
	assert.Equal(t, want, got)
}

func TestSplit_LeavesWhatFitsAndWhatCannotBeCut(t *testing.T) {
	data := []byte("not looked at")
	pieces, err := Split(tenant.Logs, data, 10, len(data))
	require.NoError(t, err)
	assert.Equal(t, []Piece{{data, 10}}, pieces)
	pieces, err = Split(tenant.Logs, data, 1, 1)
	require.NoError(t, err)
	assert.Equal(t, []Piece{{data, 1}}, pieces)
	_, err = Split(tenant.Traces, data, 2, 1)
	assert.ErrorContains(t, err, "decoding traces")
}

func TestSplit_EveryKindOfMetric(t *testing.T) {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	add := func(name string) pmetric.Metric {
		m := metrics.AppendEmpty()
		m.SetName(name)
		return m
	}
	const each = 7
	gauge, sum := add("gauge").SetEmptyGauge(), add("sum").SetEmptySum()
	histogram, exponential, summary := add("histogram").SetEmptyHistogram(), add("exponential").SetEmptyExponentialHistogram(), add("summary").SetEmptySummary()
	sum.SetIsMonotonic(true)
	for i := range each {
		gauge.DataPoints().AppendEmpty().SetIntValue(int64(i))
		sum.DataPoints().AppendEmpty().SetIntValue(int64(i))
		histogram.DataPoints().AppendEmpty().SetCount(uint64(i))
		exponential.DataPoints().AppendEmpty().SetCount(uint64(i))
		summary.DataPoints().AppendEmpty().SetCount(uint64(i))
	}
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	pieces, err := Split(tenant.Metrics, data, 5*each, 1)
	require.NoError(t, err)
	assert.Len(t, pieces, 5*each, "down to single points")
	points := make(map[string]int)
	for _, p := range pieces {
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(p.Data)
		require.NoError(t, err)
		require.Equal(t, 1, md.DataPointCount())
		m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
		points[m.Name()]++
		if m.Name() == "sum" {
			assert.True(t, m.Sum().IsMonotonic())
		}
	}
	assert.Equal(t, map[string]int{"gauge": each, "sum": each, "histogram": each, "exponential": each, "summary": each}, points)
}

func TestSplit_Traces(t *testing.T) {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range 9 {
		spans.AppendEmpty().SetName(fmt.Sprint(i))
	}
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(t, err)
	pieces, err := Split(tenant.Traces, data, 9, 40)
	require.NoError(t, err)
	names := ""
	for _, p := range pieces {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(p.Data)
		require.NoError(t, err)
		for _, s := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			names += s.Name()
		}
	}
	assert.Equal(t, "012345678", names)
}
