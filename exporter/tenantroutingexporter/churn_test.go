// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// TestChurn creates tenants, lets them send, and removes them, some of them with a
// backend that takes nothing. Nothing of them may be left, in memory or in
// storage. testbed/soak does the same for long with the built gateway.
func TestChurn(t *testing.T) {
	ok, busy, rejecting := newServer(t), newServer(t), newServer(t)
	busy.set(http.StatusServiceUnavailable, "")
	rejecting.set(http.StatusBadRequest, "")
	dir := t.TempDir()
	cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
allow_private_endpoints: [127.0.0.0/8]
destinations:
  own: {otlp_http: {endpoint: "{vars.url}", compression: none}}
  totals: {profile: prometheus, otlp_http: {endpoint: "{vars.url}"}}
  local: {archive: {directory: "%s/{tenant}"}}
routes: {logs: [own, local], metrics: [totals, local], traces: [own]}
lane: {max_age: 1s, batch: {timeout: 1ms}}
retry: {initial_interval: 10ms, max_interval: 50ms}
circuit_breaker: {open: 50ms}
dead_letter: {directory: %q}
metrics: {tenant: true}
`, filepath.Join(dir, "data"), filepath.Join(dir, "letters")))
	registry := tenanttest.NewRegistry(t)
	host := tenanttest.Host{registryID: registry, storageID: newStorage(t, t.TempDir())}
	tel := componenttest.NewTelemetry()
	set := exportertest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	set.TelemetrySettings.Logger = zap.NewNop()
	r := newRouter(cfg, set)
	r.laneIdle = 10 * time.Millisecond
	ctx := context.Background()
	require.NoError(t, r.start(ctx, host))
	sched := r.scheduler.Load()

	const tenants = 40
	for round := range 3 {
		var list []*tenant.Tenant
		for i := range tenants {
			backend := []*server{ok, ok, busy, rejecting}[i%4]
			// Every other name was there before.
			id := tenant.ID(fmt.Sprintf("t-%d", i+i%2*round*tenants))
			list = append(list, &tenant.Tenant{ID: id, Status: tenant.StatusActive, Vars: map[string]string{"url": backend.URL}})
		}
		registry.Set(t, list...)
		for _, customer := range list {
			id := string(customer.ID)
			require.NoError(t, r.consumeLogs(ctx, logsOf(id, "x")))
			require.NoError(t, r.consumeTraces(ctx, tracesOf(id)))
			md := metricsOf(id)
			sum := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetEmptySum()
			sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			p := sum.DataPoints().AppendEmpty()
			p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
			p.SetIntValue(1)
			require.NoError(t, r.consumeMetrics(ctx, md))
		}
		require.NotEmpty(t, sched.Observe())
		require.NotZero(t, r.totals.series())
		registry.Set(t)
		require.Eventually(t, func() bool {
			r.tidy(time.Now())
			return len(sched.Observe()) == 0
		}, 20*time.Second, 10*time.Millisecond, "lanes or statistics of tenants that are gone")
		r.plans.mu.Lock()
		assert.Empty(t, r.plans.tenants)
		r.plans.mu.Unlock()
		assert.Empty(t, r.totals.lanes)
		assert.Zero(t, r.totals.series())
		_, err := tel.GetMetric("otelcol_exporter_tenant_routing_accepted_records")
		assert.Error(t, err, "series of tenants that are gone")
	}
	require.NoError(t, r.shutdown(ctx))

	again := newRouter(cfg, set)
	left, err := again.openStoreOf(ctx, host)
	require.NoError(t, err)
	assert.Empty(t, left, "what is in storage of tenants that are gone")
	require.NoError(t, again.store.Close(ctx))
	require.NoError(t, again.run.Close())
	require.NoError(t, tel.Shutdown(ctx))
}

// openStoreOf opens the store alone.
func (r *router) openStoreOf(ctx context.Context, host component.Host) ([]lane.Part, error) {
	var err error
	if r.registry, err = tenant.FindRegistry(host, r.cfg.Registry); err != nil {
		return nil, err
	}
	r.plans = newPlans(nil, &r.cfg.Routes, nil)
	return r.openStore(ctx, host)
}
