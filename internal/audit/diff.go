// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// hidden replaces values that may be secrets.
const hidden = "(hidden)"

// Diff returns the changed tenants in their new order, followed by the deleted
// ones. The result contains no secrets.
func Diff(before, after []*tenant.Tenant) []Change {
	old := make(map[tenant.ID]*tenant.Tenant, len(before))
	for _, t := range before {
		old[t.ID] = t
	}
	changes := []Change{}
	for _, t := range after {
		if c, changed := compare(old[t.ID], t); changed {
			changes = append(changes, c)
		}
		delete(old, t.ID)
	}
	for _, t := range before {
		if _, deleted := old[t.ID]; deleted {
			c, _ := compare(t, nil)
			changes = append(changes, c)
		}
	}
	return changes
}

// compare returns the fields that differ and whether there are any. Either tenant
// may be nil.
func compare(before, after *tenant.Tenant) (Change, bool) {
	var c Change
	oldFields, newFields := fields(before), fields(after)
	if before != nil {
		c.Tenant, c.Before = string(before.ID), map[string]any{}
	}
	if after != nil {
		c.Tenant, c.After = string(after.ID), map[string]any{}
	}
	for name, f := range oldFields {
		if other, ok := newFields[name]; !ok || !reflect.DeepEqual(f.value, other.value) {
			c.Before[name] = f.shown
		}
	}
	for name, f := range newFields {
		if other, ok := oldFields[name]; !ok || !reflect.DeepEqual(f.value, other.value) {
			c.After[name] = f.shown
		}
	}
	return c, len(c.Before)+len(c.After) > 0 || (before == nil) != (after == nil)
}

// field is a value of a tenant. shown is what entries contain of it.
type field struct{ value, shown any }

// fields returns the fields of a tenant by their names.
func fields(t *tenant.Tenant) map[string]field {
	out := make(map[string]field)
	if t == nil {
		return out
	}
	set := func(name string, v any) { out[name] = field{v, v} }
	if t.Name != "" {
		set("name", t.Name)
	}
	set("status", string(t.Status))
	set("isolation", string(t.Isolation))
	for name, v := range t.Attributes {
		set("attributes."+name, v)
	}
	for name, v := range t.Vars {
		shown := v
		if SecretInClear(name, v) {
			shown = hidden
		}
		out["vars."+name] = field{v, shown}
	}
	for s, destinations := range t.Routes {
		set("routes."+s.String(), append([]string{}, destinations...))
	}
	for name, n := range limitFields(t.Limits) {
		set("limits."+name, n)
	}
	for _, k := range t.Keys {
		out["keys."+k.ID] = field{[]any{k.Digest, keyFields(k)}, keyFields(k)}
	}
	return out
}

func limitFields(l tenant.Limits) map[string]string {
	out := make(map[string]string)
	for _, s := range tenant.AllSignals() {
		if n := l.Rates[s].RecordsPerSecond; n != 0 {
			out[s.String()+".records_per_second"] = fmt.Sprint(n)
		}
		if n := l.Rates[s].BytesPerSecond; n != 0 {
			out[s.String()+".bytes_per_second"] = bytesize.Size(n).String()
		}
		addQuota(out, s.String()+".", l.Quotas[s])
	}
	addQuota(out, "", l.Total())
	if l.Burst != 0 {
		out["burst"] = l.Burst.String()
	}
	return out
}

func addQuota(out map[string]string, prefix string, q tenant.Quota) {
	for name, n := range map[string]int64{"daily_records": q.DailyRecords, "monthly_records": q.MonthlyRecords} {
		if n != 0 {
			out[prefix+name] = fmt.Sprint(n)
		}
	}
	for name, n := range map[string]int64{"daily_bytes": q.DailyBytes, "monthly_bytes": q.MonthlyBytes} {
		if n != 0 {
			out[prefix+name] = bytesize.Size(n).String()
		}
	}
}

// keyFields returns the fields of a key except its digest.
func keyFields(k *tenant.Key) map[string]any {
	out := map[string]any{"scopes": k.Scopes.Names()}
	for name, at := range map[string]time.Time{
		"created_at": k.CreatedAt, "not_before": k.NotBefore, "expires_at": k.ExpiresAt, "revoked_at": k.RevokedAt,
	} {
		if !at.IsZero() {
			out[name] = at.UTC().Format(time.RFC3339)
		}
	}
	var sources []string
	for _, p := range k.SourceCIDRs {
		sources = append(sources, p.String())
	}
	if len(sources) > 0 {
		out["source_cidrs"] = sources
	}
	if len(k.Origins) > 0 {
		out["origins"] = append([]string{}, k.Origins...)
	}
	if k.Description != "" {
		out["description"] = k.Description
	}
	return out
}

// secretWords occur in the names of variables that contain secrets.
var secretWords = [...]string{"token", "secret", "pass", "pwd", "credential", "key", "auth", "bearer", "cookie", "signature", "dsn"}

// SecretInClear reports whether the value of a variable is probably a secret
// instead of a reference such as ${file:/etc/otelcol-tenant/secrets/x}. It looks
// at the name and for user information in a URL.
func SecretInClear(name, value string) bool {
	if strings.Contains(value, "${env:") || strings.Contains(value, "${file:") {
		return false
	}
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	if _, rest, ok := strings.Cut(value, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		return strings.Contains(host, "@")
	}
	return false
}
