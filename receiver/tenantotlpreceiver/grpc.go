// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

const (
	// defaultMessageSize is gRPC's own default of max_recv_msg_size_mib.
	defaultMessageSize = 4 << 20

	// proxyIdleTimeout is after how long the usual proxies close idle connections of
	// their pools. They must not use a connection that has just ended here.
	proxyIdleTimeout = 60 * time.Second

	// defaultStreams is the default of max_concurrent_streams.
	defaultStreams = 64

	// streamWindow is how much of a message may arrive before it is read. It is enough
	// for 2.5 MB/s over a distance of 100 ms. gRPC would raise it to 16 MiB by what it
	// measures, which is in the sender's hand.
	streamWindow     = 256 << 10
	connectionWindow = 1 << 20
)

// grpcServer is OTLP/gRPC.
type grpcServer struct {
	*intake
	inFlight guardedhttp.InFlight
	server   *grpc.Server
	listener *trackingListener
	limits   guard.BodyLimits
}

// newGRPCServer returns a server that listens but does not serve yet.
func newGRPCServer(ctx context.Context, cfg configgrpc.ServerConfig, host component.Host, set component.TelemetrySettings, in *intake) (*grpcServer, error) {
	size := int64(cfg.MaxRecvMsgSizeMiB) << 20
	if size <= 0 {
		size = defaultMessageSize
	}
	if cfg.MaxConcurrentStreams == 0 {
		cfg.MaxConcurrentStreams = defaultStreams
	}
	if k := cfg.Keepalive; k.HasValue() && k.Get().ServerParameters.HasValue() {
		if idle := k.Get().ServerParameters.Get().MaxConnectionIdle; idle > 0 && idle <= proxyIdleTimeout {
			set.Logger.Warn("max_connection_idle is not longer than proxies keep idle connections, which lose requests that they send over a connection as it ends",
				zap.Duration("max_connection_idle", idle), zap.Duration("longer_than", proxyIdleTimeout))
		}
	}
	g := &grpcServer{intake: in, limits: bodyLimits(size)}
	creds, err := newFrameCredentials(ctx, &cfg, in.guard)
	if err != nil {
		return nil, err
	}
	options := append(in.guard.GRPCOptions(),
		grpc.Creds(creds),
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		// Outside of all others, which may panic too.
		grpc.StreamInterceptor(g.intercept),
	)
	if cfg.ReadBufferSize > 0 {
		options = append(options, grpc.ReadBufferSize(cfg.ReadBufferSize))
	}
	wrapped := make([]configgrpc.ToServerOption, 0, len(options))
	for _, o := range options {
		wrapped = append(wrapped, configgrpc.WithGrpcServerOption(o))
	}
	if g.server, err = cfg.ToServer(guard.AdmittingServer(ctx), host.GetExtensions(), set, wrapped...); err != nil {
		return nil, err
	}
	for _, s := range in.services {
		g.server.RegisterService(g.describe(s), nil)
	}
	listener, err := cfg.NetAddr.Listen(ctx)
	if err != nil {
		g.server.Stop()
		return nil, err
	}
	g.listener = track(in.guard.Listener(listener))
	return g, nil
}

// describe returns the service with its unary method as a stream, which is the same
// on the wire. gRPC reads, decompresses and decodes the message of a unary method
// before it asks any interceptor.
func (g *grpcServer) describe(s *service) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: s.name,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "Export",
			Handler:    func(_ any, stream grpc.ServerStream) error { return g.export(s, stream) },
		}},
	}
}

func (g *grpcServer) export(s *service, stream grpc.ServerStream) error {
	ctx := stream.Context()
	transport, ok := grpc.ServerTransportStreamFromContext(ctx).(transportStream)
	if !ok {
		return errors.New("gRPC's transport has no stream to read from")
	}
	_, err := g.accept(ctx, s, formatProtobuf, func(r *guard.Request) ([]byte, error) { return g.read(ctx, transport, r) })
	if err != nil {
		return err
	}
	answer, err := s.accepted.MarshalProto()
	if err != nil {
		return err
	}
	return stream.SendMsg(answer)
}

// read reads the one message of a call.
func (g *grpcServer) read(ctx context.Context, stream transportStream, r *guard.Request) ([]byte, error) {
	m := &message{stream: stream}
	defer m.Close()
	if err := m.begin(time.Now().Add(g.patience)); err != nil {
		return nil, unread(r, err)
	}
	data, err := r.ReadBody(m, m.request(ctx), g.limits)
	if err != nil {
		return nil, err
	}
	if err := m.end(time.Now().Add(g.patience)); err != nil {
		return nil, unread(r, err)
	}
	return data, nil
}

// unread returns the answer to a call whose frames are not one message.
func unread(r *guard.Request, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = tooSlow()
	}
	var known *rejection.Error
	if errors.As(err, &known) {
		return r.Count(known)
	}
	return err
}

// intercept is around everything that happens to a call once its headers have
// arrived.
func (g *grpcServer) intercept(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	g.inFlight.Start()
	defer g.inFlight.End()
	err := g.guard.Protect(g.protocol, func() error { return handler(srv, stream) })
	if err == nil {
		return nil
	}
	return cut(g.answer(stream.Context(), err).GRPCStatus()).Err()
}

// Serve serves until Shutdown.
func (g *grpcServer) Serve() error {
	if err := g.guard.Protect(g.protocol, func() error { return g.server.Serve(g.listener) }); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("grpc: %w", err)
	}
	return nil
}

// Shutdown lets calls in flight end until ctx is done, and then ends them. It returns
// how many it ended.
func (g *grpcServer) Shutdown(ctx context.Context) (ended int64) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		g.server.GracefulStop()
	}()
	ended = g.inFlight.Drain(ctx, stopped)
	// gRPC itself would wait for handshakes.
	g.listener.closeConnections()
	g.server.Stop()
	<-stopped
	return ended
}

// Wait returns when no call is in flight or ctx is done, and how many are in flight then.
func (g *grpcServer) Wait(ctx context.Context) int64 { return g.inFlight.Wait(ctx) }

// Addr returns the address that the server listens on.
func (g *grpcServer) Addr() net.Addr { return g.listener.Addr() }

// rawCodec hands bytes through: requests are read by the receiver itself, and
// answers are encoded already.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

// Name implements encoding.CodecV2.
func (rawCodec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	data, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("cannot send a %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (rawCodec) Unmarshal(mem.BufferSlice, any) error {
	return errors.New("messages are read from the stream")
}
