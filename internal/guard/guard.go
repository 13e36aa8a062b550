// Package guard bounds what callers can make a process hold: requests and bytes in
// flight, for each tenant and in all, bodies and what they decode to, the time an
// upload takes, and connections.
//
// One [Guard] serves all receivers of a process. A receiver calls [Guard.Admit] when
// the headers of a request have arrived, [Request.ReadBody] for its body,
// [Request.Check] before it decodes, and [Request.Release] at the end.
package guard

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Guard is safe for concurrent use.
type Guard struct {
	set      Settings
	requests *budget
	memory   *budget
	pressure *pressure // nil: no Settings.Pressure
	buffers  bufferPool
	decoders *decoders
	turns    *turns
	large    *gate // of requests that compute for long
	shares   *shares
	conns    *connections
	stats    Stats

	recovery *recovery.Recoverer
	boards   rejection.Boards

	limitersMu sync.Mutex
	limiters   atomic.Pointer[[]*limiter]
}

// limiter is one posted function.
type limiter struct {
	over func(id tenant.ID, signal tenant.Signal, records int, bytes int64) error
}

// New returns a guard with the limits of set.
func New(set Settings) *Guard {
	set = set.withDefaults()
	g := &Guard{
		set:      set,
		requests: newBudget(set.Requests, set.TenantRequests, max(1, set.Requests/smallRequests)),
		memory:   newBudget(set.Memory, set.TenantMemory, set.Memory/smallMemory),
		decoders: newDecoders(), turns: newTurns(requestsAtWork),
		recovery: recovery.New(set.Logger),
	}
	g.pressure = newPressure(g.memory, set.Pressure)
	processors := runtime.GOMAXPROCS(0)
	g.shares = newShares(processors, set.ThrottleAbove, set.Logger)
	g.large = newGate(func() int {
		if g.shares.active.Load() > 1 {
			return max(1, processors-1)
		}
		return processors
	})
	g.conns = newConnections(set.Connections, &g.stats, g.shares)
	return g
}

// Parts of a budget up to which a tenant holds little: 16 of 4096 requests, and 1 of
// 64 MiB, which is a request of some hundred records.
const (
	smallRequests = 256
	smallMemory   = 64
)

// Provider is an extension that has a guard.
type Provider interface {
	Guard() *Guard
}

// Find returns the guard of the extension id of host.
func Find(host component.Host, id component.ID) (*Guard, error) {
	ext, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("guard: extension %q is not configured or not listed under service::extensions", id)
	}
	p, ok := ext.(Provider)
	if !ok {
		return nil, fmt.Errorf("guard: extension %q is not a request guard", id)
	}
	return p.Guard(), nil
}

// FindAll returns the guards of all extensions of host.
func FindAll(host component.Host) []*Guard {
	var all []*Guard
	for _, ext := range host.GetExtensions() {
		if p, ok := ext.(Provider); ok {
			all = append(all, p.Guard())
		}
	}
	return all
}

// PostLimiter has over asked before a request is read, with no records and bytes,
// and before it is decoded, with as many as its wire form says. JSON has no bytes,
// because limits count those of protobuf. What over returns is
// the answer to the caller. It charges nothing and must not block. After remove
// returns it is not called for new requests.
func (g *Guard) PostLimiter(over func(id tenant.ID, signal tenant.Signal, records int, bytes int64) error) (remove func()) {
	l := &limiter{over}
	g.changeLimiters(func(all []*limiter) []*limiter { return append(all, l) })
	return sync.OnceFunc(func() {
		g.changeLimiters(func(all []*limiter) []*limiter {
			rest := all[:0]
			for _, other := range all {
				if other != l {
					rest = append(rest, other)
				}
			}
			return rest
		})
	})
}

// changeLimiters gives change a copy.
func (g *Guard) changeLimiters(change func([]*limiter) []*limiter) {
	g.limitersMu.Lock()
	defer g.limitersMu.Unlock()
	var all []*limiter
	if old := g.limiters.Load(); old != nil {
		all = append(all, *old...)
	}
	all = change(all)
	g.limiters.Store(&all)
}

// overLimit asks the posted limiters.
func (g *Guard) overLimit(id tenant.ID, signal tenant.Signal, records int, bytes int64) error {
	all := g.limiters.Load()
	if all == nil {
		return nil
	}
	for _, l := range *all {
		if err := l.over(id, signal, records, bytes); err != nil {
			return err
		}
	}
	return nil
}

// Protect calls f, which handles a request. If f panics, Protect logs the stack, at
// most one in ten seconds, and returns a counted rejection. Locks that f holds must be
// released by deferred calls.
func (g *Guard) Protect(protocol Protocol, f func() error) (err error) {
	defer func() {
		if recovery.Is(err) {
			err = g.Count(protocol, rejection.Of(rejection.Panic))
		}
	}()
	defer g.recovery.Catch("handling a request", &err)
	return f()
}

// ProtectHTTP is Protect for serve, a step of an HTTP handler. It passes on
// [http.ErrAbortHandler], with which a handler asks net/http to end the connection.
func (g *Guard) ProtectHTTP(serve func()) error {
	aborted := false
	err := g.Protect(HTTP, func() error {
		defer func() {
			switch v := recover(); {
			case v == http.ErrAbortHandler: //nolint:errorlint // net/http compares it like this
				aborted = true
			case v != nil:
				panic(v)
			}
		}()
		serve()
		return nil
	})
	if aborted {
		panic(http.ErrAbortHandler)
	}
	return err
}

// Count counts the rejection err of a caller that is not known, and returns it.
func (g *Guard) Count(protocol Protocol, err *rejection.Error) error {
	g.stats.reject(protocol, err.Reason())
	return err
}

// PostRejections has the rejections of known callers counted on boards too. It must be
// called before the guard is used.
func (g *Guard) PostRejections(boards rejection.Boards) { g.boards = boards }

// Refused counts a request of the caller of ctx that a receiver refuses for a reason of
// its own, which is one word.
func (g *Guard) Refused(ctx context.Context, reason string) { g.boards.Post(ctx, 0, reason) }
