package guard

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

const (
	// maxHeaderList bounds the headers of a call, as their names and values and 32
	// bytes for each. gRPC's own default is 16 MiB, which a client may send before its
	// key is checked.
	maxHeaderList = 16 << 10

	// connectionTimeout bounds the handshakes of TLS and HTTP/2.
	connectionTimeout = 10 * time.Second

	// grpcReadBuffer is for frames that are smaller. Larger ones are read past it. A
	// connection holds it for as long as it is open.
	grpcReadBuffer = 8 << 10

	// streamWindow is how much of a call may arrive before the receiver reads it. It is
	// fixed: gRPC would raise it to 16 MiB on fast networks.
	streamWindow = 64 << 10

	// connectionWindow is the same of all calls of a connection together.
	connectionWindow = 1 << 20
)

// GRPCOptions returns the options of a gRPC server that bound what unauthenticated
// clients hold. They have neither an interceptor nor an InTapHandle, of which a server takes only one.
func (*Guard) GRPCOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.ReadBufferSize(grpcReadBuffer),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
	}
}

type admitsFirst struct{}

// AdmittingServer returns the context with which a receiver builds a gRPC server that
// admits a call before it reads its message, and bounds how long the message takes.
func AdmittingServer(ctx context.Context) context.Context {
	return context.WithValue(ctx, admitsFirst{}, true)
}

// AdmitsFirst reports whether ctx is of [AdmittingServer]. Middlewares then do not bound
// calls a second time.
func AdmitsFirst(ctx context.Context) bool { return ctx.Value(admitsFirst{}) != nil }
