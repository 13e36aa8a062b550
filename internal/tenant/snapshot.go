// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// Digest is the SHA-256 of a whole API key.
type Digest [sha256.Size]byte

// Key is one bearer key of a tenant, without its secret.
type Key struct {
	ID          string // public, unique in the registry
	Digest      Digest
	Scopes      Signals // what the key may send; empty means nothing
	CreatedAt   time.Time
	NotBefore   time.Time // zero: at once
	ExpiresAt   time.Time // zero: never
	RevokedAt   time.Time // zero: not revoked
	SourceCIDRs []netip.Prefix
	Origins     []string // web pages that use the key, as browsers write them; empty: no page may
	Description string

	tenant   *Tenant
	identity *Identity
	lastUse  *atomic.Int64 // in minutes since 1970; 0: never
}

// Tenant returns the owner of the key. It is set once the key is part of a
// snapshot.
func (k *Key) Tenant() *Tenant { return k.tenant }

// Identity returns the ready-made identity of the key's bearer. It is set once
// the key is part of a snapshot.
func (k *Key) Identity() *Identity { return k.identity }

// Use records that the key was accepted at now, to the minute. It takes no lock and
// writes at most once a minute. The key must be part of a snapshot. The record ends with
// the snapshot.
func (k *Key) Use(now time.Time) {
	if minute := now.Unix() / 60; k.lastUse.Load() < minute {
		k.lastUse.Store(minute)
	}
}

// LastUse returns the minute of the latest [Key.Use] since the key became part of
// its snapshot, or the zero time. It is safe for concurrent use.
func (k *Key) LastUse() time.Time {
	if k.lastUse == nil || k.lastUse.Load() == 0 {
		return time.Time{}
	}
	return time.Unix(60*k.lastUse.Load(), 0).UTC()
}

// Rate is the limit of one signal. Zero means unlimited.
type Rate struct {
	RecordsPerSecond int64
	BytesPerSecond   int64
}

// Quota is how much may be sent in a day and in a month of UTC. Zero means
// unlimited.
type Quota struct {
	DailyRecords   int64
	DailyBytes     int64
	MonthlyRecords int64
	MonthlyBytes   int64
}

// Limits bound what a tenant may send. Zero means unlimited.
type Limits struct {
	Rates  [numSignals]Rate  // indexed by Signal
	Quotas [numSignals]Quota // indexed by Signal

	// Over all signals, beside those of each signal.
	DailyRecords   int64
	DailyBytes     int64
	MonthlyRecords int64
	MonthlyBytes   int64

	// Burst is how much of a rate may come at once, as the time in which the rate
	// allows it. Zero leaves it to the gateway.
	Burst time.Duration
}

// Total is the quota over all signals.
func (l *Limits) Total() Quota {
	return Quota{l.DailyRecords, l.DailyBytes, l.MonthlyRecords, l.MonthlyBytes}
}

// SetTotal sets the quota over all signals.
func (l *Limits) SetTotal(q Quota) {
	l.DailyRecords, l.DailyBytes, l.MonthlyRecords, l.MonthlyBytes = q.DailyRecords, q.DailyBytes, q.MonthlyRecords, q.MonthlyBytes
}

// InBytes reports whether any limit of signal is in bytes.
func (l *Limits) InBytes(signal Signal) bool {
	q := l.Quotas[signal]
	return l.Rates[signal].BytesPerSecond > 0 || l.DailyBytes > 0 || l.MonthlyBytes > 0 || q.DailyBytes > 0 || q.MonthlyBytes > 0
}

// Tenant is what the registry knows about one tenant. It is immutable once it is
// part of a snapshot.
type Tenant struct {
	ID         ID
	Name       string
	Status     Status
	Isolation  Isolation
	Attributes map[string]string   // stamped on every resource
	Vars       map[string]string   // fill {vars.x} of destination templates; values may be ${env:X} or ${file:/path} references
	Routes     map[Signal][]string // destination names; a signal that is missing uses the exporter's own routes
	Limits     Limits
	Keys       []*Key
}

// Snapshot is an immutable set of tenants and keys. All methods are safe for
// concurrent use, and lookups do not slow down as the set grows.
type Snapshot struct {
	tenants map[ID]*Tenant
	keys    map[Digest]*Key
	order   []ID
	hash    string
}

// NewSnapshot takes ownership of tenants. hash identifies their content. It
// returns every fault it finds, joined, each naming the tenant, and no snapshot
// if there is any: a half-valid set must never replace a good one.
func NewSnapshot(tenants []*Tenant, hash string) (*Snapshot, error) {
	s := &Snapshot{
		tenants: make(map[ID]*Tenant, len(tenants)),
		keys:    make(map[Digest]*Key),
		order:   make([]ID, 0, len(tenants)),
		hash:    hash,
	}
	var errs []error
	keyOwner := make(map[string]ID)
	lastUses := newLastUses(tenants)
	for n, t := range tenants {
		if err := t.ID.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("tenants[%d]: %w", n, err))
			continue
		}
		if _, dup := s.tenants[t.ID]; dup {
			errs = append(errs, fmt.Errorf("tenant %q: there are two entries with this ID", t.ID))
			continue
		}
		s.tenants[t.ID] = t
		s.order = append(s.order, t.ID)
		for _, k := range t.Keys {
			if owner, dup := keyOwner[k.ID]; dup {
				errs = append(errs, fmt.Errorf("tenant %q: key %q is also a key of tenant %q", t.ID, k.ID, owner))
				continue
			}
			if other, dup := s.keys[k.Digest]; dup {
				errs = append(errs, fmt.Errorf("tenant %q: key %q has the same sha256 as key %q", t.ID, k.ID, other.ID))
				continue
			}
			keyOwner[k.ID] = t.ID
			k.tenant = t
			k.lastUse, lastUses = &lastUses[0], lastUses[1:]
			k.identity = NewIdentity(t.ID, k.ID, k.Scopes)
			s.keys[k.Digest] = k
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(s.order, cmp.Compare[ID])
	return s, nil
}

// newLastUses returns one counter for each key of tenants. They are apart from
// the keys so that keys can be copied.
func newLastUses(tenants []*Tenant) []atomic.Int64 {
	n := 0
	for _, t := range tenants {
		n += len(t.Keys)
	}
	return make([]atomic.Int64, n)
}

// Tenant returns the tenant id, or nil if there is none.
func (s *Snapshot) Tenant(id ID) *Tenant { return s.tenants[id] }

// Key returns the key with the given digest, whatever its state, or nil.
func (s *Snapshot) Key(d Digest) *Key { return s.keys[d] }

// Tenants yields all tenants in the order of their IDs.
func (s *Snapshot) Tenants() iter.Seq[*Tenant] {
	return func(yield func(*Tenant) bool) {
		for _, id := range s.order {
			if !yield(s.tenants[id]) {
				return
			}
		}
	}
}

// Keys yields all keys in no particular order.
func (s *Snapshot) Keys() iter.Seq[*Key] { return maps.Values(s.keys) }

// Len returns the number of tenants.
func (s *Snapshot) Len() int { return len(s.order) }

// Hash identifies the content the snapshot was made of.
func (s *Snapshot) Hash() string { return s.hash }
