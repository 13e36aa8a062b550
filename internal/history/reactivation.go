// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package history

import (
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxShown bounds how many reactivations the text of an error lists.
const maxShown = 20

// Reactivation is a key or tenant that is valid again, or for longer.
type Reactivation struct {
	Tenant tenant.ID
	Key    string // ID of the key; empty for the tenant as a whole
	Final  bool   // it was ended permanently: a revoked key, a deleted tenant
	What   string // such as "was revoked at 2026-01-02T03:04:05Z"
}

// String names the tenant and the key.
func (r Reactivation) String() string {
	if r.Key != "" {
		return fmt.Sprintf("key %s of tenant %s %s", r.Key, r.Tenant, r.What)
	}
	return fmt.Sprintf("tenant %s %s", r.Tenant, r.What)
}

// Reactivations is a list of reactivations that is an error.
type Reactivations []Reactivation

// Error implements error with one line per reactivation.
func (rs Reactivations) Error() string {
	var lines []string
	for _, r := range rs[:min(len(rs), maxShown)] {
		lines = append(lines, r.String())
	}
	if more := len(rs) - maxShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// Finals returns the reactivations of what was ended permanently.
func (rs Reactivations) Finals() (out Reactivations) {
	for _, r := range rs {
		if r.Final {
			out = append(out, r)
		}
	}
	return out
}

// Index looks up the tenants and keys of a registry.
type Index struct {
	Tenants []*tenant.Tenant
	keys    map[string]*tenant.Key
	byID    map[tenant.ID]*tenant.Tenant
	digests map[tenant.Digest]*tenant.Key
	owners  map[*tenant.Key]*tenant.Tenant
}

// NewIndex returns an index of tenants.
func NewIndex(tenants []*tenant.Tenant) *Index {
	r := &Index{
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

// IndexOf returns an index of the tenants of a snapshot.
func IndexOf(s *tenant.Snapshot) *Index {
	var all []*tenant.Tenant
	for t := range s.Tenants() {
		all = append(all, t)
	}
	return NewIndex(all)
}

// Reactivated returns what is ended in before and not in after.
func Reactivated(before, after *Index) (out Reactivations) {
	for _, was := range before.Tenants {
		if is := after.byID[was.ID]; is != nil {
			switch {
			case was.Status == tenant.StatusDeleted && is.Status != tenant.StatusDeleted:
				out = append(out, Reactivation{was.ID, "", true, "was deleted"})
			case was.Status == tenant.StatusSuspended && is.Status == tenant.StatusActive:
				out = append(out, Reactivation{was.ID, "", false, "was suspended"})
			}
		}
		for _, k := range was.Keys {
			// Keys are the same if their digests are, also under another ID.
			is := after.digests[k.Digest]
			if is == nil {
				continue
			}
			owner := after.owners[is].ID
			switch {
			case !k.RevokedAt.IsZero() && is.RevokedAt.IsZero():
				out = append(out, Reactivation{owner, is.ID, true, "was revoked at " + k.RevokedAt.UTC().Format(time.RFC3339)})
			case is.RevokedAt.IsZero() && later(is.ExpiresAt, k.ExpiresAt):
				out = append(out, Reactivation{owner, is.ID, false, "was to end at " + k.ExpiresAt.UTC().Format(time.RFC3339)})
			}
		}
	}
	return out
}

// later reports whether end is after other. The zero time is no end.
func later(end, other time.Time) bool {
	return !other.IsZero() && (end.IsZero() || end.After(other))
}

// Lost returns the tenants and keys that are in before and not in after, except
// deleted tenants and revoked keys.
func Lost(before, after *Index) (out Reactivations) {
	for _, t := range before.Tenants {
		if t.Status == tenant.StatusDeleted {
			continue
		}
		if after.byID[t.ID] == nil {
			out = append(out, Reactivation{Tenant: t.ID, What: "was created after the backup: its data is rejected"})
			continue
		}
		for _, k := range t.Keys {
			if after.digests[k.Digest] == nil && k.RevokedAt.IsZero() {
				out = append(out, Reactivation{Tenant: t.ID, Key: k.ID, What: "was created after the backup: data with this key is rejected"})
			}
		}
	}
	return out
}

// EndAgain ends in d what is ended in known, so that a registry that was restored
// from a backup makes nothing valid again. If choose is not nil, only what it
// returns true for is ended. EndAgain returns what it has ended.
func EndAgain(d *registryedit.Document, known *Index, choose func(Reactivation) bool) (ended Reactivations, err error) {
	byTenant := make(map[tenant.ID]Reactivations)
	for _, r := range Reactivated(known, NewIndex(d.Tenants())) {
		if choose == nil || choose(r) {
			byTenant[r.Tenant] = append(byTenant[r.Tenant], r)
			ended = append(ended, r)
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
	return ended, d.UpdateAll(changes)
}

func end(t *tenant.Tenant, r Reactivation, known *Index) {
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
