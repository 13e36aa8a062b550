// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fake behaves as a backend of some kind was seen to behave.
type fake struct {
	signal      tenant.Signal
	path        string
	header      [2]string // name and the value for tenant-a
	noHeader    int       // status without it; 0: it is not looked at
	encodings   []string  // accepted besides none; nil: all
	badEncoding int
	noJSON      int // status of JSON; 0: it is accepted
	status      int // of success
	contentType string
	body        string

	// Special answers to requests that hold a text.
	special map[string]func(http.ResponseWriter)
	want    map[string]lane.Result
}

func reply(status int, header, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if k, v, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (f *fake) server(t *testing.T) http.HandlerFunc {
	return decompressing(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		contentType := r.Header.Get("Content-Type")
		switch {
		case r.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.URL.Path != f.path:
			w.WriteHeader(http.StatusNotFound)
		case f.noHeader != 0 && r.Header.Get(f.header[0]) != f.header[1]:
			w.WriteHeader(f.noHeader)
		case f.encodings != nil && r.Header.Get("Content-Encoding") != "" && !slices.Contains(f.encodings, r.Header.Get("Content-Encoding")):
			w.WriteHeader(f.badEncoding)
		case contentType != contentTypeProto && contentType != contentTypeJSON: // exact: no charset
			w.WriteHeader(http.StatusUnsupportedMediaType)
		case contentType == contentTypeJSON && f.noJSON != 0:
			w.WriteHeader(f.noJSON)
		default:
			for text, special := range f.special {
				if bytes.Contains(body, []byte(text)) {
					special(w)
					return
				}
			}
			if f.contentType != "" {
				w.Header().Set("Content-Type", f.contentType)
			}
			w.WriteHeader(f.status)
			_, _ = io.WriteString(w, f.body)
		}
	})
}

func fakes(t *testing.T) map[string]*fake {
	t.Helper()
	orgID := [2]string{"X-Scope-OrgID", "tenant-a"}
	soft := pmetricotlp.NewExportResponse()
	soft.PartialSuccess().SetErrorMessage("some samples were rejected")
	softBody, err := soft.MarshalProto()
	require.NoError(t, err)
	return map[string]*fake{
		"otlp": {signal: tenant.Traces, path: "/v1/traces", status: 200},
		"loki": {
			signal: tenant.Logs, path: "/otlp/v1/logs", header: orgID, noHeader: 401,
			encodings: []string{"gzip", "zstd", "lz4"}, badEncoding: 400, status: 204,
			special: map[string]func(http.ResponseWriter){
				"too-long": reply(400, "Content-Type: application/x-protobuf", statusBody(t, "line too long")),
				"flood":    reply(429, "", "ingestion rate limit exceeded"),
				"broken":   reply(503, "", ""),
			},
			want: map[string]lane.Result{
				"too-long": {Verdict: lane.Rejected, Reason: "http_400"}, // the good lines are stored anyway
				"flood":    {Verdict: lane.Retry, Reason: "http_429"},    // no Retry-After: the lane's own clock
				"broken":   {Verdict: lane.Retry, Reason: "http_503"},
			},
		},
		"tempo": {
			signal: tenant.Traces, path: "/v1/traces", header: orgID, noHeader: 503, status: 200,
			contentType: "application/json", body: `{"partialSuccess":{}}`,
			special: map[string]func(http.ResponseWriter){"flood": reply(429, "Retry-After: 5", "")},
			want:    map[string]lane.Result{"flood": {Verdict: lane.Retry, Reason: "http_429", RetryAfter: 5 * time.Second}},
		},
		"mimir": {
			signal: tenant.Metrics, path: "/otlp/v1/metrics", header: orgID, noHeader: 401,
			encodings: []string{"gzip", "zstd", "lz4"}, badEncoding: 415, status: 200,
			special: map[string]func(http.ResponseWriter){
				"soft":     reply(200, "Content-Type: application/x-protobuf", string(softBody)),
				"overload": reply(529, "", ""),
			},
			want: map[string]lane.Result{
				"soft":     {Verdict: lane.Rejected, Reason: "partial_success"}, // of some: the lane finds them
				"overload": {Verdict: lane.Retry, Reason: "http_529"},
			},
		},
		"cortex": {
			signal: tenant.Metrics, path: "/api/v1/otlp/v1/metrics", header: orgID, noHeader: 401,
			encodings: []string{"gzip"}, badEncoding: 400, status: 200,
		},
		"prometheus": {
			signal: tenant.Metrics, path: "/api/v1/otlp/v1/metrics", encodings: []string{"gzip"}, badEncoding: 400, status: 200,
			special: map[string]func(http.ResponseWriter){"duplicate": reply(400, "", "out of order sample")},
			want:    map[string]lane.Result{"duplicate": {Verdict: lane.Rejected, Reason: "http_400"}},
		},
		"signoz": {
			signal: tenant.Logs, path: "/v1/logs", header: [2]string{"x-business-id", "tenant-a"}, noHeader: 403, status: 200,
			contentType: "application/json", body: `{"partialSuccess":{}}`,
		},
		"oneuptime": {
			signal: tenant.Logs, path: "/otlp/v1/logs", header: [2]string{"x-oneuptime-token", "a-token"}, noHeader: 401,
			encodings: []string{"gzip"}, badEncoding: 200, status: 200, contentType: "application/json", body: "{}",
		},
		"victoriametrics": {
			signal: tenant.Metrics, path: "/opentelemetry/v1/metrics", encodings: []string{"gzip", "zstd"}, badEncoding: 400, noJSON: 400, status: 200,
		},
		"victorialogs": {
			signal: tenant.Logs, path: "/insert/opentelemetry/v1/logs", header: [2]string{"AccountID", "42"}, noHeader: 400,
			encodings: []string{"gzip", "zstd"}, badEncoding: 400, noJSON: 400, status: 200,
		},
		"victoriatraces": {
			signal: tenant.Traces, path: "/insert/opentelemetry/v1/traces", header: [2]string{"AccountID", "42"}, noHeader: 400,
			encodings: []string{"gzip", "zstd"}, badEncoding: 400, noJSON: 400, status: 200,
		},
		"jaeger": {signal: tenant.Traces, path: "/v1/traces", status: 200, contentType: "application/json", body: `{"partialSuccess":{}}`},
	}
}

// batchOf returns a batch of one record with text in it.
func batchOf(t *testing.T, signal tenant.Signal, text string) *lane.Batch {
	t.Helper()
	var data []byte
	var err error
	switch signal {
	case tenant.Logs:
		ld := plog.NewLogs()
		ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(text)
		data, err = (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	case tenant.Metrics:
		md := pmetric.NewMetrics()
		m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName(text)
		m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
		data, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	case tenant.Traces:
		td := ptrace.NewTraces()
		td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName(text)
		data, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	}
	require.NoError(t, err)
	return &lane.Batch{
		Key:      lane.Key{Tenant: "tenant-a", Destination: "d", Signal: signal},
		Payloads: [][]byte{data}, Bytes: len(data), Records: 1,
	}
}

func TestProfiles_FitTheirBackends(t *testing.T) {
	all := fakes(t)
	for _, p := range profiles() {
		require.Contains(t, all, p.Name, "every profile has a fake")
		f := all[p.Name]
		t.Run(p.Name, func(t *testing.T) {
			s := httptest.NewServer(f.server(t))
			defer s.Close()
			values := template.Values{Tenant: "tenant-a", Vars: map[string]string{"oneuptime_token": "a-token", "account_id": "42"}}
			encodings := []Encoding{EncodingProto}
			if !p.ProtobufOnly {
				encodings = append(encodings, EncodingJSON)
			}
			compressions := []configcompression.Type{"", "none"} // "" is the profile's own
			for _, c := range p.Compressions {
				if c != configcompression.TypeLz4 {
					compressions = append(compressions, c)
				}
			}
			for _, encoding := range encodings {
				for _, compression := range compressions {
					d := overHTTP(t, p, s.URL, func(h *HTTPSettings) { h.Encoding, h.Client.Compression = encoding, compression })
					got := d.Target(f.signal, values).Send(t.Context(), batchOf(t, f.signal, "x"))
					assert.Equal(t, lane.Result{}, got, "%s with compression %q", encoding, compression)
				}
			}
			d := overHTTP(t, p, s.URL, nil)
			for text, want := range f.want {
				got := d.Target(f.signal, values).Send(t.Context(), batchOf(t, f.signal, text))
				require.Error(t, got.Err)
				got = bare(got)
				assert.Equal(t, want, got, text)
			}
			assert.Len(t, f.want, len(f.special))
		})
	}
}

func TestProfiles_RejectDataThatTheirBackendsCannotRead(t *testing.T) {
	for name, f := range fakes(t) {
		p := profile(t, name)
		for _, c := range []configcompression.Type{configcompression.TypeGzip, configcompression.TypeZstd, configcompression.TypeSnappy, configcompression.TypeDeflate} {
			if f.encodings != nil && !slices.Contains(f.encodings, string(c)) {
				assert.Error(t, p.CheckCompression(c), "%s %s", name, c)
			} else {
				assert.NoError(t, p.CheckCompression(c), "%s %s", name, c)
			}
		}
		assert.NoError(t, p.CheckCompression(p.Compression), name)
		assert.Equal(t, f.noJSON != 0, p.ProtobufOnly, name)
		assert.Equal(t, f.path, p.Paths[f.signal], name)
	}
}

func TestProfiles_MissingVariableBlocks(t *testing.T) {
	d := overHTTP(t, profile(t, "oneuptime"), "http://127.0.0.1:1", nil)
	got := send(t, d, batchOf(t, tenant.Logs, "x"))
	assert.Equal(t, lane.Blocked, got.Verdict)
	assert.EqualError(t, got.Err, "headers::x-oneuptime-token: vars.oneuptime_token: the tenant has no such variable")
	assert.ErrorContains(t, d.Check(int(tenant.Logs), template.Values{Tenant: "a"}), "oneuptime_token")
}

// TestProfiles_ThatReceiveTotals lists all profiles, so that a new one is decided on.
func TestProfiles_ThatReceiveTotals(t *testing.T) {
	want := map[string]bool{
		"otlp": false, "loki": false, "tempo": false, "signoz": false, "oneuptime": false, "victorialogs": false, "victoriatraces": false, "jaeger": false,
		"prometheus": true, "mimir": true, "cortex": true, "victoriametrics": true,
	}
	for _, p := range profiles() {
		assert.Contains(t, want, p.Name)
		assert.Equal(t, want[p.Name], p.Cumulative, p.Name)
	}
	assert.Len(t, profiles(), len(want))
}

// TestProfiles_TenantVariablesInTheirPlace fills the header, or the path, by which each
// kind of backend separates tenants.
func TestProfiles_TenantVariablesInTheirPlace(t *testing.T) {
	const org, account = "must be a tenant ID", "must be a whole number"
	for _, tc := range []struct {
		profile, header, endpoint string
		value                     string
		want                      string // "": it works
	}{
		{"loki", "X-Scope-OrgID", "", "a|b", org},
		{"tempo", "x-scope-orgid", "", "a b", org},
		{"mimir", "X-Scope-OrgID", "", "a/b", org},
		{"cortex", "X-Scope-OrgID", "", "org-7", ""},
		{"otlp", "X-Scope-OrgID", "", "a|b", org},
		{"loki", "X-Other", "", "a|b", ""},
		{"victorialogs", "AccountID", "", "abc", account},
		{"victorialogs", "accountid", "", "-1", account},
		{"victorialogs", "ProjectID", "", "4294967296", account},
		{"victorialogs", "ProjectID", "", "7", ""},
		{"victoriatraces", "AccountID", "", "1.5", account},
		{"victoriametrics", "AccountID", "", "x", account},
		{"victoriametrics", "", "http://vm/insert/{vars.account_id}/x", "abc", account},
		{"victoriametrics", "", "http://vm/insert/{vars.account_id}/x", "12", ""},
		{"otlp", "", "http://vm/insert/{vars.account_id}/x", "abc", ""},
		{"otlp", "AccountID", "", "abc", ""}, // it may mean anything there
		{"oneuptime", "x-oneuptime-token", "", " ", "begins or ends with a space"},
		{"signoz", "x-business-id", "", "a\u00e4", "not allowed in a header"},
	} {
		p := profile(t, tc.profile)
		endpoint := tc.endpoint
		if endpoint == "" {
			endpoint = "http://127.0.0.1:1"
		}
		values := template.Values{Tenant: "tenant-a", Vars: map[string]string{
			"account_id": tc.value, "other": tc.value, "oneuptime_token": "t",
		}}
		if tc.endpoint == "" {
			values.Vars["account_id"] = "1"
		}
		d := overHTTP(t, p, endpoint, func(h *HTTPSettings) {
			if tc.header != "" {
				h.Client.Headers.Set(tc.header, "{vars.other}")
			}
		})
		signal := tenant.Logs
		for _, s := range tenant.AllSignals() {
			if p.Paths[s] != "" {
				signal = s
			}
		}
		name := fmt.Sprintf("%+v", tc)
		err := d.Check(int(signal), values)
		_, fillErr := d.Target(signal, values).(*httpTarget).fill()
		if tc.want == "" {
			assert.NoError(t, err, name)
			assert.NoError(t, fillErr, name)
			continue
		}
		assert.ErrorContains(t, err, tc.want, name)
		assert.Regexp(t, "vars.(other|account_id): ", err.Error(), name)
		got := d.Target(signal, values).Send(t.Context(), batchOf(t, signal, "x"))
		assert.Equal(t, lane.Blocked, got.Verdict, "the lane waits: %s", name)
		assert.Equal(t, "config", got.Reason, name)
		assert.ErrorContains(t, got.Err, tc.want, name)
	}
}

func TestProfiles_AnEmptyTenantHeaderIsRejected(t *testing.T) {
	for name, header := range map[string]string{"loki": "X-Scope-OrgID", "tempo": "x-scope-orgid", "victorialogs": "AccountID", "victoriatraces": "ProjectID"} {
		set := HTTPSettings{Client: confighttp.NewDefaultClientConfig(), Encoding: EncodingProto}
		set.Client.Endpoint = "http://127.0.0.1:1"
		set.Client.Headers.Set(header, "")
		_, err := NewHTTP("d", profile(t, name), set, nil)
		assert.ErrorContains(t, err, "headers::"+header+": must", name)
	}
}

// The stream fields of VictoriaLogs can be replaced, or left to it.
func TestProfiles_StreamFields(t *testing.T) {
	for value, want := range map[string]string{"": "", "service.name": "service.name", "the profile's": streamFields} {
		var got []string
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Values("VL-Stream-Fields") }))
		d := overHTTP(t, profile(t, "victorialogs"), s.URL, func(h *HTTPSettings) {
			if value != "the profile's" {
				h.Client.Headers.Set("vl-stream-fields", configopaque.String(value))
			}
		})
		res := d.Target(tenant.Logs, template.Values{Tenant: "a", Vars: map[string]string{"account_id": "1"}}).Send(t.Context(), batchOf(t, tenant.Logs, "x"))
		s.Close()
		assert.Equal(t, lane.Result{}, res)
		assert.Equal(t, []string{want}, got)
	}
}
