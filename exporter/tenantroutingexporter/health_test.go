// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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

// The lanes are on every board of health while the exporter runs.
func TestHealth_CountsLanesByState(t *testing.T) {
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer down.Close()
	board := &tenanttest.Board{}
	registry := tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "A", Routes: map[tenant.Signal][]string{tenant.Logs: {"down"}}}, &tenant.Tenant{ID: "B"})
	host := tenanttest.Host{registryID: registry, component.MustNewID("tenant_health"): board}
	cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  local: {archive: {directory: %q}}
  down: {otlp_http: {endpoint: %q}}
routes: {logs: [local], metrics: [local], traces: [local]}
lane: {max_bytes: 1MiB, batch: {max_bytes: 1KiB, timeout: 0s}}
max_total_bytes: 100MiB
circuit_breaker: {failures: 1, open: 1h}
`, t.TempDir(), down.URL))
	id := component.NewID(metadata.Type)
	g := startGatewayWith(t, cfg, host, registry)
	health := func() healthboard.Lanes {
		h, ok := board.Lanes(id)
		require.True(t, ok)
		return h
	}
	assert.Equal(t, healthboard.Lanes{MaxBytes: 100 << 20}, health())

	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("A", strings.Repeat("x", 1_020_000))))
	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("B", "one")))
	require.Eventually(t, func() bool { h := health(); return h.Open == 1 && h.Idle == 1 }, 10*time.Second, time.Millisecond)
	h := health()
	assert.Equal(t, 1, h.Full, "less than a twentieth of its bytes are free")
	assert.Zero(t, h.HalfOpen, "the retry time is an hour away")
	assert.Greater(t, h.QueuedBytes, int64(1_000_000))
	require.Eventually(t, func() bool { return health().Oldest > 0 }, 10*time.Second, time.Millisecond)

	f := health().Failing
	require.Len(t, f, 1)
	assert.Equal(t, []any{tenant.ID("A"), "down", tenant.Logs, true}, []any{f[0].Tenant, f[0].Destination, f[0].Signal, f[0].Open})
	assert.Positive(t, f[0].Failures)
	assert.Positive(t, f[0].Oldest)
	assert.Equal(t, healthboard.LaneAnswer{
		At: f[0].Answer.At, Class: healthboard.AnswerRejected, Reason: "http_401", Status: http.StatusUnauthorized,
		Text: "HTTP status 401: no message", URL: down.URL + "/v1/logs",
	}, f[0].Answer)

	g.stop()
	_, posted := board.Lanes(id)
	assert.False(t, posted)
}
