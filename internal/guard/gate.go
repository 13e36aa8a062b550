package guard

import (
	"context"
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// gate lets a few requests compute at a time, one tenant after the other, so that a
// tenant with many large requests waits for itself and not others for it. The requests
// that wait are bounded by those in flight.
type gate struct {
	places func() int // how many may compute now, at least one

	mu      sync.Mutex
	busy    int
	waiting map[tenant.ID][]chan struct{}
	order   []tenant.ID // of waiting, the next first
}

func newGate(places func() int) *gate {
	return &gate{places: places, waiting: make(map[tenant.ID][]chan struct{})}
}

// enter waits for the turn of a request of id. It returns an error if ctx ends first,
// and else leave must be called.
func (g *gate) enter(ctx context.Context, id tenant.ID) error {
	g.mu.Lock()
	if len(g.order) == 0 && g.busy < g.places() {
		g.busy++
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	if len(g.waiting[id]) == 0 {
		g.order = append(g.order, id)
	}
	g.waiting[id] = append(g.waiting[id], turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn: // it came meanwhile
		g.pass()
	default:
		g.forget(id, turn)
	}
	return ctx.Err()
}

// leave gives the turn to the next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass()
}

// pass ends one turn and begins as many as there are places for. The caller holds the lock.
func (g *gate) pass() {
	g.busy--
	for places := g.places(); len(g.order) > 0 && g.busy < places; g.busy++ {
		id := g.order[0]
		queue := g.waiting[id]
		close(queue[0])
		g.order = g.order[1:]
		if len(queue) == 1 {
			delete(g.waiting, id)
			continue
		}
		g.waiting[id] = queue[1:]
		g.order = append(g.order, id)
	}
}

// forget takes out a request that waits no longer. The caller holds the lock.
func (g *gate) forget(id tenant.ID, turn chan struct{}) {
	g.waiting[id] = without(g.waiting[id], turn)
	if len(g.waiting[id]) == 0 {
		delete(g.waiting, id)
		g.order = without(g.order, id)
	}
}

// without returns list without v.
func without[T comparable](list []T, v T) []T {
	rest := make([]T, 0, len(list))
	for _, other := range list {
		if other != v {
			rest = append(rest, other)
		}
	}
	return rest
}

// waits returns how many requests wait.
func (g *gate) waits() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, queue := range g.waiting {
		n += len(queue)
	}
	return n
}
