// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"sync"
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// subscribers holds the snapshot in force and passes every new one to subscribers. It
// implements tenant.Registry.
type subscribers struct {
	recovery *recovery.Recoverer
	current  atomic.Pointer[tenant.Snapshot]

	mu   sync.Mutex // held during calls, so that calls do not overlap and cancel is final
	next int
	all  []subscriber // in the order of Subscribe
}

type subscriber struct {
	id int
	f  func(*tenant.Snapshot)
}

var _ tenant.Registry = (*subscribers)(nil)

// Snapshot implements tenant.Registry.
func (s *subscribers) Snapshot() *tenant.Snapshot { return s.current.Load() }

// Subscribe implements tenant.Registry.
func (s *subscribers) Subscribe(f func(*tenant.Snapshot)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snapshot := s.current.Load(); snapshot != nil {
		f(snapshot)
	}
	id := s.next
	s.next++
	s.all = append(s.all, subscriber{id, f})
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range s.all {
			if s.all[i].id == id {
				s.all = append(s.all[:i:i], s.all[i+1:]...)
				return
			}
		}
	}
}

// publish puts snapshot in force and then calls the subscribers. Requests use it
// before the first subscriber is called, so no subscriber can delay a revocation. If
// a subscriber panics, the others are called too.
func (s *subscribers) publish(snapshot *tenant.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Store(snapshot)
	for _, sub := range s.all {
		_ = s.recovery.Run("using the registry", func() { sub.f(snapshot) })
	}
}
