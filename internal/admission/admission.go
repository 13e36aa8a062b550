// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package admission decides whether a caller may send data, from its identity and the
// registry. All components decide alike. It knows neither limits nor queues.
package admission

import (
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Decide returns the tenant of an authenticated caller and [rejection.None] if the caller
// may send signal, or else why not. snapshot is the registry's current one, which may be
// newer than the one that authenticated the caller; nil: it was never loaded. Decide reads
// nothing that a caller can forge.
func Decide(caller *tenant.Identity, snapshot *tenant.Snapshot, signal tenant.Signal) (*tenant.Tenant, rejection.Reason) {
	if !caller.Decided() || snapshot == nil {
		return nil, rejection.NotLoaded
	}
	t := snapshot.Tenant(caller.Tenant())
	if why := Status(t); why != rejection.None {
		return nil, why
	}
	if !caller.Scopes().Has(signal) {
		return nil, rejection.Scope
	}
	return t, rejection.None
}

// Status returns [rejection.None] if data of t is accepted, or else why not. A nil tenant
// does not exist.
func Status(t *tenant.Tenant) rejection.Reason {
	if t == nil {
		return rejection.UnknownTenant
	}
	switch t.Status {
	case tenant.StatusActive:
		return rejection.None
	case tenant.StatusSuspended:
		return rejection.Suspended
	}
	return rejection.UnknownTenant
}
