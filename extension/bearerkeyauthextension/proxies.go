// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
)

// proxyReportInterval is the minimum time between two log lines about trusted proxies
// that do not send the address of their client.
const proxyReportInterval = 10 * time.Minute

// proxies determines the addresses of clients behind trusted proxies. It is safe for
// concurrent use, except for report.
type proxies struct {
	resolver *clientaddr.Resolver // nil: no proxy is trusted
	logger   *zap.Logger

	forwarded, missing, unclear  atomic.Int64
	lastMissing, lastUnclear     atomic.Pointer[netip.Addr] // of proxies
	loggedMissing, loggedUnclear loggedCount
}

// loggedCount is the value of a counter when it was last logged.
type loggedCount struct {
	n  int64
	at time.Time
}

func newProxies(cfg *Config, logger *zap.Logger) (*proxies, error) {
	p := &proxies{logger: logger}
	trusted, err := clientaddr.ParseTrusted(cfg.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf(`"trusted_proxies": %w`, err)
	}
	if len(trusted) > 0 {
		p.resolver = clientaddr.New(trusted, cfg.ClientAddressHeader)
	}
	return p, nil
}

// client returns the address under which a request over conn is counted, and the
// address with which the source networks of keys are compared. Both are conn unless a
// trusted proxy sends another address. If the headers of the proxy are unclear, source
// is nil: clients can cause unclear headers and must not be mistaken for the proxy.
func (p *proxies) client(conn net.Addr, headers map[string][]string) (addr, source net.Addr) {
	if p.resolver == nil {
		return conn, conn
	}
	peer := clientaddr.Of(conn)
	ip, outcome := p.resolver.Client(peer, headers)
	switch outcome {
	case clientaddr.Forwarded:
		p.forwarded.Add(1)
		addr = &net.IPAddr{IP: ip.AsSlice()}
		return addr, addr
	case clientaddr.Missing:
		p.missing.Add(1)
		remember(&p.lastMissing, peer)
	case clientaddr.Unclear:
		p.unclear.Add(1)
		remember(&p.lastUnclear, peer)
		return conn, nil
	}
	return conn, conn
}

// remember copies addr, so that only requests that store an address allocate.
func remember(last *atomic.Pointer[netip.Addr], addr netip.Addr) { last.Store(&addr) }

// report logs the requests of trusted proxies without a clear client address.
func (p *proxies) report(now time.Time) {
	p.loggedMissing.report(now, p.missing.Load(), func(n int64) {
		p.logger.Warn("A trusted proxy sends no header with its client's address, so all its clients count as one: configure it to set X-Forwarded-For or Forwarded",
			zap.Stringer("proxy", p.lastMissing.Load()), zap.Int64("requests", n))
	})
	p.loggedUnclear.report(now, p.unclear.Load(), func(n int64) {
		p.logger.Warn("The headers of a trusted proxy have no client address or contradict each other, so the proxy's own address counts: "+
			"set \"client_address_header\" to the header that it sets, and configure it to remove the headers that clients send",
			zap.Stringer("proxy", p.lastUnclear.Load()), zap.Int64("requests", n))
	})
}

func (s *loggedCount) report(now time.Time, n int64, log func(n int64)) {
	if since := now.Sub(s.at); n == s.n || !s.at.IsZero() && since >= 0 && since < proxyReportInterval {
		return
	}
	log(n - s.n)
	s.n, s.at = n, now
}

// register adds the metric.
func (p *proxies) register(telemetry *metadata.TelemetryBuilder) error {
	return telemetry.RegisterExtensionBearerKeyAuthProxiedRequestsCallback(func(_ context.Context, o metric.Int64Observer) error {
		for _, of := range []struct {
			address string
			n       int64
		}{{"forwarded", p.forwarded.Load()}, {"missing", p.missing.Load()}, {"unclear", p.unclear.Load()}} {
			o.Observe(of.n, metric.WithAttributes(attribute.String("address", of.address)))
		}
		return nil
	})
}
