// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// ErrNoKey is returned for the ID of a key that is not in the registry. It does
// not repeat the ID, which may be a whole key by mistake.
var ErrNoKey = errors.New("there is no key with this ID")

// KeySettings are the permissions and the lifetime of a new key.
type KeySettings struct {
	Scopes      []tenant.Signal // at least one
	NotBefore   time.Time       // zero: valid at once
	ExpiresAt   time.Time       // zero: valid until it is revoked
	SourceCIDRs []netip.Prefix  // empty: from any address
	Origins     []string        // of the web pages that use the key; empty: none
	Description string
}

// CreatedKey is a key that an action has created.
type CreatedKey struct {
	Tenant *tenant.Tenant
	Key    *tenant.Key

	// Text is the key itself. The registry holds only its digest, so this is the
	// only time that it can be shown.
	Text string
}

// CreateKey creates a key for the tenant with the ID id.
func (r *Registry) CreateKey(ctx context.Context, req Request, id tenant.ID, s KeySettings) (*CreatedKey, error) {
	now := r.now().UTC().Truncate(time.Second)
	if err := s.check(now); err != nil {
		return nil, err
	}
	text, keyID := apikey.New()
	out := &CreatedKey{Text: text, Key: &tenant.Key{
		ID: keyID, Digest: apikey.Digest(text), Scopes: tenant.NewSignals(s.Scopes...), CreatedAt: now, NotBefore: s.NotBefore,
		ExpiresAt: s.ExpiresAt, SourceCIDRs: s.SourceCIDRs, Origins: s.Origins, Description: s.Description,
	}}
	err := r.edit(ctx, req, ActionKeyCreate, func(d *registryedit.Document) error {
		err := d.Update(id, func(t *tenant.Tenant) error {
			t.Keys = append(t.Keys, out.Key)
			return checkNotDeleted(t)
		})
		if err != nil {
			return err
		}
		out.Tenant, err = d.Tenant(id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *KeySettings) check(now time.Time) error {
	if len(s.Scopes) == 0 {
		return malformed("scopes", "", "must name at least one of logs, metrics, traces")
	}
	if err := checkExpiry(s.ExpiresAt, now); err != nil {
		return err
	}
	for _, origin := range s.Origins {
		if err := registryfile.CheckOrigin(origin); err != nil {
			return &InputError{Field: "origins", Malformed: true, Err: err}
		}
	}
	return nil
}

func checkExpiry(at, now time.Time) error {
	if !at.IsZero() && !at.After(now) {
		return malformed("expires_at", "", "%s has passed already", formatTime(at))
	}
	return nil
}

// RevokeKey revokes the key with the ID id, which may also be the whole text of
// the key. Gateways reject the key within a second. If the key is revoked
// already, RevokeKey changes nothing.
func (r *Registry) RevokeKey(ctx context.Context, req Request, id string) (*tenant.Tenant, *tenant.Key, error) {
	if whole, err := apikey.ID(id); err == nil {
		id = whole
	}
	var owner *tenant.Tenant
	var revoked *tenant.Key
	err := r.edit(ctx, req, ActionKeyRevoke, func(d *registryedit.Document) error {
		if owner = ownerOf(d, id); owner == nil {
			return ErrNoKey
		}
		return d.Update(owner.ID, func(t *tenant.Tenant) error {
			revoked = keyOf(t, id)
			if revoked.RevokedAt.IsZero() {
				revoked.RevokedAt = r.now().UTC().Truncate(time.Second)
			}
			return nil
		})
	})
	return owner, revoked, err
}

// ownerOf returns the tenant that has the key, or nil.
func ownerOf(d *registryedit.Document, keyID string) *tenant.Tenant {
	for _, t := range d.Tenants() {
		if keyOf(t, keyID) != nil {
			return t
		}
	}
	return nil
}

func keyOf(t *tenant.Tenant, id string) *tenant.Key {
	for _, k := range t.Keys {
		if k.ID == id {
			return k
		}
	}
	return nil
}
