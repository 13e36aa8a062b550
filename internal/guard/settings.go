// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"net/netip"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Settings are the limits of a [Guard]. A zero limit means its default.
type Settings struct {
	// Registry returns the tenants, to reject those that are suspended or deleted. Nil: only
	// the identity of the caller decides.
	Registry func() *tenant.Snapshot

	// Memory is the number of bytes that all requests in flight may hold: bodies, and their
	// decoded form. Defaults to [DefaultMemory].
	Memory int64

	// Requests is the number of requests in flight. Defaults to [DefaultRequests].
	Requests int64

	// TenantMemory and TenantRequests bound the memory and requests of one tenant. A tenant
	// may get less while others hold much. They default to five eighths of Memory and of
	// Requests, which a tenant gets when no other sends.
	TenantMemory   int64
	TenantRequests int64

	MaxDepth    int // of nested values; defaults to [DefaultDepth]
	MaxElements int // of one request; defaults to [DefaultElements]

	// MinUploadRate is the number of bytes per second that a body must bring, measured over
	// UploadGrace. They default to [DefaultMinUploadRate] and [DefaultUploadGrace]. A
	// negative rate means no minimum.
	MinUploadRate int64
	UploadGrace   time.Duration

	// ThrottleAbove is the percentage of all processors above which the guard throttles
	// tenants that use more than others. Defaults to [DefaultThrottleAbove]. Negative: the
	// guard never throttles.
	ThrottleAbove int

	// LargeRequest is the decompressed size, in bytes, from which a request is large. While
	// several tenants are active, large requests leave one of the processors to small ones.
	// Defaults to [DefaultLargeRequest].
	LargeRequest int64

	Connections ConnectionSettings

	// Pressure is called with true when requests in flight hold more than a quarter of
	// Memory, and with false when they hold less than an eighth again, but at least one
	// second later. Calls do not overlap. It must not block. Optional.
	Pressure func(high bool)

	Logger *zap.Logger // defaults to a logger that discards
}

// Defaults of [Settings].
const (
	DefaultRequests      = 1024
	DefaultDepth         = 64
	DefaultElements      = 1_000_000
	DefaultMinUploadRate = 4 << 10
	DefaultUploadGrace   = 10 * time.Second
	DefaultLargeRequest  = 256 << 10
)

func (s Settings) withDefaults() Settings {
	orDefault(&s.Memory, DefaultMemory())
	orDefault(&s.Requests, DefaultRequests)
	orDefault(&s.TenantMemory, capacity.DefaultTenant(s.Memory))
	orDefault(&s.TenantRequests, max(1, capacity.DefaultTenant(s.Requests)))
	orDefault(&s.MaxDepth, DefaultDepth)
	orDefault(&s.MaxElements, DefaultElements)
	orDefault(&s.MinUploadRate, DefaultMinUploadRate)
	orDefault(&s.UploadGrace, DefaultUploadGrace)
	orDefault(&s.ThrottleAbove, DefaultThrottleAbove())
	orDefault(&s.LargeRequest, DefaultLargeRequest)
	s.Connections = s.Connections.withDefaults()
	if s.Logger == nil {
		s.Logger = zap.NewNop()
	}
	return s
}

// ConnectionSettings are the limits of connections. A zero limit means its default.
type ConnectionSettings struct {
	// Max bounds the connections of all listeners. Defaults to [DefaultConnections].
	Max int
	// MaxPerSource bounds the connections of one IPv4 address or IPv6 /64. In any case a
	// source has at most as many connections as are free. Negative: no further bound.
	MaxPerSource int
	// Exempt lists networks whose addresses have no bound per source, because proxies
	// there connect for many callers. Nil means [DefaultExempt].
	Exempt []netip.Prefix
	// FirstRequest is the time within which the first request of a connection must be
	// admitted, TLS and HTTP/2 handshakes included. Defaults to [DefaultFirstRequest].
	FirstRequest time.Duration
}

// DefaultFirstRequest is the default of ConnectionSettings.FirstRequest.
const DefaultFirstRequest = 30 * time.Second

// DefaultExempt returns the loopback, link-local, private and carrier-grade NAT networks,
// from which load balancers connect.
func DefaultExempt() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{
		"127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10",
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func (s ConnectionSettings) withDefaults() ConnectionSettings {
	orDefault(&s.Max, DefaultConnections())
	orDefault(&s.MaxPerSource, -1)
	orDefault(&s.FirstRequest, DefaultFirstRequest)
	if s.Exempt == nil {
		s.Exempt = DefaultExempt()
	}
	return s
}

// orDefault sets a zero value to its default.
func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}
