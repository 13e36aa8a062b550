// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import "slices"

// Source is a component that rejects requests and counts them by reason.
type Source uint8

// The sources, with the metric that counts what each rejects.
const (
	Guard     Source = iota // request_guard: otelcol_extension_request_guard_rejected_requests
	Processor               // tenant: otelcol_processor_tenant_refused_records
	Exporter                // tenant_routing: otelcol_exporter_tenant_routing_refused_requests
	numSources
)

// sources has the reasons of each source. docs/architecture.md shows them, and a test
// compares the two. It is never changed.
var sources = [numSources][]Reason{
	Guard: {
		UnknownTenant, Suspended, Scope, Rate, Quota, TenantRequests, TenantMemory, NotLoaded, Requests, Memory,
		Path, Method, ContentType, Malformed, NoStream, TooLarge, Depth, Elements, Encoding, Slow, Canceled, Panic,
	},
	Processor: {NoIdentity, UnknownTenant, Suspended, Scope, Rate, Quota, NotLoaded},
	Exporter: {
		UnknownTenant, Suspended, TenantMismatch, NoRoute, LaneFull, NotLoaded, UnknownDestination, TooManyTenants, Migration,
		Storage, DiskFull, Stopping, Malformed, NoTenant, TooLarge, Depth, Elements, Panic,
	},
}

// Of reports whether s is expected to reject requests for the reason r, so that its counter
// exists, with the value 0, before the first one.
func (s Source) Of(r Reason) bool { return slices.Contains(sources[s], r) }

// OfCallers returns the reasons for which requests with a key of the registry are rejected, by
// whichever component.
func OfCallers() (all []Reason) {
	for r := None + 1; r < numReasons; r++ {
		key := r == TenantDeleted || r == WrongUsername || r >= RevokedKey && r <= TenantHeader
		if key || Guard.Of(r) || Processor.Of(r) || Exporter.Of(r) {
			all = append(all, r)
		}
	}
	return all
}
