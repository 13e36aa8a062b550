// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Without a registry the data says whose it is, and all tenants have the same routes.
func TestNoRegistry_TakesTheTenantsOfTheData(t *testing.T) {
	dir := t.TempDir()
	g := startGatewayWith(t, parseConfig(t, fmt.Sprintf(`
destinations: {local: {archive: {directory: %q}}}
routes: {logs: [local]}
lane: {batch: {timeout: 0s}}
`, dir)), tenanttest.Host{}, nil)
	ld := logsOf("a", "one", "two")
	addLog(ld, "b", "three")
	require.NoError(t, g.logs.ConsumeLogs(t.Context(), ld))
	for _, wrong := range []string{"", "..", "a b", "a/b"} {
		assert.Equal(t, codes.InvalidArgument, status.Code(g.logs.ConsumeLogs(t.Context(), logsOf(wrong, "no"))), wrong)
	}
	require.Eventually(t, func() bool { return len(archived(t, dir)["a"]) == 2 && len(archived(t, dir)["b"]) == 1 }, 30*time.Second, 10*time.Millisecond)
	assert.Len(t, archived(t, dir), 2)
	assert.EqualValues(t, 4, sum(t, g.tel, "refused_requests", "reason=no_tenant"))
}

// The data names the tenants, but their number is bounded: tenants without queued data are
// removed.
func TestNoRegistry_BoundsTenants(t *testing.T) {
	server := newServer(t)
	server.set(http.StatusServiceUnavailable, "")
	cfg := parseConfig(t, fmt.Sprintf(`
destinations: {up: {otlp_http: {endpoint: %q}}}
routes: {logs: [up]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 10ms, max_interval: 10ms}
circuit_breaker: {failures: 5, open: 10ms}
max_tenants: 2
`, server.URL))
	r := newRouter(cfg, exportertest.NewNopSettings(metadata.Type))
	r.laneIdle = time.Millisecond
	require.NoError(t, r.start(t.Context(), tenanttest.Host{}))
	defer func() { assert.NoError(t, r.shutdown(context.Background())) }()
	require.NoError(t, r.consumeLogs(t.Context(), logsOf("a", "x")))
	require.NoError(t, r.consumeLogs(t.Context(), logsOf("b", "x")))
	require.NoError(t, r.consumeLogs(t.Context(), logsOf("a", "x")))
	err := r.consumeLogs(t.Context(), logsOf("c", "x"))
	assert.Equal(t, codes.Unavailable, status.Code(err), err)
	assert.ErrorContains(t, err, "2 other tenants already have data here (max_tenants)")
	r.tidy(time.Now())
	require.Error(t, r.consumeLogs(t.Context(), logsOf("c", "x")), "their data waits")

	server.set(http.StatusOK, "")
	require.Eventually(t, func() bool {
		r.tidy(time.Now())
		return r.consumeLogs(t.Context(), logsOf("c", "x")) == nil
	}, 30*time.Second, 10*time.Millisecond)
	assert.LessOrEqual(t, len(r.observed.tenants), 2)
}

// Totals outlive the lanes of their tenant, which close between two requests that are more
// than a minute apart.
func TestNoRegistry_KeepsTotalsOfIdleLanes(t *testing.T) {
	backend := &prometheus{status: http.StatusOK}
	server := httptest.NewServer(backend)
	defer server.Close()
	cfg := parseConfig(t, fmt.Sprintf(`
destinations: {prom: {profile: prometheus, otlp_http: {endpoint: %q, compression: none}}}
routes: {metrics: [prom]}
lane: {batch: {timeout: 0s}}
max_tenants: 1
`, server.URL))
	r := newRouter(cfg, exportertest.NewNopSettings(metadata.Type))
	r.laneIdle = time.Millisecond
	require.NoError(t, r.start(t.Context(), tenanttest.Host{}))
	defer func() { assert.NoError(t, r.shutdown(context.Background())) }()
	closed := func() bool { return len(r.scheduler.Load().Tenants()) == 0 }
	require.NoError(t, r.consumeMetrics(t.Context(), deltaOf("a", 100, 5)))
	require.Eventually(t, closed, 30*time.Second, 10*time.Millisecond)
	r.tidy(time.Now())
	require.NoError(t, r.consumeMetrics(t.Context(), deltaOf("a", 101, 7)))
	require.Eventually(t, closed, 30*time.Second, 10*time.Millisecond)
	backend.mu.Lock()
	assert.EqualValues(t, 12, backend.values[len(backend.values)-1])
	backend.mu.Unlock()

	require.Error(t, r.consumeMetrics(t.Context(), deltaOf("b", 102, 1)), "they count as data of a tenant")
	r.tidy(time.Now().Add(streamIdleTimeout + time.Minute))
	require.NoError(t, r.consumeMetrics(t.Context(), deltaOf("b", 102, 1)))
}

// Queued data is delivered after a restart before any tenant has sent again.
func TestNoRegistry_GoesOnAfterARestart(t *testing.T) {
	server := newServer(t)
	server.set(http.StatusUnauthorized, "")
	config := fmt.Sprintf(`
storage: file_storage
destinations: {up: {otlp_http: {endpoint: %q}}}
routes: {logs: [up]}
max_tenants: 1
lane: {batch: {timeout: 0s}}
`, server.URL)
	host := tenanttest.Host{storageID: newStorage(t, t.TempDir())}
	g := startGatewayWith(t, parseConfig(t, config), host, nil)
	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("a", "one")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts", "reason=http_401") > 0 }, 30*time.Second, 10*time.Millisecond)
	g.stop()
	server.set(http.StatusOK, "")
	g = startGatewayWith(t, parseConfig(t, config), host, nil)
	require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 1 }, 30*time.Second, 10*time.Millisecond)
}

func TestREADME_ShowsTheTestedAgent(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "agent.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```yaml\n"+string(example)+"```")
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "agent.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub("tenant_routing")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, []component.ID{oldExporterID}, cfg.MigrateQueues)
}
