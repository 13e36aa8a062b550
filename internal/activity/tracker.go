// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Tracker has a record for each tenant and key of a registry. It is safe for concurrent
// use. All methods of nil do nothing.
type Tracker struct {
	now     func() time.Time
	records atomic.Pointer[records]
	unknown *unknowns

	mu         sync.Mutex
	restored   Saved // of an earlier run, until the registry has its tenants
	deliveries map[component.ID]*postedDeliveries
	quotas     map[component.ID]*postedQuotas
}

type postedDeliveries struct{ Deliveries }

type postedQuotas struct{ report Quotas }

// records are those of one snapshot of the registry. The maps are not changed.
type records struct {
	tenants map[tenant.ID]*Record
	keys    map[string]*Key
}

var _ rejection.Board = (*Tracker)(nil)

// NewTracker returns a tracker without tenants. now is its clock.
func NewTracker(now func() time.Time) *Tracker {
	t := &Tracker{
		now: now, unknown: newUnknowns(),
		deliveries: make(map[component.ID]*postedDeliveries), quotas: make(map[component.ID]*postedQuotas),
	}
	t.records.Store(&records{})
	return t
}

// Follow adds records for the tenants and keys of snapshot, and removes those of others.
// Deleted tenants have none. Calls must not overlap.
func (t *Tracker) Follow(snapshot *tenant.Snapshot) {
	if t == nil || snapshot == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.records.Load()
	next := &records{tenants: make(map[tenant.ID]*Record, snapshot.Len()), keys: make(map[string]*Key)}
	for owner := range snapshot.Tenants() {
		if owner.Status == tenant.StatusDeleted {
			continue
		}
		record := old.tenants[owner.ID]
		if record == nil {
			record = t.restored.record(owner.ID)
		}
		next.tenants[owner.ID] = record
		for _, key := range owner.Keys {
			kept := old.keys[key.ID]
			if kept == nil {
				kept = t.restored.key(key.ID)
			}
			next.keys[key.ID] = kept
		}
	}
	t.restored = Saved{}
	t.records.Store(next)
}

// Tenant returns the record of a tenant, or nil if the registry does not have it. The record
// remains that of the tenant until the tenant leaves the registry.
func (t *Tracker) Tenant(id tenant.ID) *Record {
	if t == nil {
		return nil
	}
	return t.records.Load().tenants[id]
}

// Key returns the record of the key with an ID, or nil if the registry does not have it.
func (t *Tracker) Key(id string) *Key {
	if t == nil {
		return nil
	}
	return t.records.Load().keys[id]
}

// PostRejection implements rejection.Board. Rejected requests of callers whose tenant is not
// known are counted by source.
func (t *Tracker) PostRejection(of rejection.Rejected) {
	if t == nil {
		return
	}
	now := t.now()
	if of.Tenant == "" {
		t.unknown.add(&of, now)
		return
	}
	if r := t.Tenant(of.Tenant); r != nil {
		r.reject(&of, now)
		return
	}
	// A deleted tenant is unknown.
	of.KeyID = ""
	t.unknown.add(&of, now)
}

// Unknown returns the most recent sources of requests without a key of the registry, the
// latest first.
func (t *Tracker) Unknown() []Unknown {
	if t == nil {
		return nil
	}
	return t.unknown.list()
}

// PostDeliveries shows the lanes of the exporter id, until remove is called.
func (t *Tracker) PostDeliveries(id component.ID, d Deliveries) (remove func()) {
	if t == nil {
		return func() {}
	}
	p := &postedDeliveries{d}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deliveries[id] = p
	return func() { unpost(t, t.deliveries, id, p) }
}

// PostQuotas shows the use of limits that the processor id counts, until remove is called.
func (t *Tracker) PostQuotas(id component.ID, report Quotas) (remove func()) {
	if t == nil {
		return func() {}
	}
	p := &postedQuotas{report}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.quotas[id] = p
	return func() { unpost(t, t.quotas, id, p) }
}

// unpost removes p, unless a later post has replaced it.
func unpost[P comparable](t *Tracker, all map[component.ID]P, id component.ID, p P) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if all[id] == p {
		delete(all, id)
	}
}

// Deliveries calls f for each exporter that shows its lanes. It has a lock while it does, so
// that no exporter is asked after it was removed: f must not post or remove.
func (t *Tracker) Deliveries(f func(Deliveries)) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.deliveries {
		f(d.Deliveries)
	}
}

// QuotasOf returns the use of the limits of a tenant.
func (t *Tracker) QuotasOf(of *tenant.Tenant) (all []Quota) {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, q := range t.quotas {
		all = append(all, q.report(of)...)
	}
	return all
}

// Records yields the tenants that have a record. The map must not be changed.
func (t *Tracker) Records() map[tenant.ID]*Record {
	if t == nil {
		return nil
	}
	return maps.Clone(t.records.Load().tenants)
}
