// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLooksLikeIdentity(t *testing.T) {
	for _, name := range []string{
		"business.id", "businessid", "business-id", "Business_ID", "BUSINESS_ID", "business id", "business/id", "business__id", "_business_id", "businessId",
		"tenant.id", "tenant_id", "tenantId", "TENANT-ID", "x-business-id", "x_tenant_id", "X-Scope-OrgID",
		"bus1ness_id", "business_1d", "business_ld", "bu5iness_id", "business_\u200bid", "\u202ebusiness_id", "busine\u0455s_id", "b\u00fcsiness.id", "\uff42usiness_id",
	} {
		assert.True(t, LooksLikeIdentity(name), "%q", name)
	}
	for _, name := range []string{
		AttributeKey, "", "plan", "business", "id", "business_name", "business_id_old", "business_unit_id", "tenant", "tenant.name", "orgid", "service.name",
		"customer.id", "\u0431\u0438\u0437\u043d\u0435\u0441\u0438\u0434\u0430", "deployment.environment.name",
	} {
		assert.False(t, LooksLikeIdentity(name), "%q", name)
	}
}

func TestSnapshot_Twins(t *testing.T) {
	s, err := NewSnapshot([]*Tenant{{ID: "acme"}, {ID: "b"}, {ID: "ACME"}, {ID: "Acme"}, {ID: "acme-2"}}, "h")
	require.NoError(t, err)
	assert.Equal(t, [][2]ID{{"ACME", "Acme"}, {"ACME", "acme"}}, s.Twins())
}
