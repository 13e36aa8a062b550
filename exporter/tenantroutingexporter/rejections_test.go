package tenantroutingexporter

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// What the exporter refuses is counted for the caller's key.
func TestRouter_PostsRejections(t *testing.T) {
	board := &tenanttest.Rejections{}
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "A", Routes: map[tenant.Signal][]string{tenant.Logs: {"gone"}}},
		&tenant.Tenant{ID: "B", Routes: map[tenant.Signal][]string{tenant.Logs: {}}}, &tenant.Tenant{ID: "C", Status: tenant.StatusSuspended})
	host := tenanttest.Host{registryID: registry, component.MustNewID("bearer_key_auth"): board}
	g := startGatewayWith(t, parseConfig(t, routeFaultConfig), host, registry)
	defer g.stop()
	for id, reason := range map[tenant.ID]string{"A": "unknown_destination", "B": "no_route", "C": "suspended", "D": "unknown_tenant"} {
		ctx := tenant.NewContext(t.Context(), tenant.NewIdentity(id, "k-"+string(id), tenant.NewSignals(tenant.Logs)))
		require.Error(t, g.logs.ConsumeLogs(ctx, logsOf(string(id), "x")))
		assert.Equal(t, []tenant.Rejected{{Tenant: id, KeyID: "k-" + string(id), Reason: reason, Signal: tenant.NewSignals(tenant.Logs)}}, board.Take())
	}
	require.Error(t, g.logs.ConsumeLogs(t.Context(), logsOf("A", "x")), "of an agent, whose callers have no keys")
	assert.Empty(t, board.Take())
}
