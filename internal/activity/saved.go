// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Saved is what a tracker keeps over a restart: when each tenant sent last, and when each key
// was used last, to the second.
type Saved struct {
	Tenants map[tenant.ID]SavedTenant `json:"tenants,omitempty"`
	Keys    map[string]time.Time      `json:"keys,omitempty"`
}

// SavedTenant has the last accepted request of each signal, by name.
type SavedTenant map[string]time.Time

// Save returns what a restart needs.
func (t *Tracker) Save() Saved {
	all := t.records.Load()
	s := Saved{Tenants: make(map[tenant.ID]SavedTenant), Keys: make(map[string]time.Time)}
	for id, r := range all.tenants {
		for _, signal := range tenant.AllSignals() {
			if nanos := r.signals[signal].last.Load(); nanos != 0 {
				if s.Tenants[id] == nil {
					s.Tenants[id] = make(SavedTenant, 1)
				}
				s.Tenants[id][signal.String()] = time.Unix(0, nanos).UTC().Truncate(time.Second)
			}
		}
	}
	for id, k := range all.keys {
		if last := k.LastUse(); !last.IsZero() {
			s.Keys[id] = last
		}
	}
	return s
}

// Restore gives a tracker what an earlier run has saved. Call it before [Tracker.Follow].
func (t *Tracker) Restore(s Saved) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restored = s
}

func (s *Saved) record(id tenant.ID) *Record {
	r := &Record{}
	for name, last := range s.Tenants[id] {
		if signal, err := tenant.ParseSignal(name); err == nil && !last.IsZero() {
			r.signals[signal].last.Store(last.UnixNano())
		}
	}
	return r
}

func (s *Saved) key(id string) *Key {
	k := &Key{}
	k.Restore(s.Keys[id])
	return k
}
