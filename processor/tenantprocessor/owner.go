// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// owner is whose data a request is. It is immutable.
type owner struct {
	stamp.Owner
	id     tenant.ID
	limits *tenant.Limits // nil: there are none
}

// newOwner returns the owner of t's data. key is the attribute of the tenant's ID.
func newOwner(t *tenant.Tenant, key string) *owner {
	o := &owner{Owner: stamp.Owner{Identity: stamp.Attribute{Key: key, Value: string(t.ID)}}, id: t.ID}
	if t.Limits != (tenant.Limits{}) {
		o.limits = &t.Limits
	}
	for k, v := range t.Attributes {
		if k != key {
			o.Attributes = append(o.Attributes, stamp.Attribute{Key: k, Value: v})
		}
	}
	slices.SortFunc(o.Attributes, func(x, y stamp.Attribute) int { return strings.Compare(x.Key, y.Key) })
	return o
}

// owners are the owners of a registry's snapshot. They are made once for each snapshot,
// not for each request.
type owners struct {
	snapshot *tenant.Snapshot
	byTenant map[*tenant.Tenant]*owner // those that are active
}

func newOwners(snapshot *tenant.Snapshot, key string) *owners {
	all := &owners{snapshot: snapshot, byTenant: make(map[*tenant.Tenant]*owner, snapshot.Len())}
	for t := range snapshot.Tenants() {
		if t.Status == tenant.StatusActive {
			all.byTenant[t] = newOwner(t, key)
		}
	}
	return all
}

// admittedKey is the key of the admitted request in its context.
type admittedKey struct{}

// admitted is a request that a processor has admitted.
type admitted struct {
	owner  *owner
	newest int64 // time of its last record in nanoseconds since 1970; 0: not known
}

// withAdmission returns a context in which a processor stores what the limits that follow it
// need to know of a request.
func withAdmission(ctx context.Context) context.Context {
	return context.WithValue(ctx, admittedKey{}, new(admitted))
}

// admittedOf returns the place for an admitted request, or nil.
func admittedOf(ctx context.Context) *admitted {
	a, _ := ctx.Value(admittedKey{}).(*admitted)
	return a
}
