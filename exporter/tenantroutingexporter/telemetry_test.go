// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func TestMetrics_PerTenantIfAskedFor(t *testing.T) {
	for _, perTenant := range []bool{false, true} {
		t.Run(fmt.Sprintf("tenant=%v", perTenant), func(t *testing.T) {
			ok, bad := newServer(t), newServer(t)
			bad.set(http.StatusBadRequest, "")
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b", Routes: map[tenant.Signal][]string{tenant.Logs: {"ok"}}})
			g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  ok: {otlp_http: {endpoint: %q, compression: none}}
  bad: {otlp_http: {endpoint: %q, compression: none}}
  down: {otlp_http: {endpoint: "http://127.0.0.1:1", compression: none}}
routes: {logs: [ok, bad, down]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 100ms}
dead_letter: {directory: %q}
metrics: {tenant: %v}
`, ok.URL, bad.URL, t.TempDir(), perTenant), registry)
			ctx := context.Background()
			require.NoError(t, g.logs.ConsumeLogs(ctx, logsOf("a", "1", "2")))
			require.NoError(t, g.logs.ConsumeLogs(ctx, logsOf("b", "3")))
			require.Error(t, g.logs.ConsumeLogs(ctx, logsOf("nobody", "4")))
			require.Eventually(t, func() bool {
				return sum(t, g.tel, "delivered_records") == 3 && sum(t, g.tel, "dead_lettered_records") == 2 &&
					sum(t, g.tel, "lanes", "state=waiting")+sum(t, g.tel, "lanes", "state=open") == 1
			}, 30*time.Second, time.Millisecond)

			point := func(value int64, id, destination string, more ...attribute.KeyValue) metricdata.DataPoint[int64] {
				attrs := []attribute.KeyValue{attribute.String("signal", "logs"), attribute.String("destination", destination)}
				attrs = append(attrs, more...)
				if perTenant {
					attrs = append(attrs, attribute.String("tenant", id))
				}
				return metricdata.DataPoint[int64]{Value: value, Attributes: attribute.NewSet(attrs...)}
			}
			toOK := func(a, b int64) []metricdata.DataPoint[int64] {
				if perTenant {
					return []metricdata.DataPoint[int64]{point(a, "a", "ok"), point(b, "b", "ok")}
				}
				return []metricdata.DataPoint[int64]{point(a+b, "", "ok")}
			}
			reason := func(r string) attribute.KeyValue { return attribute.String("reason", r) }
			ignore := metricdatatest.IgnoreTimestamp()
			telemetrytest.AssertCounted(t, g.tel, "otelcol_exporter_tenant_routing_accepted_records", append(toOK(2, 1), point(2, "a", "bad"), point(2, "a", "down")), ignore)
			telemetrytest.AssertCounted(t, g.tel, "otelcol_exporter_tenant_routing_delivered_records", append(toOK(2, 1), point(0, "a", "bad"), point(0, "a", "down")), ignore)
			queued := append(toOK(0, 0), point(0, "a", "bad"), point(2, "a", "down"))
			if !perTenant { // the series of all signals exist from the start
				for _, destination := range []string{"ok", "bad", "down"} {
					for _, signal := range []string{"metrics", "traces"} {
						queued = append(queued, metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.String("signal", signal), attribute.String("destination", destination))})
					}
				}
			}
			metadatatest.AssertEqualExporterTenantRoutingQueuedRecords(t, g.tel, queued, ignore)
			telemetrytest.AssertCounted(t, g.tel, "otelcol_exporter_tenant_routing_recovered_records", append(toOK(0, 0), point(0, "a", "bad"), point(0, "a", "down")), ignore)
			telemetrytest.AssertCounted(t, g.tel, "otelcol_exporter_tenant_routing_dead_lettered_records", []metricdata.DataPoint[int64]{point(2, "a", "bad", reason("http_400"))}, ignore)
			age, err := g.tel.GetMetric("otelcol_exporter_tenant_routing_queue_age")
			require.NoError(t, err)
			for _, p := range age.Data.(metricdata.Gauge[float64]).DataPoints {
				d, _ := p.Attributes.Value("destination")
				if s, _ := p.Attributes.Value("signal"); d.AsString() == "down" && s.AsString() == "logs" {
					assert.Positive(t, p.Value, "what waits has an age")
				} else {
					assert.Zero(t, p.Value)
				}
			}
			telemetrytest.AssertCounted(t, g.tel, "otelcol_exporter_tenant_routing_refused_requests", []metricdata.DataPoint[int64]{
				{Value: 1, Attributes: attribute.NewSet(attribute.String("signal", "logs"), reason("unknown_tenant"))},
			}, ignore)
			require.Eventually(t, func() bool { return sum(t, g.tel, "lanes", "state=open", "destination=down") == 1 },
				10*time.Second, 5*time.Millisecond, "the breaker opens")
			assert.Zero(t, sum(t, g.tel, "lanes", "state=open", "destination=ok"))
			breakers := func(state, destination string) int64 {
				return sum(t, g.tel, "circuit_breakers", "breaker="+state, "destination="+destination)
			}
			assert.Equal(t, int64(1), breakers("open", "down")+breakers("half_open", "down"))
			assert.Zero(t, breakers("open", "ok")+breakers("half_open", "ok")+breakers("closed", "down"))
			g.stop()
		})
	}
}

// Beyond its limit the SDK merges all other series, unless the limit is removed.
func TestMetrics_ManyTenantsNeedALimitThatIsLifted(t *testing.T) {
	for _, limit := range []string{"", "0"} {
		t.Run("limit="+limit, func(t *testing.T) {
			t.Setenv(seriesLimitEnv, limit)
			const tenants = seriesLimit + 10
			list := make([]*tenant.Tenant, tenants)
			for i := range list {
				list[i] = &tenant.Tenant{ID: tenant.ID(fmt.Sprintf("t-%d", i))}
			}
			registry := tenanttest.NewRegistry(t, list...)
			cfg := parseConfig(t, `
registry: tenant_registry
destinations: {down: {otlp_http: {endpoint: "http://127.0.0.1:1"}}}
routes: {logs: [down]}
lane: {batch: {timeout: 1h}}
metrics: {tenant: true}
shutdown_timeout: 1ms
`)
			core, logs := observer.New(zap.WarnLevel)
			set := exportertest.NewNopSettings(metadata.Type)
			tel := componenttest.NewTelemetry()
			set.TelemetrySettings = tel.NewTelemetrySettings()
			set.TelemetrySettings.Logger = zap.New(core)
			e, err := NewFactory().CreateLogs(t.Context(), set, cfg)
			require.NoError(t, err)
			require.NoError(t, e.Start(t.Context(), tenanttest.Host{registryID: registry}))
			for _, one := range list {
				require.NoError(t, e.ConsumeLogs(t.Context(), logsOf(string(one.ID), "x")))
			}
			m, err := tel.GetMetric("otelcol_exporter_tenant_routing_accepted_records")
			require.NoError(t, err)
			points := m.Data.(metricdata.Sum[int64]).DataPoints
			warned := logs.FilterMessageSnippet(seriesLimitEnv).Len()
			if limit == "" {
				assert.Less(t, len(points), tenants)
				assert.Equal(t, 1, warned)
			} else {
				assert.Len(t, points, tenants)
				assert.Zero(t, warned)
			}
			require.NoError(t, e.Shutdown(t.Context()))
			require.NoError(t, tel.Shutdown(t.Context()))
		})
	}
}
