package audit

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// hidden replaces what may be a secret.
const hidden = "(hidden)"

// Diff returns what changed, tenants in their new order and then those that are
// gone. It holds no secrets.
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
		if _, gone := old[t.ID]; gone {
			c, _ := compare(t, nil)
			changes = append(changes, c)
		}
	}
	return changes
}

// compare returns the fields in which was and is differ. Either may be nil.
func compare(was, is *tenant.Tenant) (Change, bool) {
	var c Change
	old, now := fields(was), fields(is)
	if was != nil {
		c.Tenant, c.Before = string(was.ID), map[string]any{}
	}
	if is != nil {
		c.Tenant, c.After = string(is.ID), map[string]any{}
	}
	for name, f := range old {
		if other, ok := now[name]; !ok || !reflect.DeepEqual(f.value, other.value) {
			c.Before[name] = f.shown
		}
	}
	for name, f := range now {
		if other, ok := old[name]; !ok || !reflect.DeepEqual(f.value, other.value) {
			c.After[name] = f.shown
		}
	}
	return c, len(c.Before)+len(c.After) > 0 || (was == nil) != (is == nil)
}

// field is a value and what may be shown of it.
type field struct{ value, shown any }

// fields takes a tenant apart, so that every field can change by itself.
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
	for name, n := range limits(t.Limits) {
		set("limits."+name, n)
	}
	for _, k := range t.Keys {
		out["keys."+k.ID] = field{[]any{k.Digest, showKey(k)}, showKey(k)}
	}
	return out
}

func limits(l tenant.Limits) map[string]string {
	out := make(map[string]string)
	for _, s := range tenant.AllSignals() {
		if n := l.Rates[s].RecordsPerSecond; n != 0 {
			out[s.String()+".records_per_second"] = fmt.Sprint(n)
		}
		if n := l.Rates[s].BytesPerSecond; n != 0 {
			out[s.String()+".bytes_per_second"] = bytesize.Size(n).String()
		}
		quota(out, s.String()+".", l.Quotas[s])
	}
	quota(out, "", l.Total())
	if l.Burst != 0 {
		out["burst"] = l.Burst.String()
	}
	return out
}

func quota(out map[string]string, prefix string, q tenant.Quota) {
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

// showKey returns everything about a key but its digest.
func showKey(k *tenant.Key) map[string]any {
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

// secretWords are in the names of variables that hold secrets.
var secretWords = [...]string{"token", "secret", "pass", "pwd", "credential", "key", "auth", "bearer", "cookie", "signature", "dsn"}

// SecretInClear tells whether a variable seems to hold a secret, by its name or
// as the user part of a URL, instead of a reference such as
// ${file:/etc/otelcol-tenant/secrets/x}.
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
