package tenantregistryextension

import (
	"sync"
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// subscribers holds the snapshot in force and tells of every new one. It
// implements tenant.Registry.
type subscribers struct {
	recovery *recovery.Recoverer
	current  atomic.Pointer[tenant.Snapshot]

	mu   sync.Mutex // held while telling, so that calls do not overlap and cancel is final
	next int
	told []subscriber // in the order in which they came
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
	s.told = append(s.told, subscriber{id, f})
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range s.told {
			if s.told[i].id == id {
				s.told = append(s.told[:i:i], s.told[i+1:]...)
				return
			}
		}
	}
}

// publish puts snapshot in force, and then tells of it. Requests see it before
// the first subscriber does, so nothing a subscriber does can delay a
// revocation. If a subscriber panics the others are called nevertheless.
func (s *subscribers) publish(snapshot *tenant.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Store(snapshot)
	for _, sub := range s.told {
		_ = s.recovery.Run("using the registry", func() { sub.f(snapshot) })
	}
}
