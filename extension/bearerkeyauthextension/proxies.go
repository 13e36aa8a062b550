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

// proxyReportInterval is the least time between two lines of the log on trusted proxies
// that do not tell for whom they speak.
const proxyReportInterval = 10 * time.Minute

// proxies are the proxies that are believed for whom they speak. They are safe for
// concurrent use, but for report.
type proxies struct {
	resolver *clientaddr.Resolver // nil: none is trusted
	logger   *zap.Logger

	forwarded, missing, unclear atomic.Int64
	lastMissing, lastUnclear    atomic.Pointer[netip.Addr] // a proxy
	saidMissing, saidUnclear    said
}

// said is what the log has of a counter.
type said struct {
	n  int64
	at time.Time
}

func newProxies(cfg *Config, logger *zap.Logger) (*proxies, error) {
	p := &proxies{logger: logger}
	trusted, err := clientaddr.ParseTrusted(cfg.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("`trusted_proxies`: %w", err)
	}
	if len(trusted) > 0 {
		p.resolver = clientaddr.New(trusted, cfg.ClientAddressHeader)
	}
	return p, nil
}

// client returns the address that a request over conn counts for, and the one that keys
// bound to networks are checked against. Both are conn unless a trusted proxy says
// otherwise. If what the proxy sent is unclear, source is nil: a client can bring that
// about, and must not pass for the proxy.
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

// remember keeps its copy of addr, so that requests that need none do not allocate one.
func remember(last *atomic.Pointer[netip.Addr], addr netip.Addr) { last.Store(&addr) }

// report logs what trusted proxies did not tell.
func (p *proxies) report(now time.Time) {
	p.saidMissing.report(now, p.missing.Load(), func(n int64) {
		p.logger.Warn("A trusted proxy sends no header with its client's address, so all its clients count as one: configure it to set X-Forwarded-For or Forwarded",
			zap.Stringer("proxy", p.lastMissing.Load()), zap.Int64("requests", n))
	})
	p.saidUnclear.report(now, p.unclear.Load(), func(n int64) {
		p.logger.Warn("The headers of a trusted proxy have no client address or contradict each other, so the proxy's own address counts: "+
			"name the header that it sets in `client_address_header`, and configure it to remove the headers that clients send",
			zap.Stringer("proxy", p.lastUnclear.Load()), zap.Int64("requests", n))
	})
}

func (s *said) report(now time.Time, n int64, log func(n int64)) {
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
			if of.n > 0 {
				o.Observe(of.n, metric.WithAttributes(attribute.String("address", of.address)))
			}
		}
		return nil
	})
}
