// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// plans caches the routes of each tenant until the tenant changes. Its methods are safe for concurrent
// use.
type plans struct {
	destinations map[string]*backend.Destination
	routes       *RoutesConfig
	references   *reference.Policy

	mu      sync.RWMutex
	tenants map[tenant.ID]*plan // bounded by the registry: see forget
}

// plan has the routes of one version of a tenant.
type plan struct {
	tenant *tenant.Tenant
	routes [3][]lane.Route
	faults [3]error // why a signal cannot be routed; nil: it can

	unknown [3][]string // names on the routes that are not destinations

	mu      sync.Mutex
	targets map[targetKey]lane.Target
}

type targetKey struct {
	destination string
	signal      tenant.Signal
}

var (
	errNoRoute            = errors.New("no destination")
	errUnknownDestination = errors.New("not a destination of this exporter")
)

func newPlans(destinations map[string]*backend.Destination, routes *RoutesConfig, references *reference.Policy) *plans {
	return &plans{
		destinations: destinations, routes: routes, references: references,
		tenants: make(map[tenant.ID]*plan),
	}
}

// of returns the plan of t.
func (ps *plans) of(t *tenant.Tenant) *plan {
	ps.mu.RLock()
	p := ps.tenants[t.ID]
	ps.mu.RUnlock()
	if p != nil && p.tenant == t {
		return p
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	old := ps.tenants[t.ID]
	if old != nil && old.tenant == t {
		return old
	}
	p = ps.make(t, old)
	ps.tenants[t.ID] = p
	return p
}

// make returns the plan of t. If the variables are those of the old plan, it keeps the targets, with their
// resolved secrets.
func (ps *plans) make(t *tenant.Tenant, old *plan) *plan {
	p := &plan{tenant: t, targets: make(map[targetKey]lane.Target)}
	if old != nil && maps.Equal(old.tenant.Vars, t.Vars) {
		old.mu.Lock()
		p.targets = maps.Clone(old.targets)
		old.mu.Unlock()
	}
	for _, signal := range tenant.AllSignals() {
		route, own := t.Routes[signal]
		if !own {
			route = ps.routes.Of(signal)
		}
		var names []string
		for _, name := range route {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			p.faults[signal] = errNoRoute
		}
		for _, name := range names {
			target := ps.targetOf(p, targetKey{name, signal})
			if target == nil {
				p.unknown[signal] = append(p.unknown[signal], name)
				p.faults[signal] = errUnknownDestination
				continue
			}
			p.routes[signal] = append(p.routes[signal], lane.Route{Destination: name, Target: target})
		}
	}
	return p
}

// targetOf returns nil if there is no such destination.
func (ps *plans) targetOf(p *plan, k targetKey) lane.Target {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.targets[k]; t != nil {
		return t
	}
	d := ps.destinations[k.destination]
	if d == nil {
		return nil
	}
	t := d.Target(k.signal, ps.values(p.tenant))
	p.targets[k] = t
	return t
}

// target returns the current target of the lane k, whether or not it is on a route, or nil if it is not
// known.
func (ps *plans) target(dir directory, k lane.Key) lane.Target {
	if dir == nil {
		return nil
	}
	t := dir.Tenant(k.Tenant)
	if t == nil {
		return nil
	}
	return ps.targetOf(ps.of(t), targetKey{k.Destination, k.Signal})
}

// shared returns destinations that do not separate tenants and have several.
func (ps *plans) shared(snap *tenant.Snapshot) (names []string) {
	users := make(map[string]tenant.ID)
	for t := range snap.Tenants() {
		if t.Status != tenant.StatusActive {
			continue
		}
		for _, routes := range ps.of(t).routes {
			for _, route := range routes {
				user, used := users[route.Destination]
				switch {
				case !used && ps.destinations[route.Destination].Shared():
					users[route.Destination] = t.ID
				case used && user != t.ID && !slices.Contains(names, route.Destination):
					names = append(names, route.Destination)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// forget removes the plans of removed tenants.
func (ps *plans) forget(dir directory) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	maps.DeleteFunc(ps.tenants, func(id tenant.ID, _ *plan) bool { return dir.Tenant(id) == nil })
}

func (ps *plans) values(t *tenant.Tenant) template.Values {
	return template.Values{Tenant: t.ID, Vars: t.Vars, References: ps.references}
}
