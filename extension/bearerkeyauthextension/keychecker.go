package bearerkeyauthextension

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// failureLogInterval is how often refused requests are summed up in the log. A
// line for each would let strangers fill the disk.
const failureLogInterval = 10 * time.Second

// keyChecker tells the tenant of incoming requests. It decides only what the key and
// the headers tell: whether the tenant is suspended, what the key may send, and
// what to answer before a registry has loaded is for the tenant processor, since
// over HTTP whatever an authenticator refuses becomes a 401.
type keyChecker struct {
	registryID component.ID
	registry   tenant.Registry
	now        func() time.Time
	refusals   [numDecisions]*refusal
	tally      tally
	logger     *zap.Logger
	telemetry  *metadata.TelemetryBuilder

	stop     context.CancelFunc
	stopOnce sync.Once
	running  sync.WaitGroup
}

func newKeyChecker(set extension.Settings, registry component.ID) (*keyChecker, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &keyChecker{
		registryID: registry, now: time.Now, refusals: newRefusals(),
		logger: set.Logger, telemetry: telemetry,
	}, nil
}

// Start implements component.Component.
func (c *keyChecker) Start(_ context.Context, host component.Host) error {
	registry, err := tenant.FindRegistry(host, c.registryID)
	if err != nil {
		return err
	}
	c.registry = registry
	if err := c.telemetry.RegisterExtensionBearerKeyAuthRequestsCallback(c.observe); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.running.Go(func() { c.logFailures(ctx) })
	return nil
}

// Shutdown implements component.Component.
func (c *keyChecker) Shutdown(context.Context) error {
	c.stopOnce.Do(func() {
		if c.stop != nil {
			c.stop()
		}
		c.running.Wait()
		c.telemetry.Shutdown()
	})
	return nil
}

// Authenticate implements extensionauth.Server. It takes no lock and does no I/O.
func (c *keyChecker) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	identity, d := c.decide(client.FromContext(ctx).Addr, headers)
	c.tally.add(d)
	if d.refused() {
		return ctx, c.refusals[d]
	}
	return tenant.NewContext(ctx, identity), nil
}

// decide tells whose request with headers it is that came from addr.
func (c *keyChecker) decide(addr net.Addr, headers map[string][]string) (*tenant.Identity, decision) {
	text, why := readKey(headers)
	if why != accepted {
		return nil, why
	}
	if _, err := apikey.ID(text); err != nil {
		return nil, malformedKey
	}
	if c.registry == nil {
		return tenant.Undecided(), undecided
	}
	snapshot := c.registry.Snapshot()
	if snapshot == nil {
		return tenant.Undecided(), undecided
	}
	key := snapshot.Key(apikey.Digest(text))
	if key == nil || key.Tenant().Status == tenant.StatusDeleted {
		return nil, unknownKey
	}
	if why := c.check(addr, key); why != accepted {
		return nil, why
	}
	if !namesOnly(headers, key.Tenant().ID) {
		return nil, tenantHeader
	}
	return key.Identity(), accepted
}

// check tells whether key may be used now and from addr.
func (c *keyChecker) check(addr net.Addr, key *tenant.Key) decision {
	if !key.RevokedAt.IsZero() {
		return revokedKey // a time to come counts too: clocks of operators run ahead
	}
	if !key.NotBefore.IsZero() && c.now().Before(key.NotBefore) {
		return notYetValid
	}
	if !key.ExpiresAt.IsZero() && !c.now().Before(key.ExpiresAt) {
		return expiredKey
	}
	if len(key.SourceCIDRs) > 0 && !contains(key.SourceCIDRs, addr) {
		return sourceAddress
	}
	return accepted
}

// contains tells whether addr is an IP address within one of prefixes.
func contains(prefixes []netip.Prefix, addr net.Addr) bool {
	var raw net.IP
	switch a := addr.(type) {
	case *net.IPAddr: // confighttp
		raw = a.IP
	case *net.TCPAddr: // configgrpc
		raw = a.IP
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok {
		return false
	}
	ip = ip.Unmap()
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func (c *keyChecker) observe(_ context.Context, o metric.Int64Observer) error {
	for d := range numDecisions {
		if n := c.tally[d].Load(); n > 0 {
			o.Observe(n, metric.WithAttributes(attribute.String("decision", d.String())))
		}
	}
	return nil
}

func (c *keyChecker) logFailures(ctx context.Context) {
	tick := time.NewTicker(failureLogInterval)
	defer tick.Stop()
	var logged [numDecisions]int64
	for {
		select {
		case <-ctx.Done():
			c.logNewFailures(&logged)
			return
		case <-tick.C:
			c.logNewFailures(&logged)
		}
	}
}

// logNewFailures writes one line with how many requests were refused since the
// counts in logged, by reason, and brings logged up to date.
func (c *keyChecker) logNewFailures(logged *[numDecisions]int64) {
	var fields []zap.Field
	for d := range numDecisions {
		n := c.tally[d].Load()
		if d.refused() && n > logged[d] {
			fields = append(fields, zap.Int64(d.String(), n-logged[d]))
		}
		logged[d] = n
	}
	if len(fields) > 0 {
		c.logger.Warn("refused requests without a valid API key", fields...)
	}
}
