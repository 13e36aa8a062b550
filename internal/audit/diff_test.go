// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestDiff_ContainsEveryFieldAndNoSecret(t *testing.T) {
	before, after := newTenant("a"), newTenant("a")
	before.Vars = map[string]string{"url": "https://u:pw@h/x", "same": "s", "gone": "g"}
	after.Vars = map[string]string{"url": "https://u:other@h/x", "same": "s", "ref_token": "${file:/run/x}"}
	before.Attributes, after.Attributes = map[string]string{"plan": "free"}, map[string]string{"plan": "pro"}
	after.Routes = map[tenant.Signal][]string{tenant.Traces: {}, tenant.Logs: {"x", "y"}}
	after.Status, after.Isolation, after.Name = tenant.StatusSuspended, tenant.IsolationDedicated, "A"
	after.Limits.Rates[tenant.Logs] = tenant.Rate{RecordsPerSecond: 5, BytesPerSecond: 1 << 20}
	after.Limits.SetTotal(tenant.Quota{DailyRecords: 9, DailyBytes: 1 << 30, MonthlyRecords: 8, MonthlyBytes: 7})
	after.Limits.Quotas[tenant.Traces], after.Limits.Burst = tenant.Quota{MonthlyRecords: 6}, 5*time.Second
	k := tenant.Key{ID: "k", Digest: tenant.Digest{1}, Scopes: tenant.NewSignals(tenant.Logs), CreatedAt: time.Unix(0, 0)}
	revoked := k
	revoked.RevokedAt, revoked.Description = time.Unix(60, 0), "vm"
	revoked.Origins = []string{"https://app.example"}
	revoked.SourceCIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	before.Keys, after.Keys = []*tenant.Key{&k}, []*tenant.Key{&revoked}

	changes := Diff([]*tenant.Tenant{before, newTenant("gone"), newTenant("same")}, []*tenant.Tenant{newTenant("new"), after, newTenant("same")})
	text, err := json.Marshal(changes)
	require.NoError(t, err)
	assert.JSONEq(t, `[
		{"tenant": "new", "before": null, "after": {"status": "active", "isolation": "shared"}},
		{"tenant": "a",
		 "before": {"attributes.plan": "free", "isolation": "shared", "status": "active", "vars.gone": "g", "vars.url": "(hidden)",
			"keys.k": {"created_at": "1970-01-01T00:00:00Z", "scopes": ["logs"]}},
		 "after": {"attributes.plan": "pro", "isolation": "dedicated", "status": "suspended", "name": "A", "vars.url": "(hidden)", "vars.ref_token": "${file:/run/x}",
			"routes.logs": ["x", "y"], "routes.traces": [], "limits.logs.records_per_second": "5", "limits.logs.bytes_per_second": "1MiB",
			"limits.daily_bytes": "1GiB", "limits.monthly_bytes": "7", "limits.daily_records": "9",
			"limits.monthly_records": "8", "limits.traces.monthly_records": "6", "limits.burst": "5s",
			"keys.k": {"created_at": "1970-01-01T00:00:00Z", "revoked_at": "1970-01-01T00:01:00Z", "scopes": ["logs"], "source_cidrs": ["10.0.0.0/8"], "origins": ["https://app.example"], "description": "vm"}}},
		{"tenant": "gone", "before": {"status": "active", "isolation": "shared"}, "after": null}
	]`, string(text))
}

// A key with the same ID and another digest is another key.
func TestDiff_DetectsAnotherDigest(t *testing.T) {
	before, after := newTenant("a"), newTenant("a")
	before.Keys, after.Keys = []*tenant.Key{{ID: "k", Digest: tenant.Digest{1}}}, []*tenant.Key{{ID: "k", Digest: tenant.Digest{2}}}
	assert.Len(t, Diff([]*tenant.Tenant{before}, []*tenant.Tenant{after}), 1)
	assert.Empty(t, Diff([]*tenant.Tenant{before}, []*tenant.Tenant{before}))
}

func TestSecretInClear(t *testing.T) {
	for name, v := range map[string]string{"x_token": "a", "basic_auth": "a", "dsn": "a", "endpoint": "https://u:p@h/"} {
		assert.True(t, SecretInClear(name, v), name)
	}
	for name, v := range map[string]string{"x_token": "${file:/x}", "endpoint": "https://h/a@b", "region": "eu"} {
		assert.False(t, SecretInClear(name, v), name)
	}
}

// A field that Diff ignores would change without an entry.
func TestDiff_CoversEveryField(t *testing.T) {
	for of, want := range map[reflect.Type][]string{
		reflect.TypeFor[tenant.Tenant](): {"ID", "Name", "Status", "Isolation", "Attributes", "Vars", "Routes", "Limits", "Keys"},
		reflect.TypeFor[tenant.Key]():    {"ID", "Digest", "Scopes", "CreatedAt", "NotBefore", "ExpiresAt", "RevokedAt", "SourceCIDRs", "Origins", "Description"},
		reflect.TypeFor[tenant.Limits](): {"Rates", "Burst", "Quotas", "DailyRecords", "DailyBytes", "MonthlyRecords", "MonthlyBytes"},
		reflect.TypeFor[tenant.Rate]():   {"RecordsPerSecond", "BytesPerSecond"},
		reflect.TypeFor[tenant.Quota]():  {"DailyRecords", "DailyBytes", "MonthlyRecords", "MonthlyBytes"},
	} {
		var got []string
		for n := range of.NumField() {
			if f := of.Field(n); f.IsExported() {
				got = append(got, f.Name)
			}
		}
		assert.ElementsMatch(t, want, got, "add the new field of %v to Diff, then here", of)
	}
}
