// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// A rejection counts once for the caller's key.
func TestProcessor_PostsRejections(t *testing.T) {
	board, boardID, registryID := &tenanttest.Rejections{}, component.MustNewID("bearer_key_auth"), component.MustNewID("tenant_registry")
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "ok"}, &tenant.Tenant{ID: "suspended", Status: tenant.StatusSuspended},
		&tenant.Tenant{ID: "limited", Limits: tenant.Limits{DailyRecords: 2}})
	cfg := createDefaultConfig().(*Config)
	cfg.Source, cfg.Registry = SourceAuth, &registryID
	p := startPipelines(t, cfg, tenanttest.Host{registryID: registry, boardID: board}, func(context.Context) error { return nil })
	all, tracesOnly := tenant.NewSignals(tenant.AllSignals()...), tenant.NewSignals(tenant.Traces)
	send := func(id tenant.ID, scopes tenant.Signals) error {
		return p.logs.ConsumeLogs(tenant.NewContext(t.Context(), tenant.NewIdentity(id, "k-"+string(id), scopes)), manyLogs(2))
	}
	require.NoError(t, send("ok", all))
	assert.Empty(t, board.Take())
	require.NoError(t, send("limited", all), "the quota is used up by it")
	for _, tt := range []struct {
		id     tenant.ID
		scopes tenant.Signals
		reason string
	}{{"suspended", all, "suspended"}, {"ok", tracesOnly, "scope"}, {"gone", all, "unknown_tenant"}, {"limited", all, "quota"}} {
		err := send(tt.id, tt.scopes)
		require.Error(t, err)
		assert.Equal(t, []rejection.Rejected{{
			Tenant: tt.id, KeyID: "k-" + string(tt.id), Reason: tt.reason, Signal: tenant.NewSignals(tenant.Logs), Records: 2, Text: err.Error(),
		}}, board.Take())
	}
	require.Error(t, p.logs.ConsumeLogs(t.Context(), manyLogs(1)), "nobody's")
	assert.Empty(t, board.Take())
}
