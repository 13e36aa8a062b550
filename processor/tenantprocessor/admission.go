// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/internal/admission"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// admissions decides whose data a request is and whether it may pass. It is safe for
// concurrent use once its fields are set.
type admissions struct {
	signal   tenant.Signal
	key      string                  // the attribute of the tenant's ID
	fixed    *tenant.Tenant          // the owner of all data; nil: the authenticated tenant
	registry *atomic.Pointer[owners] // of the current snapshot; nil: there is no registry
	final    rejections

	fixedOwner *owner // of fixed without a registry
}

// decide reads only the authenticated identity and the registry: no header and no
// attribute can change its answer.
func (a *admissions) decide(ctx context.Context) (*owner, rejection.Reason) {
	if a.fixed != nil && a.registry == nil {
		return a.fixedOwner, rejection.None
	}
	var all *owners
	if a.registry != nil {
		all = a.registry.Load()
	}
	if a.fixed != nil {
		if all == nil {
			return nil, rejection.NotLoaded
		}
		t := all.snapshot.Tenant(a.fixed.ID)
		if why := admission.Status(t); why != rejection.None {
			return nil, why
		}
		return all.byTenant[t], rejection.None
	}
	caller, ok := tenant.FromContext(ctx)
	if !ok {
		return nil, rejection.NoIdentity
	}
	if all == nil {
		return nil, rejection.NotLoaded
	}
	t, why := admission.Decide(caller, all.snapshot, a.signal)
	if why != rejection.None {
		return nil, why
	}
	return all.byTenant[t], rejection.None
}
