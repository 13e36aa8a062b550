// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

const (
	// maxHeaderList bounds the headers of a call: their names and values, and 32 bytes for
	// each. The default of gRPC is 16 MiB, which a client can send before its key is checked.
	maxHeaderList = 16 << 10

	// connectionTimeout bounds the handshakes of TLS and HTTP/2.
	connectionTimeout = 10 * time.Second

	// grpcReadBuffer is the size of the read buffer that an open connection holds. Larger
	// frames are read without it.
	grpcReadBuffer = 8 << 10

	// streamWindow is how many bytes of a call may arrive before the receiver reads them. It
	// is static, because gRPC would raise it to 16 MiB on fast networks.
	streamWindow = 64 << 10

	// connectionWindow is the same for all calls of a connection together.
	connectionWindow = 1 << 20
)

// GRPCOptions returns options of a gRPC server that bound the memory of unauthenticated
// clients. They contain no interceptor and no InTapHandle, of which a server accepts only one.
func (*Guard) GRPCOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.ReadBufferSize(grpcReadBuffer),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
	}
}

// admitsFirst is a context key.
type admitsFirst struct{}

// AdmittingServer returns a context for building a gRPC server. It says that the receiver
// admits a call before it reads the message, and bounds how long the message takes.
func AdmittingServer(ctx context.Context) context.Context {
	return context.WithValue(ctx, admitsFirst{}, true)
}

// AdmitsFirst reports whether ctx comes from [AdmittingServer]. Middlewares then must not bound
// calls a second time.
func AdmitsFirst(ctx context.Context) bool { return ctx.Value(admitsFirst{}) != nil }
