// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/wire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// content is a request of any signal.
type content struct {
	owner     share // of all resources; without a tenant, each resource names its own
	resources int
	resource  func(i int) pcommon.Resource
	records   func(i int) int
	encode    func() ([]byte, error) // one field per resource, in their order
	delta     bool                   // it has delta metrics, which some backends do not accept
	invalid   func() bool            // reports whether it has invalid spans, which some backends do not accept; nil: it has none
}

// share is the part of a request that belongs to one tenant.
type share struct {
	tenant  tenant.ID
	records int
}

// consume accepts the whole request or none of it.
func (r *router) consume(ctx context.Context, signal tenant.Signal, c *content) error {
	sched := r.scheduler.Load()
	if sched == nil {
		return r.reject(ctx, signal, rejection.Of(rejection.Stopping))
	}
	if r.migrations.busy[signal].Load() {
		return r.reject(ctx, signal, rejection.Of(rejection.Migration))
	}
	dir := r.directory()
	if dir == nil {
		return r.reject(ctx, signal, rejection.Of(rejection.NotLoaded))
	}
	var converted conversions
	defer converted.close()
	parts, err := r.encode(ctx, dir, signal, c, &converted)
	if err != nil {
		return r.reject(ctx, signal, err)
	}
	if err := sched.Offer(ctx, parts); err != nil {
		r.reportStorage(err)
		return r.reject(ctx, signal, offerRejection(err))
	}
	converted.accept(sched)
	return nil
}

// encode returns the request in the forms that its destinations accept, or a rejection. While it waits
// for the converters of its tenants it does not occupy a compute slot: the request that holds a
// converter may wait for a disk.
func (r *router) encode(ctx context.Context, dir directory, signal tenant.Signal, c *content, converted *conversions) ([]lane.Part, error) {
	var keys []lane.Key
	parts, err := computed(ctx, func() ([]lane.Part, error) {
		parts, err := r.split(ctx, dir, signal, c)
		if err != nil {
			return nil, err
		}
		if c.delta {
			parts, keys = r.conversionsOf(parts)
		}
		if len(keys) > 0 {
			return parts, nil
		}
		return r.form(parts, c)
	})
	if err != nil || len(keys) == 0 {
		return parts, err
	}
	if err := r.hold(ctx, keys, converted); err != nil {
		return nil, err
	}
	return computed(ctx, func() ([]lane.Part, error) {
		parts, err := r.convert(parts, keys, converted)
		if err != nil {
			return nil, err
		}
		return r.form(parts, c)
	})
}

// computed calls f in a compute slot: see guard.Compute.
func computed(ctx context.Context, f func() ([]lane.Part, error)) ([]lane.Part, error) {
	end, err := guard.Compute(ctx)
	if err != nil {
		return nil, rejection.Of(rejection.Canceled)
	}
	defer end()
	return f()
}

// split returns the share of each tenant with its routes.
func (r *router) split(ctx context.Context, dir directory, signal tenant.Signal, c *content) ([]lane.Part, error) {
	shares, group, err := r.share(ctx, c)
	if err != nil {
		return nil, err
	}
	parts := make([]lane.Part, len(shares))
	for i, s := range shares {
		routes, err := r.route(dir, s.tenant, signal)
		if err != nil {
			return nil, err
		}
		parts[i] = lane.Part{Payload: &lane.Payload{Tenant: s.tenant, Signal: signal, Records: s.records}, Routes: routes}
	}
	buf, err := c.encode()
	if err != nil {
		return nil, malformed(err)
	}
	data := [][]byte{buf}
	if len(shares) > 1 {
		if data, err = wire.Split(buf, group, len(shares)); err != nil {
			return nil, malformed(err)
		}
	}
	for i := range parts {
		parts[i].Payload.Data, parts[i].Payload.Size = data[i], len(data[i])
	}
	// Resources without records may name a tenant too.
	return slices.DeleteFunc(parts, func(p lane.Part) bool { return p.Payload.Records == 0 }), nil
}

// form converts parts to the forms that their destinations accept.
func (r *router) form(parts []lane.Part, c *content) (_ []lane.Part, err error) {
	if c.invalid != nil && r.anyStrict(parts) && c.invalid() {
		if parts, err = r.separate(parts); err != nil {
			return nil, err
		}
	}
	return r.fit(parts)
}

// share returns the tenants of the resources. group has the index of the share of each resource, and is nil if
// all belong to one tenant.
func (r *router) share(ctx context.Context, c *content) (shares []share, group []int, err error) {
	caller, known := tenant.FromContext(ctx)
	if known && !caller.Decided() {
		return nil, nil, rejection.Of(rejection.NotLoaded)
	}
	if owner := c.owner; owner.tenant != "" {
		if known && owner.tenant != caller.Tenant() {
			return nil, nil, rejection.Of(rejection.TenantMismatch)
		}
		return []share{owner}, nil, nil
	}
	var index map[tenant.ID]int // of all shares but the first
	for i := range c.resources {
		v, ok := c.resource(i).Attributes().Get(r.cfg.Attribute)
		if !ok || v.Type() != pcommon.ValueTypeStr || v.Str() == "" {
			return nil, nil, rejection.Of(rejection.NoTenant, r.cfg.Attribute)
		}
		id := tenant.ID(v.Str())
		if known && id != caller.Tenant() {
			return nil, nil, rejection.Of(rejection.TenantMismatch)
		}
		n, found := 0, len(shares) > 0 && shares[0].tenant == id
		if !found {
			n, found = index[id]
		}
		if !found {
			if n = len(shares); n == 1 {
				group, index = make([]int, i, c.resources), make(map[tenant.ID]int)
			}
			if n > 0 {
				index[id] = n
			}
			shares = append(shares, share{tenant: id})
		}
		shares[n].records += c.records(i)
		if len(shares) > 1 {
			group = append(group, n)
		}
	}
	return shares, group, nil
}

func (r *router) route(dir directory, id tenant.ID, signal tenant.Signal) ([]lane.Route, error) {
	t := dir.Tenant(id)
	if t == nil && r.observed != nil {
		var err error
		if t, err = r.observed.admit(id); err != nil {
			return nil, err
		}
	}
	if t == nil || t.Status == tenant.StatusDeleted {
		return nil, rejection.Of(rejection.UnknownTenant)
	}
	if t.Status != tenant.StatusActive {
		return nil, rejection.Of(rejection.Suspended)
	}
	p := r.plans.of(t)
	if err := p.faults[signal]; err != nil {
		return nil, routeRejection(err, signal)
	}
	return p.routes[signal], nil
}
