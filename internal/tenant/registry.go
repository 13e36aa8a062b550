// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"fmt"

	"go.opentelemetry.io/collector/component"
)

// Registry gives the current set of tenants. The tenant_registry extension
// implements it; others find it with [FindRegistry].
type Registry interface {
	// Snapshot returns the last good snapshot, or nil if none was ever loaded.
	// It never blocks, allocates nothing, and is safe for concurrent use. Call
	// it once per request and use the result throughout.
	Snapshot() *Snapshot

	// Subscribe calls f with the current snapshot if there is one, before it
	// returns, and then with every newer one. Calls of one f never overlap; f
	// must not block for long and must not call Subscribe or cancel. After
	// cancel returns f is not called again.
	Subscribe(f func(*Snapshot)) (cancel func())
}

// FindRegistry returns the extension id of host as a Registry.
func FindRegistry(host component.Host, id component.ID) (Registry, error) {
	ext, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("registry: extension %q is not configured or not listed under service::extensions", id)
	}
	reg, ok := ext.(Registry)
	if !ok {
		return nil, fmt.Errorf("registry: extension %q is not a tenant registry", id)
	}
	return reg, nil
}
