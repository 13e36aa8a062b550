// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// A web page says nothing about data: the lane waits until a backend answers. Other
// answers that OTLP does not have count apart. Each is logged once.
func TestAnswers_OutsideOTLP(t *testing.T) {
	var page atomic.Bool
	page.Store(true)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if page.Load() {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>")
			return
		}
		_, _ = io.WriteString(w, "OK")
	}))
	defer web.Close()
	board := &tenanttest.Board{}
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {d: {otlp_http: {endpoint: %q}}}
routes: {logs: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 10ms, max_interval: 10ms}
circuit_breaker: {failures: 2, open: 10ms}
`, web.URL))
	var log lockedBuffer
	g := startLoggedGateway(t, cfg, tenanttest.Host{registryID: registry, component.MustNewID("tenant_health"): board}, &log)
	health := func() healthboard.Lanes {
		h, ok := board.Lanes(component.NewID(metadata.Type))
		require.True(t, ok)
		return h
	}
	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("a", "x")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts", "reason=web_page") >= 5 }, time.Minute, time.Millisecond)
	assert.Zero(t, sum(t, g.tel, "delivered_records"))
	assert.Equal(t, int64(1), sum(t, g.tel, "queued_records"))
	assert.Equal(t, 1, health().NotOTLP)
	assert.Equal(t, 1, health().Open)
	assert.Equal(t, 1, strings.Count(log.String(), "a web page in place of an answer: "+web.URL+"/v1/logs"), "%s", log.String())

	page.Store(false)
	for n := range int64(5) {
		require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == n+1 }, time.Minute, time.Millisecond)
		require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("a", "x")))
	}
	assert.GreaterOrEqual(t, sum(t, g.tel, "send_attempts", "reason=not_otlp"), int64(5))
	assert.Equal(t, 1, strings.Count(log.String(), "none of OTLP"), "%s", log.String())
	assert.Equal(t, 1, health().NotOTLP)
}

func TestConcurrency_DoesNotHoldForOrderedDestinations(t *testing.T) {
	for concurrency, warns := range map[int]bool{1: false, defaultConcurrency: false, 4: true} {
		cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  loki: {profile: loki, otlp_http: {endpoint: "http://127.0.0.1:1"}}
  store: {profile: mimir, otlp_http: {endpoint: "http://127.0.0.1:1"}}
lane: {concurrency: %d}
`, concurrency))
		var log lockedBuffer
		startLoggedGateway(t, cfg, tenanttest.Host{registryID: tenanttest.NewRegistry(t)}, &log).stop()
		assert.Equal(t, warns, strings.Contains(log.String(), `"lane::concurrency"`), "%s", log.String())
		assert.NotContains(t, log.String(), "loki")
	}
}
