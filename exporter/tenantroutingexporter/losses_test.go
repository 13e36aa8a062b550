// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// conditionBoard is a board that a test asks.
type conditionBoard struct {
	tenanttest.Board
	sources []condition.Source
}

func (b *conditionBoard) PostConditions(src condition.Source) (remove func()) {
	b.sources = append(b.sources, src)
	return func() { b.sources = nil }
}

// Dropped data and data without a tenant are conditions of the exporter.
func TestLosses_AreConditions(t *testing.T) {
	rejects := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer rejects.Close()
	board := &conditionBoard{}
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "A"})
	host := tenanttest.Host{registryID: registry, component.MustNewID("tenant_health"): board}
	cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {gateway: {otlp_http: {endpoint: %q}}}
routes: {logs: [gateway], metrics: [gateway], traces: [gateway]}
lane: {batch: {timeout: 0s}}
`, rejects.URL))
	g := startGatewayWith(t, cfg, host, registry)
	require.Len(t, board.sources, 1)
	src := board.sources[0]
	assert.Equal(t, component.NewID(metadata.Type), src.ID)
	assert.Equal(t, component.KindExporter, src.Kind)
	report := func() []condition.Finding { // the gateway of the test is this process
		return slices.DeleteFunc(slices.Clone(src.Report()), func(f condition.Finding) bool { return f.Name == condition.FeedbackLoop })
	}
	assert.Empty(t, report())

	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("A", "one")))
	require.Error(t, g.logs.ConsumeLogs(t.Context(), logsOf("", "two")))
	var found []condition.Finding
	require.Eventually(t, func() bool { found = report(); return len(found) == 2 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, condition.DataDropped, found[0].Name)
	assert.Regexp(t, `^Records dropped or kept as dead letters since ..:..:..Z: 1; since the start: 1 refused$`, found[0].Message)
	assert.Equal(t, condition.TenantMissing, found[1].Name)
	assert.Contains(t, found[1].Message, `"business_id"`)
	g.stop()
	assert.Empty(t, board.sources)
}
