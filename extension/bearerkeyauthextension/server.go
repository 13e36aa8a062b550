// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// serverAuth authenticates incoming requests. It rejects requests only because of their
// key and headers. The tenant processor rejects requests of suspended tenants, signals
// outside the scopes of a key, and requests before the registry has loaded: over HTTP
// every rejection by an authenticator becomes a 401.
type serverAuth struct {
	registryID component.ID
	registry   tenant.Registry
	now        func() time.Time
	answers    [numDecisions]*rejection.Error
	tally      tally
	failures   *failures
	audit      *failureAudit // nil: not configured
	keyUse     *keyUse
	telemetry  *metadata.TelemetryBuilder
	recovery   *recovery.Recoverer
	proxies    *proxies
	rejections *rejections
	boards     rejection.Boards  // others than this extension
	activity   *activity.Tracker // nil: there is none

	connectTimeout, callTimeout time.Duration // over gRPC
	suspended                   error         // over gRPC
	outOfScope                  map[tenant.Signal]error

	stopOnce sync.Once
	running  sync.WaitGroup
}

// newServerAuth returns the server for a configuration with a registry.
func newServerAuth(set extension.Settings, cfg *Config) (*serverAuth, error) {
	failures, err := newFailures(cfg.Failures, set.Logger)
	if err != nil {
		return nil, fmt.Errorf("failures: %w", err)
	}
	proxies, err := newProxies(cfg, set.Logger)
	if err != nil {
		return nil, err
	}
	if cfg.Rejections.TenantMetrics {
		set.Logger.Warn(`"rejections::tenant_metrics" is deprecated, use "metrics::tenant"`)
	}
	rejections, err := newRejections(cfg.Metrics.Tenant || cfg.Rejections.TenantMetrics, set.Logger)
	if err != nil {
		return nil, fmt.Errorf("rejections: %w", err)
	}
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &serverAuth{
		proxies: proxies, rejections: rejections,
		registryID: *cfg.Registry, now: time.Now, answers: newAnswers(),
		failures: failures, keyUse: newKeyUse(cfg.KeyUse, set.Logger), telemetry: telemetry,
		recovery:       recovery.New(set.Logger),
		audit:          newFailureAudit(cfg.Failures.Audit, set.ID.String(), failures.sources, set.Logger, time.Now),
		connectTimeout: connectTimeout, callTimeout: callTimeout,
		suspended: rejection.Of(rejection.Suspended), outOfScope: outOfScope(),
	}, nil
}

// Start implements component.Component.
func (c *serverAuth) Start(_ context.Context, host component.Host) error {
	registry, err := tenant.FindRegistry(host, c.registryID)
	if err != nil {
		return err
	}
	c.registry = registry
	c.activity = activity.Find(host)
	for _, board := range rejection.FindBoards(host) {
		if !c.is(board) {
			c.boards = append(c.boards, board)
		}
	}
	if err := c.telemetry.RegisterExtensionBearerKeyAuthRequestsCallback(c.observe); err != nil {
		return err
	}
	if err := c.telemetry.RegisterExtensionBearerKeyAuthThrottledRequestsCallback(c.observeThrottled); err != nil {
		return err
	}
	if err := c.telemetry.RegisterExtensionBearerKeyAuthPanicsCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(c.recovery.Count())
		return nil
	}); err != nil {
		return err
	}
	if err := c.rejections.register(c.telemetry, registry); err != nil {
		return err
	}
	if err := c.proxies.register(c.telemetry); err != nil {
		return err
	}
	if c.keyUse.cfg.Metric {
		if err := c.telemetry.RegisterExtensionBearerKeyAuthKeyLastUseTimestampCallback(c.keyUse.observe); err != nil {
			return err
		}
	}
	if c.audit != nil {
		if err := c.audit.register(c.telemetry); err != nil {
			return err
		}
		c.recovery.Keep(c.failures.stopped, &c.running, "writing the audit log", func() { c.audit.run(c.failures.stopped) })
	}
	c.keyUse.start(registry, c.recovery)
	now := c.now
	c.recovery.Keep(c.failures.stopped, &c.running, "logging rejected requests", func() {
		c.failures.run(now, func(now time.Time, last bool) {
			c.rejections.report(now, last)
			c.proxies.report(now)
		})
	})
	return nil
}

// Shutdown implements component.Component.
func (c *serverAuth) Shutdown(ctx context.Context) (err error) {
	c.stopOnce.Do(func() {
		c.failures.stop()
		err = c.wait(ctx)
		c.keyUse.close()
		c.telemetry.Shutdown()
	})
	return err
}

// wait waits until the background goroutines have written their remaining data or ctx
// ends.
func (c *serverAuth) wait(ctx context.Context) error {
	done := make(chan struct{})
	var waiting sync.WaitGroup
	c.recovery.Go(&waiting, "waiting for logs", func() {
		defer close(done)
		c.running.Wait()
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("writing logs: %w", context.Cause(ctx))
	}
}

// Authenticate implements extensionauth.Server. It does no I/O and takes no lock for an
// accepted request. After a panic the request is undecided: the tenant processor
// answers that the caller should retry.
func (c *serverAuth) Authenticate(ctx context.Context, headers map[string][]string) (with context.Context, err error) {
	defer func() {
		if recovery.Is(err) {
			with, err = tenant.NewContext(ctx, tenant.Undecided()), nil
		}
	}()
	defer c.recovery.Catch("authenticating", &err)
	conn := client.FromContext(ctx).Addr
	addr, source := c.proxies.client(conn, headers)
	now := c.now()
	key, d := c.decide(source, headers, now)
	c.tally.add(d)
	if d.unauthenticated() {
		c.rejected(key, d, tenant.Signals(0), addr)
		if c.failures.note(addr, d, key != nil, now) {
			c.failures.wait(ctx, conn)
		}
		return ctx, c.answers[d]
	}
	if key == nil {
		return tenant.NewContextFrom(ctx, tenant.Undecided(), addr), nil
	}
	key.Use(now)
	c.activity.Key(key.ID).Use(now, addr, headers)
	return tenant.NewContextFrom(ctx, key.Identity(), addr), nil
}

// rejected counts a request that is rejected with the decision d. key is nil if it is not
// known.
func (c *serverAuth) rejected(key *tenant.Key, d decision, signal tenant.Signals, addr net.Addr) {
	r := rejection.Rejected{Reason: d.reason().String(), Signal: signal, Client: addr}
	if key != nil {
		r.Tenant, r.KeyID = key.Tenant().ID, key.ID
		if d == unknownKey { // the registry has the key, and its tenant is deleted
			r.Reason = rejection.TenantDeleted.String()
		}
		c.PostRejection(r)
	}
	if r.Reason == "" { // the request is undecided
		return
	}
	for _, board := range c.boards {
		board.PostRejection(r)
	}
}

// is reports whether board is this extension.
func (c *serverAuth) is(board rejection.Board) bool {
	switch b := board.(type) {
	case serverExtension:
		return b.serverAuth == c
	case bothExtension:
		return b.serverAuth == c
	}
	return false
}

// PostRejection implements rejection.Board.
func (c *serverAuth) PostRejection(r rejection.Rejected) { c.rejections.add(r) }

// decide returns the key with which a request with headers came from source and what
// becomes of the request. source is nil if it is unknown. The key is nil if the
// request is undecided or has no key of the registry.
func (c *serverAuth) decide(source net.Addr, headers map[string][]string, now time.Time) (*tenant.Key, decision) {
	sent, why := readCredentials(headers)
	if why != accepted {
		return nil, why
	}
	if c.registry == nil {
		return nil, undecided
	}
	snapshot := c.registry.Snapshot()
	if snapshot == nil {
		return nil, undecided
	}
	key := snapshot.Key(apikey.Digest(sent.key))
	switch {
	case key == nil:
		return nil, unknownKey
	case key.Tenant().Status == tenant.StatusDeleted:
		return key, unknownKey
	case !sent.matches(key.Tenant().ID):
		return key, wrongUsername
	}
	if why := check(key, source, now); why != accepted {
		return key, why
	}
	if !originAllowed(headers, key.Origins) {
		return key, pageOrigin
	}
	if !namesOnly(headers, key.Tenant().ID) {
		return key, tenantHeader
	}
	return key, accepted
}

// check reports whether key may be used now and from source.
func check(key *tenant.Key, source net.Addr, now time.Time) decision {
	if !key.RevokedAt.IsZero() {
		return revokedKey // also in the future: the clock of the operator may be ahead
	}
	if !key.NotBefore.IsZero() && now.Before(key.NotBefore) {
		return notYetValid
	}
	if !key.ExpiresAt.IsZero() && !now.Before(key.ExpiresAt) {
		return expiredKey
	}
	if len(key.SourceCIDRs) > 0 && !contains(key.SourceCIDRs, source) {
		return sourceAddress
	}
	return accepted
}

// contains reports whether addr is an IP address in one of prefixes.
func contains(prefixes []netip.Prefix, addr net.Addr) bool {
	ip := clientaddr.Of(addr)
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func (c *serverAuth) observe(_ context.Context, o metric.Int64Observer) error {
	for d := range numDecisions {
		o.Observe(c.tally[d].Load(), metric.WithAttributes(attribute.String("decision", d.String())))
	}
	return nil
}

func (c *serverAuth) observeThrottled(_ context.Context, o metric.Int64Observer) error {
	o.Observe(c.failures.throttled.Load())
	return nil
}
