// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// requestsAtWork is how many requests of one tenant are checked, decoded and consumed at
// the same time. Most of them wait for the disk.
const requestsAtWork = 64

// tenantSlots limits how many requests of each tenant are checked, decoded and consumed at
// the same time. Further requests of the tenant wait in first-in, first-out order. Without
// this limit, a tenant with thousands of requests in flight has as many runnable goroutines,
// and the requests of other tenants wait behind all of them.
//
// It has one entry for each tenant that holds a slot, so the requests in flight bound it.
// It is safe for concurrent use.
type tenantSlots struct {
	limit int // slots of one tenant

	mu      sync.Mutex
	tenants map[tenant.ID]*slotQueue
}

// slotQueue is the state of one tenant.
type slotQueue struct {
	held    int
	waiting []chan struct{} // closed when the request gets a slot; the oldest first
}

func newTenantSlots(limit int) *tenantSlots {
	return &tenantSlots{limit: limit, tenants: make(map[tenant.ID]*slotQueue)}
}

// acquire waits for a slot of the tenant id. Each acquire needs a release.
func (s *tenantSlots) acquire(id tenant.ID) {
	s.mu.Lock()
	q := s.tenants[id]
	if q == nil {
		q = &slotQueue{}
		s.tenants[id] = q
	}
	if q.held < s.limit {
		q.held++
		s.mu.Unlock()
		return
	}
	granted := make(chan struct{})
	q.waiting = append(q.waiting, granted)
	s.mu.Unlock()
	<-granted
}

// release passes a slot to the tenant's oldest waiting request, or frees it.
func (s *tenantSlots) release(id tenant.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.tenants[id]
	if len(q.waiting) > 0 {
		close(q.waiting[0])
		q.waiting = q.waiting[1:]
		return
	}
	if q.held--; q.held == 0 {
		delete(s.tenants, id)
	}
}
