// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// Protocol is the transport of a request.
type Protocol uint8

// The protocols.
const (
	HTTP Protocol = iota
	GRPC
	numProtocols
)

// String returns the value of the metric attribute "protocol".
func (p Protocol) String() string { return [numProtocols]string{"http", "grpc"}[p] }

// Stats counts the requests and connections that a guard has rejected since it was created. It is safe for
// concurrent use.
type Stats struct {
	requests    [numProtocols][rejection.NumReasons]atomic.Int64
	connections [numConnectionReasons]atomic.Int64
}

// reject counts a rejected request.
func (s *Stats) reject(p Protocol, why rejection.Reason) { s.requests[p][why].Add(1) }

// Rejected calls f with the number of rejected requests, for each protocol and reason with
// at least one.
func (s *Stats) Rejected(f func(p Protocol, why rejection.Reason, n int64)) {
	for p := range s.requests {
		for why := range s.requests[p] {
			if n := s.requests[p][why].Load(); n > 0 {
				f(Protocol(p), rejection.Reason(why), n)
			}
		}
	}
}

// RequestCounters is Rejected with the counters, at 0, of the reasons for which a guard is
// expected to reject requests, so that they exist before the first one.
func (s *Stats) RequestCounters(f func(p Protocol, why rejection.Reason, n int64)) {
	for p := range s.requests {
		for why := range s.requests[p] {
			if n := s.requests[p][why].Load(); n > 0 || rejection.Guard.Of(rejection.Reason(why)) {
				f(Protocol(p), rejection.Reason(why), n)
			}
		}
	}
}

// Panics returns the number of requests whose handling panicked.
func (s *Stats) Panics() (n int64) {
	for p := range s.requests {
		n += s.requests[p][rejection.Panic].Load()
	}
	return n
}

// ConnectionCounters calls f with the number of connections that were closed, for each reason.
func (s *Stats) ConnectionCounters(f func(why ConnectionReason, n int64)) {
	for why := range s.connections {
		f(ConnectionReason(why), s.connections[why].Load())
	}
}
