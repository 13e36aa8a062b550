// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package tenanttest has a registry, boards and a host for tests of components.
package tenanttest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Registry is a tenant.Registry and an extension whose snapshot the test sets.
// The zero value has never loaded a snapshot.
type Registry struct {
	current atomic.Pointer[tenant.Snapshot]

	mu   sync.Mutex
	next int
	subs map[int]func(*tenant.Snapshot)
}

var (
	_ tenant.Registry     = (*Registry)(nil)
	_ component.Component = (*Registry)(nil)
)

// NewRegistry returns a registry that has loaded tenants.
func NewRegistry(tb testing.TB, tenants ...*tenant.Tenant) *Registry {
	tb.Helper()
	r := &Registry{}
	r.Set(tb, tenants...)
	return r
}

// Set replaces the snapshot and calls the subscribers. An empty Status becomes active.
func (r *Registry) Set(tb testing.TB, tenants ...*tenant.Tenant) {
	tb.Helper()
	for _, t := range tenants {
		if t.Status == "" {
			t.Status = tenant.StatusActive
		}
	}
	s, err := tenant.NewSnapshot(tenants, "test")
	require.NoError(tb, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current.Store(s)
	for _, f := range r.subs {
		f(s)
	}
}

// Snapshot implements tenant.Registry.
func (r *Registry) Snapshot() *tenant.Snapshot { return r.current.Load() }

// Subscribe implements tenant.Registry.
func (r *Registry) Subscribe(f func(*tenant.Snapshot)) (cancel func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.current.Load(); s != nil {
		f(s)
	}
	if r.subs == nil {
		r.subs = make(map[int]func(*tenant.Snapshot))
	}
	id := r.next
	r.next++
	r.subs[id] = f
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.subs, id)
	}
}

// Start implements component.Component.
func (*Registry) Start(context.Context, component.Host) error { return nil }

// Shutdown implements component.Component.
func (*Registry) Shutdown(context.Context) error { return nil }

// Host is a component.Host that has the given extensions and nothing else.
type Host map[component.ID]component.Component

// GetExtensions implements component.Host.
func (h Host) GetExtensions() map[component.ID]component.Component { return h }
