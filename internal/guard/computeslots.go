// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"context"
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// computeSlots limits how many large requests use a processor at the same time. Waiting
// tenants get slots in round-robin order, so a tenant with many large requests delays its own
// requests and not those of others. The requests in flight bound the number of waiting
// requests. It is safe for concurrent use.
type computeSlots struct {
	limit func() int // current number of slots, at least one

	mu      sync.Mutex
	held    int
	waiting map[tenant.ID][]chan struct{} // closed when the request gets a slot; the oldest first
	order   []tenant.ID                   // keys of waiting; the next tenant first
}

func newComputeSlots(limit func() int) *computeSlots {
	return &computeSlots{limit: limit, waiting: make(map[tenant.ID][]chan struct{})}
}

// acquire waits for a slot for a request of the tenant id. It returns the error of ctx if ctx
// ends first. After success the caller must call release.
func (s *computeSlots) acquire(ctx context.Context, id tenant.ID) error {
	s.mu.Lock()
	if len(s.order) == 0 && s.held < s.limit() {
		s.held++
		s.mu.Unlock()
		return nil
	}
	granted := make(chan struct{})
	if len(s.waiting[id]) == 0 {
		s.order = append(s.order, id)
	}
	s.waiting[id] = append(s.waiting[id], granted)
	s.mu.Unlock()
	select {
	case <-granted:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-granted: // between the end of ctx and the lock
		s.pass()
	default:
		s.cancel(id, granted)
	}
	return ctx.Err()
}

// release frees a slot for the next waiting request.
func (s *computeSlots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass()
}

// pass frees one slot, and grants as many as are free then, since the limit may have
// changed. The caller holds the lock.
func (s *computeSlots) pass() {
	s.held--
	for limit := s.limit(); len(s.order) > 0 && s.held < limit; s.held++ {
		id := s.order[0]
		queue := s.waiting[id]
		close(queue[0])
		s.order = s.order[1:]
		if len(queue) == 1 {
			delete(s.waiting, id)
			continue
		}
		s.waiting[id] = queue[1:]
		s.order = append(s.order, id)
	}
}

// cancel removes a waiting request. The caller holds the lock.
func (s *computeSlots) cancel(id tenant.ID, granted chan struct{}) {
	s.waiting[id] = without(s.waiting[id], granted)
	if len(s.waiting[id]) == 0 {
		delete(s.waiting, id)
		s.order = without(s.order, id)
	}
}

// without returns a copy of list without v.
func without[T comparable](list []T, v T) []T {
	rest := make([]T, 0, len(list))
	for _, other := range list {
		if other != v {
			rest = append(rest, other)
		}
	}
	return rest
}

// waitingRequests returns the number of requests that wait for a slot.
func (s *computeSlots) waitingRequests() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queue := range s.waiting {
		n += len(queue)
	}
	return n
}
