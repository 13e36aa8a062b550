package tenantprocessor

import (
	"context"
	"slices"
	"strings"

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

// reason is why data was refused.
type reason uint8

const (
	passed reason = iota
	noIdentity
	registryNotLoaded
	unknownTenant
	suspended
	outOfScope
	rateExceeded
	quotaExceeded
	numReasons
)

// String returns the value of the metric attribute "reason".
func (r reason) String() string {
	return [numReasons]string{"", "no_identity", "registry_not_loaded", "unknown_tenant", "suspended", "scope", "rate", "quota"}[r]
}

// admission decides whose data a request is and whether it may pass. It is safe
// for concurrent use once its fields are set.
type admission struct {
	signal   tenant.Signal
	key      string          // the attribute that carries the tenant's ID
	fixed    tenant.ID       // the tenant of all data; empty: the authenticated one
	registry tenant.Registry // nil only with fixed
	refusals *refusals
}

// decide reads nothing but the authenticated identity and the registry: no
// header and no attribute can change its answer.
func (a *admission) decide(ctx context.Context) (owner, reason) {
	id := a.fixed
	if id == "" {
		caller, ok := tenant.FromContext(ctx)
		if !ok {
			return owner{}, noIdentity
		}
		if !caller.Decided() {
			return owner{}, registryNotLoaded
		}
		if !caller.Scopes().Has(a.signal) {
			return owner{}, outOfScope
		}
		id = caller.Tenant()
	}
	if a.registry == nil {
		return owner{id: id, identity: fixedAttribute{a.key, string(id)}}, passed
	}
	snapshot := a.registry.Snapshot()
	if snapshot == nil {
		return owner{}, registryNotLoaded
	}
	// The authenticator may have seen an older snapshot.
	t := snapshot.Tenant(id)
	if t == nil {
		return owner{}, unknownTenant
	}
	switch t.Status {
	case tenant.StatusActive:
		return a.ownerOf(t), passed
	case tenant.StatusSuspended:
		return owner{}, suspended
	}
	return owner{}, unknownTenant
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
