// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// decoded is one entry of the file.
type decoded struct {
	tenant   *tenant.Tenant
	first    int   // line at which the text of the entry begins
	line     int   // line of the tenant
	keyLines []int // lines of tenant.Keys, relative to line
}

// decoder converts YAML nodes to tenants and collects every fault.
type decoder struct {
	faults Faults
	id     string // of the current tenant
}

func (d *decoder) fault(n *node, path, format string, args ...any) {
	d.faults = append(d.faults, Fault{Line: n.line, Tenant: d.id, Path: path, Reason: fmt.Sprintf(format, args...)})
}

func (d *decoder) document(root *node) []decoded {
	if root == nil {
		d.faults = append(d.faults, Fault{Line: 1, Reason: `there is no "tenants"; a registry without tenants reads "tenants: []"`})
		return nil
	}
	var list *node
	ok := d.mapping(root, "", func(key string, k, v *node) {
		if key != "tenants" {
			d.fault(k, key, `unknown key, want only "tenants"`)
			return
		}
		list = v
	})
	switch {
	case !ok:
		return nil
	case list == nil:
		if len(d.faults) == 0 {
			d.fault(root, "", `there is no "tenants"; a registry without tenants reads "tenants: []"`)
		}
		return nil
	}
	var items []decoded
	d.sequence(list, "tenants", func(n int, v *node) {
		d.id = ""
		items = append(items, d.tenant(v, fmt.Sprintf("tenants[%d]", n)))
	})
	return items
}

// tenant decodes one entry. at is its path, for faults of an entry without an ID.
func (d *decoder) tenant(n *node, at string) decoded {
	t := &tenant.Tenant{Status: tenant.StatusActive, Isolation: tenant.IsolationShared}
	out := decoded{tenant: t, line: n.line}
	if n.kind != kindMapping {
		d.fault(n, at, "must be a mapping")
		return out
	}
	d.id = idOf(n)
	hasID := false
	d.mapping(n, "", func(key string, k, v *node) {
		switch key {
		case "id":
			hasID = true
			t.ID = tenant.ID(d.text(v, key))
			if err := t.ID.Validate(); err != nil && t.ID != "" {
				d.fault(v, key, "%v", err)
			}
		case "name":
			t.Name = d.text(v, key)
		case "status":
			t.Status = tenant.Status(d.oneOf(v, key, string(tenant.StatusActive), string(tenant.StatusSuspended), string(tenant.StatusDeleted)))
		case "isolation":
			t.Isolation = tenant.Isolation(d.oneOf(v, key, string(tenant.IsolationShared), string(tenant.IsolationDedicated)))
		case "attributes":
			t.Attributes = d.texts(v, key, checkAttribute)
		case "vars":
			t.Vars = d.texts(v, key, checkVar)
		case "routes":
			t.Routes = d.routes(v, key)
		case "limits":
			t.Limits = d.limits(v, key)
		case "keys":
			d.sequence(v, key, func(i int, v *node) {
				t.Keys = append(t.Keys, d.key(v, fmt.Sprintf("keys[%d]", i)))
				out.keyLines = append(out.keyLines, v.line-n.line)
			})
		default:
			d.fault(k, key, "unknown key, want one of %s", strings.Join(tenantFields, ", "))
		}
	})
	if !hasID {
		d.fault(n, at, "id is required")
	}
	return out
}

// TenantFields returns the fields of an entry in the order in which they are
// written.
func TenantFields() []string { return slices.Clone(tenantFields) }

var tenantFields = []string{"id", "name", "status", "isolation", "attributes", "vars", "routes", "limits", "keys"}

func (d *decoder) routes(n *node, path string) map[tenant.Signal][]string {
	routes := make(map[tenant.Signal][]string)
	d.mapping(n, path, func(key string, k, v *node) {
		signal, err := tenant.ParseSignal(key)
		if err != nil {
			d.fault(k, path, "%v", err)
			return
		}
		destinations := []string{} // an empty list discards the signal; without a list the default applies
		at := path + "." + key
		d.sequence(v, at, func(i int, v *node) {
			name := d.text(v, fmt.Sprintf("%s[%d]", at, i))
			switch err := checkDestination(name); {
			case err != nil:
				d.fault(v, fmt.Sprintf("%s[%d]", at, i), "%v", err)
			case slices.Contains(destinations, name):
				d.fault(v, fmt.Sprintf("%s[%d]", at, i), "%q is in the list twice", name)
			}
			destinations = append(destinations, name)
		})
		routes[signal] = destinations
	})
	return routes
}

func (d *decoder) limits(n *node, path string) tenant.Limits {
	var l tenant.Limits
	d.mapping(n, path, func(key string, k, v *node) {
		at := path + "." + key
		switch key {
		case "daily_records":
			l.DailyRecords = d.count(v, at)
			return
		case "daily_bytes":
			l.DailyBytes = d.size(v, at)
			return
		case "monthly_records":
			l.MonthlyRecords = d.count(v, at)
			return
		case "monthly_bytes":
			l.MonthlyBytes = d.size(v, at)
			return
		case "burst":
			l.Burst = d.duration(v, at)
			return
		}
		signal, err := tenant.ParseSignal(key)
		if err != nil {
			d.fault(k, at, "unknown key, want one of logs, metrics, traces, daily_records, daily_bytes, monthly_records, monthly_bytes, burst")
			return
		}
		rate, quota := &l.Rates[signal], &l.Quotas[signal]
		d.mapping(v, at, func(key string, k, v *node) {
			switch key {
			case "records_per_second":
				rate.RecordsPerSecond = d.count(v, at+"."+key)
			case "bytes_per_second":
				rate.BytesPerSecond = d.size(v, at+"."+key)
			case "daily_records":
				quota.DailyRecords = d.count(v, at+"."+key)
			case "daily_bytes":
				quota.DailyBytes = d.size(v, at+"."+key)
			case "monthly_records":
				quota.MonthlyRecords = d.count(v, at+"."+key)
			case "monthly_bytes":
				quota.MonthlyBytes = d.size(v, at+"."+key)
			default:
				d.fault(k, at+"."+key, "unknown key, want one of records_per_second, bytes_per_second, daily_records, daily_bytes, monthly_records, monthly_bytes")
			}
		})
	})
	return l
}

func (d *decoder) size(n *node, path string) int64 {
	var size bytesize.Size
	text := d.text(n, path)
	if strings.HasPrefix(text, "-") {
		d.fault(n, path, "must not be negative")
	} else if err := size.UnmarshalText([]byte(text)); err != nil && text != "" {
		d.fault(n, path, "%v", err)
	}
	return int64(size)
}

func (d *decoder) duration(n *node, path string) time.Duration {
	text := d.text(n, path)
	if text == "" {
		return 0
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		d.fault(n, path, "%q is not a time above 0 such as 500ms or 5s", text)
		return 0
	}
	return v
}

// findDuplicates returns a fault for every tenant, key ID and digest that occurs
// twice. It never shows a digest.
func findDuplicates(items []decoded) Faults {
	type place struct {
		tenant tenant.ID
		key    string
		line   int
	}
	keys := 0
	for _, item := range items {
		keys += len(item.tenant.Keys)
	}
	var (
		faults  Faults
		tenants = make(map[tenant.ID]int, len(items))
		ids     = make(map[string]place, keys)
		digests = make(map[tenant.Digest]place, keys)
	)
	for _, item := range items {
		t := item.tenant
		if t.ID != "" {
			if line, dup := tenants[t.ID]; dup {
				faults = append(faults, Fault{Line: item.line, Tenant: string(t.ID), Reason: fmt.Sprintf("there is already an entry with this ID on line %d", line)})
			} else {
				tenants[t.ID] = item.line
			}
		}
		for i, k := range t.Keys {
			here := place{t.ID, k.ID, item.line + item.keyLines[i]}
			if k.ID != "" {
				if other, dup := ids[k.ID]; dup {
					faults = append(faults, Fault{Line: here.line, Tenant: string(t.ID), Path: fmt.Sprintf("keys[%d].id", i), Reason: fmt.Sprintf("%q is already a key of tenant %q on line %d", k.ID, other.tenant, other.line)})
				} else {
					ids[k.ID] = here
				}
			}
			if k.Digest != (tenant.Digest{}) {
				if other, dup := digests[k.Digest]; dup {
					faults = append(faults, Fault{Line: here.line, Tenant: string(t.ID), Path: fmt.Sprintf("keys[%d].sha256", i), Reason: fmt.Sprintf("it is also that of key %q of tenant %q on line %d", other.key, other.tenant, other.line)})
				} else {
					digests[k.Digest] = here
				}
			}
		}
	}
	return faults
}

// mapping calls f for every key of n and reports whether n is a mapping. A node of
// another kind and a key that occurs twice are faults.
func (d *decoder) mapping(n *node, path string, f func(key string, k, v *node)) bool {
	if n.kind != kindMapping {
		d.fault(n, path, "must be a mapping")
		return false
	}
	for i := 0; i+1 < len(n.content); i += 2 {
		k, v := n.content[i], n.content[i+1]
		if k.kind > kindBinary {
			d.fault(k, path, "has a key that is not text")
			continue
		}
		if hasKey(n.content[:i], k.value) {
			d.fault(k, join(path, k.value), "is there twice")
			continue
		}
		f(k.value, k, v)
	}
	return true
}

func hasKey(content []*node, key string) bool {
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].kind <= kindBinary && content[i].value == key {
			return true
		}
	}
	return false
}

// sequence calls f for every item of n and reports whether n is a list.
func (d *decoder) sequence(n *node, path string, f func(i int, v *node)) bool {
	if n.kind != kindSequence {
		d.fault(n, path, "must be a list")
		return false
	}
	for i, v := range n.content {
		f(i, v)
	}
	return true
}

// text returns a scalar as it is written, so that an ID such as 0123 keeps its
// zero. It returns "" after a fault.
func (d *decoder) text(n *node, path string) string {
	switch {
	case n.kind > kindBinary:
		d.fault(n, path, "must be a single value")
	case n.kind == kindNull || n.value == "":
		d.fault(n, path, "must not be empty; leave it out instead")
	case n.kind == kindBinary:
		d.fault(n, path, "must be text")
	default:
		if err := checkText(n.value); err != nil {
			d.fault(n, path, "%v", err)
			return ""
		}
		return n.value
	}
	return ""
}

func (d *decoder) oneOf(n *node, path string, allowed ...string) string {
	text := d.text(n, path)
	for _, a := range allowed {
		if text == a {
			return text
		}
	}
	if text != "" {
		d.fault(n, path, "%q must be one of %s", text, strings.Join(allowed, ", "))
	}
	return text
}

func (d *decoder) count(n *node, path string) int64 {
	text := d.text(n, path)
	if text == "" {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		d.fault(n, path, "%q is not a whole number", text)
	case v < 0:
		d.fault(n, path, "must not be negative")
	}
	return v
}

// texts decodes a mapping of text to text. check returns an error for a name that
// is not allowed.
func (d *decoder) texts(n *node, path string, check func(name string) error) map[string]string {
	out := make(map[string]string)
	d.mapping(n, path, func(key string, k, v *node) {
		at := join(path, key)
		if err := check(key); err != nil {
			d.fault(k, at, "%v", err)
		}
		out[key] = d.text(v, at)
	})
	return out
}

// idOf returns the ID of an entry, or "" if it has none.
func idOf(n *node) string {
	if n.kind != kindMapping {
		return ""
	}
	for i := 0; i+1 < len(n.content); i += 2 {
		if n.content[i].value == "id" {
			return n.content[i+1].value
		}
	}
	return ""
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keyFields lists the fields of a key in the order in which they are written.
var keyFields = []string{"id", "sha256", "scopes", "created_at", "not_before", "expires_at", "revoked_at", "source_cidrs", "origins", "description"}

func (d *decoder) key(n *node, path string) *tenant.Key {
	out := &tenant.Key{}
	missing := []string{"id", "sha256", "scopes"}
	ok := d.mapping(n, path, func(key string, k, v *node) {
		at := path + "." + key
		if i := slices.Index(missing, key); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		}
		switch key {
		case "id":
			out.ID = d.text(v, at)
			if err := checkKeyID(out.ID); err != nil {
				d.fault(v, at, "%v", err)
			}
		case "sha256":
			out.Digest = d.digest(v, at)
		case "scopes":
			out.Scopes = d.scopes(v, at)
		case "created_at":
			out.CreatedAt = d.time(v, at)
		case "not_before":
			out.NotBefore = d.time(v, at)
		case "expires_at":
			out.ExpiresAt = d.time(v, at)
		case "revoked_at":
			out.RevokedAt = d.time(v, at)
		case "source_cidrs":
			if d.sequence(v, at, func(i int, v *node) {
				out.SourceCIDRs = append(out.SourceCIDRs, d.prefix(v, fmt.Sprintf("%s[%d]", at, i)))
			}) && len(v.content) == 0 {
				d.fault(v, at, "must name at least one range; leave it out to let the key come from anywhere")
			}
		case "origins":
			d.sequence(v, at, func(i int, v *node) {
				out.Origins = append(out.Origins, d.origin(v, fmt.Sprintf("%s[%d]", at, i)))
			})
		case "description":
			out.Description = d.text(v, at)
		default:
			d.fault(k, at, "unknown key, want one of %s", strings.Join(keyFields, ", "))
		}
	})
	if ok && len(missing) > 0 {
		d.fault(n, path, "%s is required", strings.Join(missing, ", "))
	}
	if !out.ExpiresAt.IsZero() && !out.NotBefore.IsZero() && !out.ExpiresAt.After(out.NotBefore) {
		d.fault(n, path, "expires_at must be after not_before")
	}
	return out
}

func (d *decoder) digest(n *node, path string) tenant.Digest {
	var digest tenant.Digest
	text := d.text(n, path)
	if text == "" {
		return digest
	}
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(digest) {
		copy(digest[:], raw)
		if digest != (tenant.Digest{}) {
			return digest
		}
	}
	d.fault(n, path, "must be the SHA-256 of the key, 64 hexadecimal digits")
	return digest
}

func (d *decoder) scopes(n *node, path string) tenant.Signals {
	var signals []tenant.Signal
	if !d.sequence(n, path, func(i int, v *node) {
		signal, err := tenant.ParseSignal(d.text(v, path))
		if err != nil {
			d.fault(v, fmt.Sprintf("%s[%d]", path, i), "%v", err)
			return
		}
		signals = append(signals, signal)
	}) {
		return 0
	}
	if len(n.content) == 0 {
		d.fault(n, path, "must name at least one of logs, metrics, traces")
	}
	return tenant.NewSignals(signals...)
}

func (d *decoder) time(n *node, path string) time.Time {
	text := d.text(n, path)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.IsZero() {
		d.fault(n, path, "%q is not a time such as 2026-01-31T12:00:00Z", text)
		return time.Time{}
	}
	return t.UTC()
}

func (d *decoder) prefix(n *node, path string) netip.Prefix {
	text := d.text(n, path)
	if text == "" {
		return netip.Prefix{}
	}
	p, err := ParsePrefix(text)
	if err != nil {
		d.fault(n, path, "%v", err)
	}
	return p
}

func (d *decoder) origin(n *node, path string) string {
	text := d.text(n, path)
	if text == "" {
		return ""
	}
	if err := CheckOrigin(text); err != nil {
		d.fault(n, path, "%v", err)
	}
	return text
}

// CheckOrigin checks a web origin of a key. It must be written exactly as browsers
// send it, since it is compared with the header of the request.
func CheckOrigin(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(u.Host, "*, ") {
		return fmt.Errorf("%q is not an origin such as https://app.example or http://localhost:3000", text)
	}
	want := u.Scheme + "://" + strings.ToLower(u.Host)
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		want = strings.TrimSuffix(want, ":"+u.Port())
	}
	if text != want {
		return fmt.Errorf("%q must be written as browsers send it: %s", text, want)
	}
	return nil
}

// ParsePrefix parses a source range of a key: a CIDR or a single address. It
// rejects ranges that match other addresses than their text suggests.
func ParsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(text)
		if addrErr != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is not a range such as 10.1.0.0/16 or 2001:db8::/32", text)
		}
		p = netip.PrefixFrom(addr, addr.BitLen())
	}
	switch {
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q must be written as an IPv4 range", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits set after its prefix, the range is %s", text, p.Masked())
	}
	return p, nil
}
