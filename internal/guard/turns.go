package guard

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// turns lets each tenant have a bounded number of requests at work: those that are
// read and are being checked, decoded and handed on. The others of the tenant wait in
// their order. A tenant with thousands of requests in flight would otherwise have as
// many goroutines that can run, and those of others would wait for all of them.
//
// Its keys are tenants with requests at work, so that it is bounded by the requests
// in flight.
type turns struct {
	most int // requests at work of one tenant

	mu      sync.Mutex
	tenants map[tenant.ID]*turn
}

// requestsAtWork is how many requests of a tenant work at a time. Most of them wait
// for the disk.
const requestsAtWork = 64

type turn struct {
	running int
	waiting []chan struct{}
}

func newTurns(most int) *turns { return &turns{most: most, tenants: make(map[tenant.ID]*turn)} }

// enter returns when a request of id may work. Each enter needs a leave.
func (t *turns) enter(id tenant.ID) {
	t.mu.Lock()
	own := t.tenants[id]
	if own == nil {
		own = &turn{}
		t.tenants[id] = own
	}
	if own.running < t.most {
		own.running++
		t.mu.Unlock()
		return
	}
	next := make(chan struct{})
	own.waiting = append(own.waiting, next)
	t.mu.Unlock()
	<-next
}

// leave hands the place to the tenant's next request.
func (t *turns) leave(id tenant.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.tenants[id]
	if len(own.waiting) > 0 {
		close(own.waiting[0])
		own.waiting = own.waiting[1:]
		return
	}
	if own.running--; own.running == 0 {
		delete(t.tenants, id)
	}
}
