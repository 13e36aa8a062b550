// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package admission

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestDecide(t *testing.T) {
	snapshot, err := tenant.NewSnapshot([]*tenant.Tenant{
		{ID: "active", Status: tenant.StatusActive},
		{ID: "suspended", Status: tenant.StatusSuspended},
		{ID: "deleted", Status: tenant.StatusDeleted},
		{ID: "odd", Status: "a status of a later version"},
	}, "")
	require.NoError(t, err)
	logs := tenant.NewSignals(tenant.Logs)
	caller := func(id tenant.ID, scopes tenant.Signals) *tenant.Identity { return tenant.NewIdentity(id, "k", scopes) }
	for _, tt := range []struct {
		name     string
		caller   *tenant.Identity
		snapshot *tenant.Snapshot
		want     rejection.Reason
	}{
		{"active", caller("active", logs), snapshot, rejection.None},
		{"no scope", caller("active", 0), snapshot, rejection.Scope},
		{"other scope", caller("active", tenant.NewSignals(tenant.Traces)), snapshot, rejection.Scope},
		{"suspended", caller("suspended", logs), snapshot, rejection.Suspended},
		{"suspended and out of scope", caller("suspended", 0), snapshot, rejection.Suspended},
		{"deleted", caller("deleted", logs), snapshot, rejection.UnknownTenant},
		{"gone and out of scope", caller("gone", 0), snapshot, rejection.UnknownTenant},
		{"unknown status", caller("odd", logs), snapshot, rejection.UnknownTenant},
		{"undecided", tenant.Undecided(), snapshot, rejection.NotLoaded},
		{"no registry loaded", caller("active", logs), nil, rejection.NotLoaded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, why := Decide(tt.caller, tt.snapshot, tenant.Logs)
			assert.Equal(t, tt.want, why)
			if why == rejection.None {
				assert.Same(t, snapshot.Tenant(tt.caller.Tenant()), got)
			} else {
				assert.Nil(t, got)
			}
		})
	}
}
