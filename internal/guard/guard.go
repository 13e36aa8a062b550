// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package guard bounds what callers can make a process hold: requests and bytes in
// flight, for each tenant and in total, bodies and their decoded form, the time of an
// upload, and connections.
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
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Guard applies [Settings] to all requests and connections of a process. It is safe for
// concurrent use.
type Guard struct {
	set           Settings
	requests      *budget
	memory        *budget
	pressure      *pressure // nil: no Settings.Pressure
	buffers       bufferPool
	decompressors *decompressors
	tenantSlots   *tenantSlots
	computeSlots  *computeSlots
	throttler     *throttler
	conns         *connections
	limiters      limiters
	heap          heapGate
	stats         Stats

	recovery *recovery.Recoverer
	boards   rejection.Boards
}

// A tenant with up to this fraction of a budget holds little: 16 of 4096 requests, and 1 of
// 64 MiB, which is a request of some hundred records.
const (
	smallRequests = 256
	smallMemory   = 64
)

// New returns a guard with the limits of set.
func New(set Settings) *Guard {
	set = set.withDefaults()
	g := &Guard{
		set:           set,
		requests:      newBudget(set.Requests, set.TenantRequests, max(1, set.Requests/smallRequests)),
		memory:        newBudget(set.Memory, set.TenantMemory, set.Memory/smallMemory),
		decompressors: newDecompressors(), tenantSlots: newTenantSlots(requestsAtWork),
		recovery: recovery.New(set.Logger),
	}
	g.pressure = newPressure(g.memory, set.Pressure)
	processors := runtime.GOMAXPROCS(0)
	g.throttler = newThrottler(processors, set.ThrottleAbove, set.Logger)
	g.computeSlots = newComputeSlots(func() int {
		if g.throttler.active.Load() > 1 {
			return max(1, processors-1)
		}
		return processors
	})
	g.conns = newConnections(set.Connections, &g.stats, g.throttler)
	return g
}

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

// PostLimiter registers over, which returns the error to send to a caller over a limit. The
// guard calls it before it reads a request, with no records and bytes, and before the request
// is decoded, with the counts of the encoded form. For JSON, bytes is 0, because limits count
// the size in protobuf. over must not charge a limit, must not block, and must be safe for
// concurrent use. After remove returns, the guard does not call it for new requests.
func (g *Guard) PostLimiter(over func(id tenant.ID, signal tenant.Signal, records int, bytes int64) error) (remove func()) {
	return g.limiters.add(over)
}

// PostRejections also counts the rejections of known callers on boards. It must be called
// before the guard is used.
func (g *Guard) PostRejections(boards rejection.Boards) { g.boards = boards }

// RefuseAbove makes [Request.CheckHeap] reject requests while the heap has at least n bytes,
// garbage included. Zero, the default, is no limit. It is meant for the soft limit of
// memory_limiter, which also makes the runtime collect garbage.
func (g *Guard) RefuseAbove(n int64) { g.heap.limit.Store(n) }

// Refuse counts the rejection err of a request of the caller of ctx at a path of HTTP, which a
// receiver does not admit, and returns it.
func (g *Guard) Refuse(ctx context.Context, path string, err *rejection.Error) *rejection.Error {
	g.stats.reject(protocolOf(ctx), err.Reason())
	g.boards.Post(ctx, rejection.Rejected{Reason: err.Reason().String(), Text: shownPath(path) + ": " + err.Error()})
	return err
}

// shownPath returns a path for an operator. It may be of any length, and contain a key.
func shownPath(path string) string {
	const most = 80
	if strings.Contains(path, "obs_") {
		return "a path with a key"
	}
	if len(path) > most {
		return strconv.Quote(path[:most]) + "…"
	}
	return path
}

// Count counts the rejection err of an unknown caller, and returns it.
func (g *Guard) Count(protocol Protocol, err *rejection.Error) error {
	g.stats.reject(protocol, err.Reason())
	return err
}

// Protect calls f, which handles a request. If f panics, Protect logs the stack, at most once
// in ten seconds, and returns a counted rejection. f must release its locks in deferred calls.
func (g *Guard) Protect(protocol Protocol, f func() error) (err error) {
	defer func() {
		if recovery.Is(err) {
			err = g.Count(protocol, rejection.Of(rejection.Panic))
		}
	}()
	defer g.recovery.Catch("handling a request", &err)
	return f()
}

// ProtectHTTP is Protect for serve, a step of an HTTP handler. It panics with
// [http.ErrAbortHandler] if serve does, which asks net/http to close the connection.
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

// Stats returns the counts of g.
func (g *Guard) Stats() *Stats { return &g.stats }

// InFlight returns the number of requests in flight and the bytes that they hold.
func (g *Guard) InFlight() (requests, bytes int64) {
	return g.requests.held(), g.memory.held()
}

// Connections returns the number of open connections.
func (g *Guard) Connections() int { return g.conns.open() }

// Limits returns how many bytes, requests and connections may be in flight.
func (g *Guard) Limits() (bytes, requests int64, connections int) {
	return g.set.Memory, g.set.Requests, g.set.Connections.Max
}

// TenantLimits returns how many bytes and requests one tenant may have in flight. A single
// request may need at most that many bytes.
func (g *Guard) TenantLimits() (bytes, requests int64) { return g.memory.most, g.requests.most }

// Throttled returns how many tenants paused in the last second, with all unauthenticated
// clients as one, the total length of all pauses since the start, and how many large requests
// wait for a processor.
func (g *Guard) Throttled() (tenants int64, paused time.Duration, waiting int) {
	g.throttler.prune()
	return g.throttler.stats.tenants.Load(), time.Duration(g.throttler.stats.nanos.Load()), g.computeSlots.waitingRequests()
}
