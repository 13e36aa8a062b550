package history

import (
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxShown bounds the text of an error.
const maxShown = 20

// Revival is a key or tenant that works again, or for longer.
type Revival struct {
	Tenant tenant.ID
	Key    string // ID of the key; empty: the tenant as a whole
	Final  bool   // it was ended for good: a revoked key, a deleted tenant
	What   string // such as "was revoked at 2026-01-02T03:04:05Z"
}

// String names the tenant and the key.
func (r Revival) String() string {
	if r.Key != "" {
		return fmt.Sprintf("key %s of tenant %s %s", r.Key, r.Tenant, r.What)
	}
	return fmt.Sprintf("tenant %s %s", r.Tenant, r.What)
}

// Revivals is a list that is an error.
type Revivals []Revival

// Error implements error with one line for each.
func (rs Revivals) Error() string {
	var lines []string
	for _, r := range rs[:min(len(rs), maxShown)] {
		lines = append(lines, r.String())
	}
	if more := len(rs) - maxShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// Finals returns those that were ended for good.
func (rs Revivals) Finals() (out Revivals) {
	for _, r := range rs {
		if r.Final {
			out = append(out, r)
		}
	}
	return out
}

// Registry is where tenants and keys are looked up.
type Registry struct {
	Tenants []*tenant.Tenant
	keys    map[string]*tenant.Key
	byID    map[tenant.ID]*tenant.Tenant
	digests map[tenant.Digest]*tenant.Key
	owners  map[*tenant.Key]*tenant.Tenant
}

// NewRegistry returns tenants for lookups.
func NewRegistry(tenants []*tenant.Tenant) *Registry {
	r := &Registry{
		Tenants: tenants, keys: make(map[string]*tenant.Key), byID: make(map[tenant.ID]*tenant.Tenant, len(tenants)),
		digests: make(map[tenant.Digest]*tenant.Key), owners: make(map[*tenant.Key]*tenant.Tenant),
	}
	for _, t := range tenants {
		r.byID[t.ID] = t
		for _, k := range t.Keys {
			r.keys[k.ID], r.digests[k.Digest], r.owners[k] = k, k, t
		}
	}
	return r
}

// Of returns the tenants of a snapshot for lookups.
func Of(s *tenant.Snapshot) *Registry {
	var all []*tenant.Tenant
	for t := range s.Tenants() {
		all = append(all, t)
	}
	return NewRegistry(all)
}

// Revived returns what was ended in before and is not in after.
func Revived(before, after *Registry) (out Revivals) {
	for _, was := range before.Tenants {
		if is := after.byID[was.ID]; is != nil {
			switch {
			case was.Status == tenant.StatusDeleted && is.Status != tenant.StatusDeleted:
				out = append(out, Revival{was.ID, "", true, "was deleted"})
			case was.Status == tenant.StatusSuspended && is.Status == tenant.StatusActive:
				out = append(out, Revival{was.ID, "", false, "was suspended"})
			}
		}
		for _, k := range was.Keys {
			// The digest is the secret: a key that has another ID now is the same key.
			is := after.digests[k.Digest]
			if is == nil {
				continue
			}
			owner := after.owners[is].ID
			switch {
			case !k.RevokedAt.IsZero() && is.RevokedAt.IsZero():
				out = append(out, Revival{owner, is.ID, true, "was revoked at " + k.RevokedAt.UTC().Format(time.RFC3339)})
			case is.RevokedAt.IsZero() && later(is.ExpiresAt, k.ExpiresAt):
				out = append(out, Revival{owner, is.ID, false, "was to end at " + k.ExpiresAt.UTC().Format(time.RFC3339)})
			}
		}
	}
	return out
}

// later tells whether an end comes after another; zero is no end.
func later(end, other time.Time) bool {
	return !other.IsZero() && (end.IsZero() || end.After(other))
}

// Lost returns the tenants and keys of before that after does not have. What ended
// is not among them.
func Lost(before, after *Registry) (out Revivals) {
	for _, t := range before.Tenants {
		if t.Status == tenant.StatusDeleted {
			continue
		}
		if after.byID[t.ID] == nil {
			out = append(out, Revival{Tenant: t.ID, What: "was created after the backup: its data is refused"})
			continue
		}
		for _, k := range t.Keys {
			if after.digests[k.Digest] == nil && k.RevokedAt.IsZero() {
				out = append(out, Revival{Tenant: t.ID, Key: k.ID, What: "was created after the backup: what is sent with it is refused"})
			}
		}
	}
	return out
}

// Keep ends in d what is ended in known, so that a registry restored from a backup
// lets nothing work again. keep chooses among them; nil keeps all. It returns what
// it has ended.
func Keep(d *registryedit.Document, known *Registry, keep func(Revival) bool) (kept Revivals, err error) {
	byTenant := make(map[tenant.ID]Revivals)
	for _, r := range Revived(known, NewRegistry(d.Tenants())) {
		if keep == nil || keep(r) {
			byTenant[r.Tenant] = append(byTenant[r.Tenant], r)
			kept = append(kept, r)
		}
	}
	changes := make(map[tenant.ID]func(*tenant.Tenant) error, len(byTenant))
	for id, ends := range byTenant {
		changes[id] = func(t *tenant.Tenant) error {
			for _, r := range ends {
				end(t, r, known)
			}
			return nil
		}
	}
	return kept, d.UpdateAll(changes)
}

func end(t *tenant.Tenant, r Revival, known *Registry) {
	if r.Key == "" {
		t.Status = known.byID[r.Tenant].Status
		return
	}
	for _, k := range t.Keys {
		if k.ID == r.Key {
			was := known.digests[k.Digest]
			k.RevokedAt = was.RevokedAt
			if later(k.ExpiresAt, was.ExpiresAt) && was.RevokedAt.IsZero() {
				k.ExpiresAt = was.ExpiresAt
			}
		}
	}
}
