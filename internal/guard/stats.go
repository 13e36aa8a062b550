package guard

import (
	"sync/atomic"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Protocol is how a request came.
type Protocol uint8

// The protocols.
const (
	HTTP Protocol = iota
	GRPC
	numProtocols
)

// String returns the value of the metric attribute "protocol".
func (p Protocol) String() string { return [numProtocols]string{"http", "grpc"}[p] }

// Stats are the counts of a guard.
type Stats struct {
	rejected [numProtocols][rejection.NumReasons]atomic.Int64
	refused  [numRefusals]atomic.Int64
}

func (s *Stats) reject(p Protocol, why rejection.Reason) { s.rejected[p][why].Add(1) }

// Stats returns the counts of g.
func (g *Guard) Stats() *Stats { return &g.stats }

// Rejected calls f with the number of rejected requests of each protocol and reason
// that has any.
func (s *Stats) Rejected(f func(p Protocol, why rejection.Reason, n int64)) {
	for p := range s.rejected {
		for why := range s.rejected[p] {
			if n := s.rejected[p][why].Load(); n > 0 {
				f(Protocol(p), rejection.Reason(why), n)
			}
		}
	}
}

// Panics returns the number of requests that ended in a panic.
func (s *Stats) Panics() (n int64) {
	for p := range s.rejected {
		n += s.rejected[p][rejection.Panic].Load()
	}
	return n
}

// RefusedConnections calls f with the number of connections that were closed for
// each reason that has any.
func (s *Stats) RefusedConnections(f func(why Refusal, n int64)) {
	for why := range s.refused {
		if n := s.refused[why].Load(); n > 0 {
			f(Refusal(why), n)
		}
	}
}

// InFlight returns the requests in flight and the bytes that they hold.
func (g *Guard) InFlight() (requests, bytes int64) {
	return g.requests.held(), g.memory.held()
}

// Connections returns the number of open connections.
func (g *Guard) Connections() int { return g.conns.open() }

// Limits returns how many bytes, requests and connections may be in flight.
func (g *Guard) Limits() (bytes, requests int64, connections int) {
	return g.set.Memory, g.set.Requests, g.set.Connections.Max
}

// TenantLimits returns how many bytes and requests one tenant may have in flight, and
// so how much memory a single request may need.
func (g *Guard) TenantLimits() (bytes, requests int64) { return g.memory.most, g.requests.most }

// Throttled returns how many tenants were slowed down lately, where unauthenticated clients
// count as one, the total pause since the start, and how many large requests wait.
func (g *Guard) Throttled() (tenants int64, paused time.Duration, waiting int) {
	g.shares.expire()
	return g.shares.stats.tenants.Load(), time.Duration(g.shares.stats.nanos.Load()), g.large.waits()
}
