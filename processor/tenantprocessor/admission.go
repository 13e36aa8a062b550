package tenantprocessor

import (
	"context"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// owner is whose data a request is.
type owner struct {
	id       tenant.ID
	identity fixedAttribute
	// attributes are the tenant's own, for every resource.
	attributes []fixedAttribute
	limits     *tenant.Limits // nil without a registry
}

// admission decides whose data a request is and whether it may pass. It is safe
// for concurrent use once its fields are set.
type admission struct {
	signal     tenant.Signal
	key        string          // the attribute that carries the tenant's ID
	fixed      tenant.ID       // the tenant of all data; empty: the authenticated one
	registry   tenant.Registry // nil only with fixed
	rejections rejections
}

// decide reads nothing but the authenticated identity and the registry: no
// header and no attribute can change its answer.
func (a *admission) decide(ctx context.Context) (owner, rejection.Reason) {
	id := a.fixed
	if id == "" {
		caller, ok := tenant.FromContext(ctx)
		if !ok {
			return owner{}, rejection.NoIdentity
		}
		if !caller.Decided() {
			return owner{}, rejection.NotLoaded
		}
		if !caller.Scopes().Has(a.signal) {
			return owner{}, rejection.Scope
		}
		id = caller.Tenant()
	}
	if a.registry == nil {
		return owner{id: id, identity: fixedAttribute{a.key, string(id)}}, rejection.None
	}
	snapshot := a.registry.Snapshot()
	if snapshot == nil {
		return owner{}, rejection.NotLoaded
	}
	// The authenticator may have seen an older snapshot.
	t := snapshot.Tenant(id)
	if t == nil {
		return owner{}, rejection.UnknownTenant
	}
	switch t.Status {
	case tenant.StatusActive:
		return a.ownerOf(t), rejection.None
	case tenant.StatusSuspended:
		return owner{}, rejection.Suspended
	}
	return owner{}, rejection.UnknownTenant
}

func (a *admission) ownerOf(t *tenant.Tenant) owner {
	o := owner{id: t.ID, identity: fixedAttribute{a.key, string(t.ID)}, limits: &t.Limits}
	if len(t.Attributes) > 0 {
		o.attributes = make([]fixedAttribute, 0, len(t.Attributes))
	}
	for key, value := range t.Attributes {
		if key != a.key {
			o.attributes = append(o.attributes, fixedAttribute{key, value})
		}
	}
	slices.SortFunc(o.attributes, func(x, y fixedAttribute) int { return strings.Compare(x.key, y.key) })
	return o
}
