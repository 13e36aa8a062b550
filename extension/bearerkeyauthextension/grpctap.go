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

var _ extensionmiddleware.GRPCServer = (*keyChecker)(nil)

// A shutdown or reload of the otlp receiver waits for all of gRPC's connections and
// calls without a bound of its own, so that one stranger who says nothing, or one
// machine that failed halfway through a message, would hold it.
const (
	// connectTimeout is how long a connection may take to become one of gRPC.
	connectTimeout = 10 * time.Second

	// callTimeout is how long a call may take. Senders give up sooner.
	callTimeout = 30 * time.Second

	// refusedTimeout is how long a refused call may take that is not refused at once.
	refusedTimeout = time.Second
)

// GetGRPCServerOptions implements extensionmiddleware.GRPCServer. Under a
// receiver's `middlewares` the extension refuses callers when their headers have
// arrived. Under `auth` alone it is asked only after gRPC has received,
// decompressed and decoded the whole message. A receiver that admits calls before it
// reads them needs neither this nor the time-outs, which would end slow uploads.
func (c *keyChecker) GetGRPCServerOptions(ctx context.Context) ([]grpc.ServerOption, error) {
	if guard.AdmitsFirst(ctx) {
		return nil, nil
	}
	return []grpc.ServerOption{grpc.InTapHandle(c.tap), grpc.ConnectionTimeout(c.connectTimeout)}, nil
}

// tap runs on the connection's read loop, so it must neither block nor panic. It
// accepts no caller: Authenticate decides again, with the registry of that moment, and
// counts those that it accepts.
func (c *keyChecker) tap(ctx context.Context, info *tap.Info) (with context.Context, err error) {
	defer c.recovery.Catch("looking at the headers of a call", &err)
	var addr, source net.Addr
	if p, ok := peer.FromContext(ctx); ok {
		addr, source = c.proxies.client(p.Addr, info.Header)
	}
	now := c.now()
	key, d := c.decide(source, info.Header, now)
	var refused error
	if d.unauthenticated() {
		refused = c.answers[d]
	} else {
		d, refused = c.mayCall(key, info.FullMethodName)
	}
	if refused == nil {
		return bound(ctx, c.callTimeout), nil
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > c.callTimeout {
		// gRPC keeps the timer of a call that is refused here until its deadline, which
		// the caller chooses. Authenticate, or what follows it, refuses this one.
		return bound(ctx, refusedTimeout), nil
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
	return ctx, refused
}

// bound returns ctx with a time-out. Its timer ends with ctx, which gRPC ends with the
// call.
func bound(ctx context.Context, timeout time.Duration) context.Context {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	context.AfterFunc(ctx, cancel)
	return bounded
}

// mayCall returns the error of a caller whose key is good, or cannot be checked yet,
// but whose data would be refused by whatever comes next.
func (c *keyChecker) mayCall(key *tenant.Key, method string) (decision, error) {
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

// outOfScope are the errors of keys that may not send a signal.
func outOfScope() map[tenant.Signal]error {
	all := make(map[tenant.Signal]error)
	for _, s := range tenant.AllSignals() {
		all[s] = rejection.Of(rejection.Scope, s)
	}
	return all
}
