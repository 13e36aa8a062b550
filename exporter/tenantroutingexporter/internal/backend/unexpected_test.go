// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// An answer that counts as a success is shown once in a while.
func TestSeldom_ShowsAnOddAnswerOnce(t *testing.T) {
	s := httptest.NewServer(answer(200, "Content-Type: text/plain", "OK"))
	defer s.Close()
	target := overHTTP(t, profile(t, "otlp"), s.URL, nil).Target(tenant.Logs, template.Values{Tenant: "tenant-a"}).(*httpTarget)
	for n := range 3 {
		got := target.Send(t.Context(), logsBatch(t, "x"))
		assert.Equal(t, n == 0, got.Err != nil)
		assert.True(t, got.Unexpected)
		assert.Equal(t, "not_otlp", got.Reason)
	}
	target.unexpectedAt = time.Now().Add(-unexpectedInterval)
	require.Error(t, target.Send(t.Context(), logsBatch(t, "x")).Err)
}

// A gRPC client that reaches a web server keeps its data.
func TestGRPC_OfAWebServer(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		want   lane.Result
	}{
		"200": {200, lane.Result{Verdict: lane.Blocked, Reason: "web_page", Unexpected: true}},
		"400": {400, lane.Result{Verdict: lane.Blocked, Reason: "web_page", Unexpected: true}},
		"404": {404, lane.Result{Verdict: lane.Blocked, Reason: "grpc_unimplemented"}},
		"503": {503, lane.Result{Verdict: lane.Retry, Reason: "grpc_unavailable"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, "<html>")
			}))
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
			defer s.Close()
			got := send(t, overGRPC(t, profile(t, "otlp"), s.Listener.Addr().String(), nil), logsBatch(t, "x"))
			require.Error(t, got.Err)
			if c.want.Unexpected {
				assert.Contains(t, got.Err.Error(), "not an answer of gRPC: "+s.Listener.Addr().String())
			}
			got = bare(got)
			assert.Equal(t, c.want, got)
		})
	}
}

// Stores without an out-of-order window get one batch at a time.
func TestBounds_OfOrderedBackends(t *testing.T) {
	ordered := map[string]bool{"prometheus": true, "cortex": true, "mimir": true}
	for _, p := range profiles() {
		d := overHTTP(t, p, "http://127.0.0.1:1", nil)
		want := 0
		if ordered[p.Name] {
			want = 1
		}
		assert.Equal(t, want, d.Target(tenant.Metrics, template.Values{Tenant: "a"}).Bounds().Concurrency, p.Name)
	}
}
