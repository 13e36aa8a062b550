package bearerkeyauthextension

import (
	"context"
	"net"
	"time"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"
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
	if _, d := c.decide(addr, info.Header, now); d.refused() {
		c.tally.add(d)
		c.failures.note(addr, d, now)
		return ctx, c.refusals[d]
	}
	bounded, cancel := context.WithTimeout(ctx, c.callTimeout)
	context.AfterFunc(ctx, cancel) // gRPC ends the parent with the call
	return bounded, nil
}
