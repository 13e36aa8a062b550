// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"maps"
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// directory returns tenants by their ID. A snapshot of a registry is one.
type directory interface {
	// Tenant returns the tenant id, or nil if there is none.
	Tenant(id tenant.ID) *tenant.Tenant
}

var (
	_ directory = (*tenant.Snapshot)(nil)
	_ directory = (*observedTenants)(nil)
)

// observedTenants are the tenants that resources name, for exporters without a registry. Its methods are
// safe for concurrent use.
type observedTenants struct {
	max int

	mu      sync.RWMutex
	tenants map[tenant.ID]*tenant.Tenant // bounded by max and the tenants in storage at the start
}

func newObservedTenants(most int) *observedTenants {
	return &observedTenants{max: most, tenants: make(map[tenant.ID]*tenant.Tenant)}
}

// Tenant implements directory.
func (n *observedTenants) Tenant(id tenant.ID) *tenant.Tenant {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.tenants[id]
}

// admit returns the tenant id, and adds it if there are fewer than max.
func (n *observedTenants) admit(id tenant.ID) (*tenant.Tenant, error) {
	if t := n.Tenant(id); t != nil {
		return t, nil
	}
	if err := id.Validate(); err != nil {
		return nil, badTenant(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.tenants) >= n.max && n.tenants[id] == nil {
		return nil, rejection.Of(rejection.TooManyTenants, n.max)
	}
	return n.add(id), nil
}

// restore adds the tenant id, which has accepted data, whatever max is.
func (n *observedTenants) restore(id tenant.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.add(id)
}

func (n *observedTenants) add(id tenant.ID) *tenant.Tenant {
	t := n.tenants[id]
	if t == nil {
		t = &tenant.Tenant{ID: id, Status: tenant.StatusActive}
		n.tenants[id] = t
	}
	return t
}

// forget removes tenants that are not used.
func (n *observedTenants) forget(used map[tenant.ID]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.tenants, func(id tenant.ID, _ *tenant.Tenant) bool { return !used[id] })
}

// directory returns the current tenants, or nil if they are not known yet.
func (r *router) directory() directory {
	if r.observed != nil {
		return r.observed
	}
	if snap := r.registry.Snapshot(); snap != nil {
		return snap
	}
	return nil
}

// restoreTenant adds a tenant that has stored data, and may not have sent any since the start.
func (r *router) restoreTenant(id tenant.ID) {
	if r.observed != nil && id.Validate() == nil {
		r.observed.restore(id)
	}
}
