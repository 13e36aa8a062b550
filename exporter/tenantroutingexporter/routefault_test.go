// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

const routeFaultConfig = `
registry: tenant_registry
destinations:
  loki: {profile: loki, otlp_http: {endpoint: "http://127.0.0.1:1"}}
  tempo: {profile: tempo, otlp_grpc: {endpoint: "127.0.0.1:1", tls: {insecure: true}}}
  own: {profile: loki, otlp_http: {metrics_endpoint: "http://127.0.0.1:1/v1/metrics"}}
  var: {otlp_http: {endpoint: "http://127.0.0.1:1/{vars.path}"}}
routes: {logs: [loki], traces: [tempo]}
`

// plansOf returns the plans of an exporter that does not run.
func plansOf(t *testing.T, config string) *plans {
	t.Helper()
	cfg := parseConfig(t, config)
	destinations := make(map[string]*backend.Destination)
	for name, d := range cfg.Destinations {
		var err error
		destinations[name], err = d.compile(name, nil, cfg)
		require.NoError(t, err)
	}
	return newPlans(destinations, &cfg.Routes, cfg.References.policy())
}

// All faults of a tenant are found at once, also destinations that do not take the signal.
func TestRouteFaults_AreAllReported(t *testing.T) {
	for name, tt := range map[string]struct {
		routes map[tenant.Signal][]string
		want   []string
	}{
		"the exporter's own": {},
		"all work":           {routes: map[tenant.Signal][]string{tenant.Logs: {"loki"}, tenant.Metrics: {"own"}, tenant.Traces: {"tempo"}}},
		"several of each kind": {
			routes: map[tenant.Signal][]string{tenant.Logs: {"gone", "loki", "tempo", "away"}, tenant.Metrics: {"loki", "tempo"}, tenant.Traces: {"own", "var", "gone"}},
			want: []string{
				`logs: route to "gone", which is not a destination of this exporter; it has loki, own, tempo, var`,
				`logs: route to "away", which is not a destination of this exporter; it has loki, own, tempo, var`,
				`logs: route to "tempo", which does not take logs`,
				`metrics: route to "loki", which does not take metrics`,
				`metrics: route to "tempo", which does not take metrics`,
				`traces: route to "gone", which is not a destination of this exporter; it has loki, own, tempo, var`,
				`traces: route to "own", which does not take traces`,
				`traces to var: endpoint: `,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			board := &tenanttest.Board{}
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "A", Routes: tt.routes})
			g := startGatewayWith(t, parseConfig(t, routeFaultConfig), tenanttest.Host{registryID: registry, component.MustNewID("tenant_health"): board}, registry)
			defer g.stop()
			faults := plansOf(t, routeFaultConfig).check(registry.Snapshot().Tenant("A"))
			require.Len(t, faults, len(tt.want))
			for i, f := range faults {
				assert.Contains(t, f.text, tt.want[i])
			}
			if len(tt.want) == 0 {
				return
			}
			id := component.NewID(metadata.Type)
			require.Eventually(t, func() bool { h, _ := board.Lanes(id); return h.Routes != nil }, time.Minute, time.Millisecond)
			h, _ := board.Lanes(id)
			assert.Equal(t, &healthboard.Routes{Tenants: 1, Faults: []healthboard.RouteFault{
				{Signal: tenant.Logs, Problem: healthboard.RouteUnknown, Tenants: 1},
				{Signal: tenant.Logs, Problem: healthboard.RouteSignal, Tenants: 1},
				{Signal: tenant.Metrics, Problem: healthboard.RouteSignal, Tenants: 1},
				{Signal: tenant.Traces, Problem: healthboard.RouteUnknown, Tenants: 1},
				{Signal: tenant.Traces, Problem: healthboard.RouteSignal, Tenants: 1},
				{Signal: tenant.Traces, Problem: healthboard.RouteSettings, Tenants: 1},
			}}, h.Routes)
			registry.Set(t, &tenant.Tenant{ID: "A"})
			require.Eventually(t, func() bool { h, _ := board.Lanes(id); return h.Routes == nil }, time.Minute, time.Millisecond, "the routes work again")
		})
	}
}
