package guard

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// gate lets a few requests compute at a time, one tenant after the other, so that a
// tenant with many large bodies waits for itself and not others for it. The requests
// that wait are bounded by those in flight.
type gate struct {
	mu      sync.Mutex
	free    int
	waiting map[tenant.ID][]chan struct{}
	order   []tenant.ID // of waiting, the next first
}

func newGate(n int) *gate {
	return &gate{free: n, waiting: make(map[tenant.ID][]chan struct{})}
}

// enter waits for the turn of a request of id.
func (g *gate) enter(id tenant.ID) {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	queue := g.waiting[id]
	if len(queue) == 0 {
		g.order = append(g.order, id)
	}
	g.waiting[id] = append(queue, turn)
	g.mu.Unlock()
	<-turn
}

// leave gives the turn to the next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.order) == 0 {
		g.free++
		return
	}
	id := g.order[0]
	g.order = g.order[1:]
	queue := g.waiting[id]
	close(queue[0])
	if len(queue) == 1 {
		delete(g.waiting, id)
		return
	}
	g.waiting[id] = queue[1:]
	g.order = append(g.order, id)
}
