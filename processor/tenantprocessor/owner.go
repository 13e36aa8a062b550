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

// ownerKey is the key of the owner in the context of a request.
type ownerKey struct{}

// withAdmission returns a context in which a processor stores the owner of a request that
// it has admitted, for the limits that follow it.
func withAdmission(ctx context.Context) context.Context {
	return context.WithValue(ctx, ownerKey{}, new(*owner))
}

// setOwner stores the owner of an admitted request.
func setOwner(ctx context.Context, o *owner) {
	if place, ok := ctx.Value(ownerKey{}).(**owner); ok {
		*place = o
	}
}

// ownerOf returns the owner of an admitted request, or nil.
func ownerOf(ctx context.Context) *owner {
	if place, ok := ctx.Value(ownerKey{}).(**owner); ok {
		return *place
	}
	return nil
}
