package bearerkeyauthextension

import (
	"context"
	"net"
	"time"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var _ extensionmiddleware.GRPCServer = (*keyChecker)(nil)

// A shutdown or reload of a receiver waits for all of gRPC's connections and
// calls without a bound of its own, so that one stranger who says nothing, or one
// machine that died halfway through a message, would hold it.
const (
	// connectTimeout is how long a connection may take to become one of gRPC.
	connectTimeout = 10 * time.Second

	// callTimeout is how long a call may take. Senders give up sooner.
	callTimeout = 30 * time.Second
)

// GetGRPCServerOptions implements extensionmiddleware.GRPCServer. Under a
// receiver's `middlewares` the extension refuses callers when their headers have
// arrived. Under `auth` alone it is asked only after gRPC has received,
// decompressed and decoded the whole message.
func (c *keyChecker) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	return []grpc.ServerOption{grpc.InTapHandle(c.tap), grpc.ConnectionTimeout(c.connectTimeout)}, nil
}

// tap runs on the connection's read loop, so it must neither block nor panic. It
// accepts nobody: Authenticate decides again, with the registry of that moment, and
// counts whom it lets in.
func (c *keyChecker) tap(ctx context.Context, info *tap.Info) (with context.Context, err error) {
	defer c.recovery.Catch("looking at the headers of a call", &err)
	var addr net.Addr
	if p, ok := peer.FromContext(ctx); ok {
		addr = p.Addr
	}
	now := c.now()
	key, d := c.decide(addr, info.Header, now)
	if d.refused() {
		c.tally.add(d)
		c.failures.note(addr, d, now)
		return ctx, c.refusals[d]
	}
	if d, err := c.mayCall(key, info.FullMethodName); err != nil {
		c.tally.add(d)
		return ctx, err
	}
	bounded, cancel := context.WithTimeout(ctx, c.callTimeout)
	context.AfterFunc(ctx, cancel) // gRPC ends the parent with the call
	return bounded, nil
}

// mayCall returns the error of a caller whose key is good, or cannot be checked yet,
// but whose data would be refused by whatever comes next.
func (c *keyChecker) mayCall(key *tenant.Key, method string) (decision, error) {
	signal, known := tenant.SignalOfMethod(method)
	switch {
	case key == nil:
		return undecided, rejection.ForIdentity(rejection.NotLoaded, "")
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
		all[s] = rejection.ForIdentity(rejection.Scope, s.String())
	}
	return all
}
