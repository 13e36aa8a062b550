package registryfile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// decoded is one entry of the file.
type decoded struct {
	tenant   *tenant.Tenant
	first    int   // line on which the entry's text begins
	line     int   // line of the tenant
	keyLines []int // of tenant.Keys, relative to line
}

// decoder turns YAML nodes into tenants and collects every fault on the way.
type decoder struct {
	faults Faults
	id     string // of the tenant at hand
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

// tenant decodes one entry. at names its place for the case that it has no ID.
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

// tenantFields lists the keys of an entry in the order in which they are
// written.
var tenantFields = []string{"id", "name", "status", "isolation", "attributes", "vars", "routes", "limits", "keys"}

func (d *decoder) routes(n *node, path string) map[tenant.Signal][]string {
	routes := make(map[tenant.Signal][]string)
	d.mapping(n, path, func(key string, k, v *node) {
		signal, err := tenant.ParseSignal(key)
		if err != nil {
			d.fault(k, path, "%v", err)
			return
		}
		destinations := []string{} // an empty list is a route to nowhere, unlike none
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

// findDuplicates reports tenants, key IDs and digests that occur twice. It
// never names a digest.
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
