// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// StateDeleted is the state of a key whose tenant is deleted. [tenant.Key.State] returns the others.
const StateDeleted = "deleted"

// TenantView is a tenant as operators see it, without secrets.
type TenantView struct {
	ID         string              `json:"id"`
	Name       string              `json:"name,omitempty"`
	Status     string              `json:"status"`
	Isolation  string              `json:"isolation"`
	Attributes map[string]string   `json:"attributes,omitempty"`
	Vars       map[string]string   `json:"vars,omitempty"`
	Routes     map[string][]string `json:"routes,omitempty"`
	Limits     map[string]any      `json:"limits,omitempty"`
	Keys       []KeyView           `json:"keys"`
}

// KeyView is a key as operators see it, without its text and its digest.
type KeyView struct {
	ID          string   `json:"id"`
	Tenant      string   `json:"tenant"`
	State       string   `json:"state"`
	Scopes      []string `json:"scopes"`
	CreatedAt   string   `json:"created_at,omitempty"`
	NotBefore   string   `json:"not_before,omitempty"`
	ExpiresAt   string   `json:"expires_at,omitempty"`
	RevokedAt   string   `json:"revoked_at,omitempty"`
	SourceCIDRs []string `json:"source_cidrs,omitempty"`
	Origins     []string `json:"origins,omitempty"`
	Description string   `json:"description,omitempty"`

	// LastUsed is not in the registry: a gateway knows it.
	LastUsed string `json:"last_used,omitempty"`
}

// ViewTenant returns t as it is shown at the time now. Variables whose names say
// that they are secrets are hidden unless they are references.
func ViewTenant(t *tenant.Tenant, now time.Time) TenantView {
	v := TenantView{
		ID: string(t.ID), Name: t.Name, Status: string(t.Status), Isolation: string(t.Isolation),
		Attributes: t.Attributes, Vars: hideSecrets(t.Vars), Limits: viewLimits(t.Limits), Keys: []KeyView{},
	}
	if len(t.Routes) > 0 {
		v.Routes = make(map[string][]string)
		for s, destinations := range t.Routes {
			v.Routes[s.String()] = destinations
		}
	}
	for _, k := range t.Keys {
		v.Keys = append(v.Keys, ViewKey(t, k, now))
	}
	return v
}

// ViewKey returns the key k of the tenant t as it is shown at the time now.
func ViewKey(t *tenant.Tenant, k *tenant.Key, now time.Time) KeyView {
	v := KeyView{
		ID: k.ID, Tenant: string(t.ID), State: k.State(now), Scopes: k.Scopes.Names(),
		CreatedAt: formatTime(k.CreatedAt), NotBefore: formatTime(k.NotBefore),
		ExpiresAt: formatTime(k.ExpiresAt), RevokedAt: formatTime(k.RevokedAt), Description: k.Description, Origins: k.Origins,
	}
	if t.Status == tenant.StatusDeleted {
		v.State = StateDeleted // gateways do not know the key any more
	}
	for _, p := range k.SourceCIDRs {
		v.SourceCIDRs = append(v.SourceCIDRs, p.String())
	}
	return v
}

func viewLimits(l tenant.Limits) map[string]any {
	out := make(map[string]any)
	for _, s := range tenant.AllSignals() {
		rate := make(map[string]any)
		if n := l.Rates[s].RecordsPerSecond; n > 0 {
			rate["records_per_second"] = n
		}
		if n := l.Rates[s].BytesPerSecond; n > 0 {
			rate["bytes_per_second"] = bytesize.Size(n)
		}
		viewQuota(rate, l.Quotas[s])
		if len(rate) > 0 {
			out[s.String()] = rate
		}
	}
	viewQuota(out, l.Total())
	if l.Burst > 0 {
		out["burst"] = l.Burst.String()
	}
	return out
}

func viewQuota(out map[string]any, q tenant.Quota) {
	if q.DailyRecords > 0 {
		out["daily_records"] = q.DailyRecords
	}
	if q.DailyBytes > 0 {
		out["daily_bytes"] = bytesize.Size(q.DailyBytes)
	}
	if q.MonthlyRecords > 0 {
		out["monthly_records"] = q.MonthlyRecords
	}
	if q.MonthlyBytes > 0 {
		out["monthly_bytes"] = bytesize.Size(q.MonthlyBytes)
	}
}

// formatTime returns t in UTC, or "" for the zero time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// hideSecrets replaces the values of variables that are named like secrets,
// except references to a secret.
func hideSecrets(vars map[string]string) map[string]string {
	if len(vars) == 0 {
		return nil
	}
	out := make(map[string]string, len(vars))
	for name, v := range vars {
		if audit.SecretInClear(name, v) {
			v = "(hidden)"
		}
		out[name] = v
	}
	return out
}
