// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// awkward fills attributes with what JSON has no form of its own for.
func awkward(m pcommon.Map) {
	m.PutDouble("nan", math.NaN())
	m.PutDouble("infinite", math.Inf(-1))
	m.PutDouble("tiny", math.SmallestNonzeroFloat64)
	m.PutDouble("whole", 1e21)
	m.PutInt("least", math.MinInt64)
	m.PutInt("beyond 2^53", 1<<53+1)
	m.PutStr("controls \x00\x1b\"\\\u2028\u202e", "\x00\x01\n\t\x7f\"\\\u2028\U0001f600")
	m.PutStr("not UTF-8", "a\xff\xfeb\xc3")
	m.PutStr("\xff", "the name is not UTF-8")
	m.PutEmpty("empty")
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
	m.PutEmptySlice("list").AppendEmpty()
	m.PutEmptyMap("map").PutEmptyMap("inner").PutEmpty("")
}

// TestJSON_IsAlwaysValid sends awkward batches of several requests in JSON, to
// each profile that takes it.
func TestJSON_IsAlwaysValid(t *testing.T) {
	ld, md, td := plog.NewLogs(), pmetric.NewMetrics(), ptrace.NewTraces()
	lr := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	awkward(lr.Attributes())
	awkward(lr.Body().SetEmptyMap())
	lr.SetTimestamp(math.MaxUint64)
	lr.SetSpanID(pcommon.SpanID{1}) // and no trace ID
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	g := ms.AppendEmpty()
	g.SetName("\xc3(")
	p := g.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetDoubleValue(math.NaN())
	awkward(p.Attributes())
	h := ms.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty()
	h.ExplicitBounds().FromRaw([]float64{math.Inf(-1), 0, math.Inf(1)})
	h.SetSum(math.Inf(1))
	ms.AppendEmpty() // of no type
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	awkward(span.Attributes())
	span.Links().AppendEmpty()
	span.Events().AppendEmpty().SetName("\x80")

	encode := map[tenant.Signal]func() ([]byte, error){
		tenant.Logs:    func() ([]byte, error) { return (&plog.ProtoMarshaler{}).MarshalLogs(ld) },
		tenant.Metrics: func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md) },
		tenant.Traces:  func() ([]byte, error) { return (&ptrace.ProtoMarshaler{}).MarshalTraces(td) },
	}
	records := map[tenant.Signal]func([]byte) (int, error){
		tenant.Logs: func(b []byte) (int, error) {
			v, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(b)
			if err != nil {
				return 0, err
			}
			return v.LogRecordCount(), nil
		},
		tenant.Metrics: func(b []byte) (int, error) {
			v, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(b)
			if err != nil {
				return 0, err
			}
			return v.DataPointCount(), nil
		},
		tenant.Traces: func(b []byte) (int, error) {
			v, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(b)
			if err != nil {
				return 0, err
			}
			return v.SpanCount(), nil
		},
	}
	for _, p := range profiles() {
		if p.ProtobufOnly {
			continue
		}
		for _, signal := range tenant.AllSignals() {
			if p.Paths[signal] == "" {
				continue
			}
			var body []byte
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var err error
				body, err = io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
			}))
			d := overHTTP(t, p, s.URL, func(h *HTTPSettings) { h.Encoding, h.Client.Compression = EncodingJSON, "none" })
			data, err := encode[signal]()
			require.NoError(t, err)
			b := &lane.Batch{Key: lane.Key{Tenant: "tenant-a", Signal: signal}, Payloads: [][]byte{data, data, data}}
			got := d.Target(signal, template.Values{Tenant: "tenant-a", Vars: map[string]string{"oneuptime_token": "t"}}).Send(t.Context(), b)
			s.Close()
			assert.Equal(t, lane.Result{}, got, "%s %s", p.Name, signal)
			assert.True(t, utf8.Valid(body), "%s %s is UTF-8", p.Name, signal)
			assert.True(t, json.Valid(body), "%s %s is JSON", p.Name, signal)
			var object map[string][]any
			require.NoError(t, json.Unmarshal(body, &object), "it is one object with a list")
			assert.Len(t, object, 1)
			n, err := records[signal](body)
			require.NoError(t, err)
			assert.Equal(t, map[tenant.Signal]int{tenant.Logs: 3, tenant.Metrics: 6, tenant.Traces: 3}[signal], n)
		}
	}
}
