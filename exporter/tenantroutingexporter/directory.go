package tenantroutingexporter

import (
	"maps"
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// directory says which tenants there are. A snapshot of a registry is one.
type directory interface {
	// Tenant returns the tenant id, or nil if there is none.
	Tenant(id tenant.ID) *tenant.Tenant
}

var (
	_ directory = (*tenant.Snapshot)(nil)
	_ directory = (*named)(nil)
)

// named are the tenants that data names, where there is no registry. Its methods are safe
// for concurrent use.
type named struct {
	max int

	mu      sync.RWMutex
	tenants map[tenant.ID]*tenant.Tenant // bounded by max, and what storage held at the start
}

func newNamed(most int) *named {
	return &named{max: most, tenants: make(map[tenant.ID]*tenant.Tenant)}
}

// Tenant implements directory.
func (n *named) Tenant(id tenant.ID) *tenant.Tenant {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.tenants[id]
}

// admit returns the tenant id. It adds it if there are less than max.
func (n *named) admit(id tenant.ID) (*tenant.Tenant, error) {
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

// restore adds the tenant id, whose data was accepted before.
func (n *named) restore(id tenant.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.add(id)
}

func (n *named) add(id tenant.ID) *tenant.Tenant {
	t := n.tenants[id]
	if t == nil {
		t = &tenant.Tenant{ID: id, Status: tenant.StatusActive}
		n.tenants[id] = t
	}
	return t
}

// forget removes the tenants that are not used.
func (n *named) forget(used map[tenant.ID]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.tenants, func(id tenant.ID, _ *tenant.Tenant) bool { return !used[id] })
}

// directory returns the tenants of the moment, or nil if they are not known yet.
func (r *router) directory() directory {
	if r.named != nil {
		return r.named
	}
	if snap := r.registry.Snapshot(); snap != nil {
		return snap
	}
	return nil
}

// restoreTenant makes a tenant known that has data here and need not have sent any since the start.
func (r *router) restoreTenant(id tenant.ID) {
	if r.named != nil && id.Validate() == nil {
		r.named.restore(id)
	}
}
