// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Rotation configures how a key is replaced.
type Rotation struct {
	// Overlap is how long the old key stays valid, at least a second. It never
	// makes the old key valid for longer than it was.
	Overlap time.Duration

	// ExpiresAt is when the new key expires: never if it points to the zero
	// time. If it is nil, the new key is valid for as long as the old one was
	// meant to be, and a key that was replaced already is not replaced again.
	ExpiresAt *time.Time
}

// RotatedKey is a key that replaces another one.
type RotatedKey struct {
	CreatedKey
	Replaced *tenant.Key
}

// RotateKey creates a key that may do what the key with the ID id may do, and
// makes the old key expire after an overlap.
func (r *Registry) RotateKey(ctx context.Context, req Request, id string, set Rotation) (*RotatedKey, error) {
	now := r.now().UTC().Truncate(time.Second)
	if set.Overlap < 0 {
		return nil, malformed("overlap", "", "must not be negative")
	}
	if set.ExpiresAt != nil {
		if err := checkExpiry(*set.ExpiresAt, now); err != nil {
			return nil, err
		}
	}
	text, newID := apikey.New()
	out := &RotatedKey{CreatedKey: CreatedKey{Text: text}}
	successor := r.successor(ctx, id)
	err := r.edit(ctx, req, ActionKeyRotate, func(d *registryedit.Document) error {
		if out.Tenant = ownerOf(d, id); out.Tenant == nil {
			return ErrNoKey
		}
		return d.Update(out.Tenant.ID, func(t *tenant.Tenant) error {
			if err := checkNotDeleted(t); err != nil {
				return err
			}
			old := keyOf(t, id)
			if state := old.State(now); state != tenant.KeyActive {
				return fmt.Errorf("key %s is %s; create a new one instead", id, state)
			}
			end := sameLifetime(old, now)
			switch {
			case set.ExpiresAt != nil:
				end = *set.ExpiresAt
			case successor != "":
				return &ReplacedError{Key: id, By: successor, ExpiresAt: old.ExpiresAt}
			}
			out.Key = &tenant.Key{
				ID: newID, Digest: apikey.Digest(text), Scopes: old.Scopes, CreatedAt: now, ExpiresAt: end,
				SourceCIDRs: old.SourceCIDRs, Origins: old.Origins, Description: old.Description,
			}
			t.Keys = append(t.Keys, out.Key)
			// At least a second: a key must not expire at the time at which it
			// becomes valid.
			last := now.Add(max(set.Overlap, time.Second).Truncate(time.Second))
			if old.ExpiresAt.IsZero() || last.Before(old.ExpiresAt) {
				old.ExpiresAt = last
			}
			out.Replaced = old
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ReplacedError reports that a key was already replaced. The rest of its
// lifetime is an overlap, which must not become the lifetime of a new key.
type ReplacedError struct {
	Key, By   string // IDs
	ExpiresAt time.Time
}

// Error names both keys.
func (e *ReplacedError) Error() string {
	return fmt.Sprintf("key %s was replaced by key %s already and ends at %s: rotate %s instead", e.Key, e.By, formatTime(e.ExpiresAt), e.By)
}

// successor returns the ID of the key that has replaced the key id according to
// the audit log. It is empty if there is none or the log cannot be read: a
// rotation works without the log, and its result states when the new key
// expires.
func (r *Registry) successor(ctx context.Context, id string) (next string) {
	name := "keys." + id
	err := r.log(ctx, func(log audit.Storage, _ audit.Keys) error {
		return log.Entries(ctx, func(text []byte) error {
			var e audit.Entry
			if err := json.Unmarshal(text, &e); err != nil {
				return err
			}
			for _, c := range e.Changes {
				if e.Action != ActionKeyRotate || c.Before[name] == nil {
					continue
				}
				for other := range c.After {
					if created, isKey := strings.CutPrefix(other, "keys."); isKey && c.Before[other] == nil {
						next = created
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return ""
	}
	return next
}

// sameLifetime returns when a key expires that is created now and is valid for
// as long as old was meant to be. It is zero if old does not expire.
func sameLifetime(old *tenant.Key, now time.Time) time.Time {
	if old.ExpiresAt.IsZero() {
		return time.Time{}
	}
	begin := old.CreatedAt
	if old.NotBefore.After(begin) {
		begin = old.NotBefore
	}
	if begin.IsZero() {
		return old.ExpiresAt
	}
	return now.Add(old.ExpiresAt.Sub(begin))
}
