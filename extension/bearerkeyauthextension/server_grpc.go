// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"net"
	"time"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var _ extensionmiddleware.GRPCServer = (*serverAuth)(nil)

// A shutdown or reload of the otlp receiver waits without a limit for all gRPC
// connections and calls. Without these timeouts, one idle connection or one incomplete
// message would block it.
const (
	// connectTimeout limits the handshake of a connection.
	connectTimeout = 10 * time.Second

	// callTimeout limits a call. Most clients have shorter timeouts.
	callTimeout = 30 * time.Second

	// rejectedTimeout limits a rejected call that tap does not end itself.
	rejectedTimeout = time.Second
)

// GetGRPCServerOptions implements extensionmiddleware.GRPCServer. Listed under the
// middlewares of a receiver, the extension rejects callers as soon as their headers
// have arrived. Listed under auth only, it runs after gRPC has received, decompressed
// and decoded the whole message. A receiver that authenticates calls before it reads
// them needs neither this nor the timeouts, which would end slow uploads.
func (c *serverAuth) GetGRPCServerOptions(ctx context.Context) ([]grpc.ServerOption, error) {
	if guard.AdmitsFirst(ctx) {
		return nil, nil
	}
	return []grpc.ServerOption{grpc.InTapHandle(c.tap), grpc.ConnectionTimeout(c.connectTimeout)}, nil
}

// tap rejects calls by their headers. It runs in the read loop of the connection and
// must neither block nor panic. It does not count accepted calls: Authenticate decides
// again, with the registry at that time, and counts them.
func (c *serverAuth) tap(ctx context.Context, info *tap.Info) (with context.Context, err error) {
	defer c.recovery.Catch("checking the headers of a call", &err)
	var addr, source net.Addr
	if p, ok := peer.FromContext(ctx); ok {
		addr, source = c.proxies.client(p.Addr, info.Header)
	}
	now := c.now()
	key, d := c.decide(source, info.Header, now)
	var answer error
	if d.unauthenticated() {
		answer = c.answers[d]
	} else {
		d, answer = c.mayCall(key, info.FullMethodName)
	}
	if answer == nil {
		return bound(ctx, c.callTimeout), nil
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > c.callTimeout {
		// gRPC keeps the timer of a call that is rejected here until its deadline, which
		// the caller chooses. Authenticate or the next consumer rejects this call.
		return bound(ctx, rejectedTimeout), nil
	}
	c.tally.add(d)
	var signals tenant.Signals
	if signal, ok := tenant.SignalOfMethod(info.FullMethodName); ok {
		signals = tenant.NewSignals(signal)
	}
	c.rejected(key, d, signals, addr)
	if d.unauthenticated() {
		c.failures.note(addr, d, key != nil, now)
	}
	return ctx, answer
}

// bound returns ctx with a timeout. The timer is released when ctx ends, which is when
// the call ends.
func bound(ctx context.Context, timeout time.Duration) context.Context {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	context.AfterFunc(ctx, cancel)
	return bounded
}

// mayCall returns the answer to a caller whose key is valid or cannot be checked yet,
// but whose data a later component would reject.
func (c *serverAuth) mayCall(key *tenant.Key, method string) (decision, error) {
	signal, known := tenant.SignalOfMethod(method)
	switch {
	case key == nil:
		return undecided, rejection.Of(rejection.NotLoaded)
	case key.Tenant().Status == tenant.StatusSuspended:
		return suspended, c.suspended
	case known && !key.Scopes.Has(signal):
		return scope, c.outOfScope[signal]
	}
	return accepted, nil
}

// outOfScope returns the answers to callers whose key may not send a signal.
func outOfScope() map[tenant.Signal]error {
	all := make(map[tenant.Signal]error)
	for _, s := range tenant.AllSignals() {
		all[s] = rejection.Of(rejection.Scope, s)
	}
	return all
}
