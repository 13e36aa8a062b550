// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"context"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// logsServer is a scripted OTLP server over gRPC.
type logsServer struct {
	plogotlp.UnimplementedGRPCServer
	export func(ctx context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error)
}

func (s *logsServer) Export(ctx context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	return s.export(ctx, r)
}

func serveGRPC(t *testing.T, export func(context.Context, plogotlp.ExportRequest) (plogotlp.ExportResponse, error)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	plogotlp.RegisterGRPCServer(s, &logsServer{export: export})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		assert.NoError(t, <-done)
	})
	return l.Addr().String()
}

func TestGRPC_Answers(t *testing.T) {
	failure := func(code codes.Code, delay time.Duration) error {
		st := status.New(code, "because")
		if delay > 0 {
			with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
			require.NoError(t, err)
			st = with
		}
		return st.Err()
	}
	for _, c := range []struct {
		name     string
		err      error
		rejected int64
		message  string
		want     lane.Result
	}{
		{name: "OK"},
		{name: "partial success", rejected: 1, message: "too old", want: lane.Result{Rejected: 1, Reason: "partial_success"}},
		{name: "a message alone", message: "careful", want: lane.Result{Reason: "partial_success"}},
		{name: "unavailable", err: failure(codes.Unavailable, 0), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_unavailable"}},
		{name: "unavailable with a delay", err: failure(codes.Unavailable, 9*time.Second), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_unavailable", RetryAfter: 9 * time.Second}},
		{name: "exhausted with a delay", err: failure(codes.ResourceExhausted, time.Second), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_resourceexhausted", RetryAfter: time.Second}},
		{name: "exhausted without a delay", err: failure(codes.ResourceExhausted, 0), want: lane.Result{Verdict: lane.TooLarge, Reason: "grpc_resourceexhausted"}},
		{name: "canceled", err: failure(codes.Canceled, 0), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_canceled"}},
		{name: "deadline", err: failure(codes.DeadlineExceeded, 0), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_deadlineexceeded"}},
		{name: "aborted", err: failure(codes.Aborted, 0), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_aborted"}},
		{name: "out of range", err: failure(codes.OutOfRange, 0), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_outofrange"}},
		{name: "data loss", err: failure(codes.DataLoss, 0), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_dataloss"}},
		{name: "unauthenticated", err: failure(codes.Unauthenticated, 0), want: lane.Result{Verdict: lane.Blocked, Reason: "grpc_unauthenticated"}},
		{name: "permission denied", err: failure(codes.PermissionDenied, 0), want: lane.Result{Verdict: lane.Blocked, Reason: "grpc_permissiondenied"}},
		{name: "not found", err: failure(codes.NotFound, 0), want: lane.Result{Verdict: lane.Blocked, Reason: "grpc_notfound"}},
		{name: "unimplemented", err: failure(codes.Unimplemented, 0), want: lane.Result{Verdict: lane.Blocked, Reason: "grpc_unimplemented"}},
		{name: "invalid", err: failure(codes.InvalidArgument, 0), want: lane.Result{Verdict: lane.Rejected, Reason: "grpc_invalidargument"}},
		{name: "internal", err: failure(codes.Internal, 0), want: lane.Result{Verdict: lane.Rejected, Reason: "grpc_internal"}},
		{name: "a code that nobody knows", err: failure(codes.Code(4711), 0), want: lane.Result{Verdict: lane.Rejected, Reason: "grpc_other"}},
		{name: "a delay beyond all bounds", err: failure(codes.Unavailable, 1<<62), want: lane.Result{Verdict: lane.Retry, Reason: "grpc_unavailable", RetryAfter: 1 << 62}},
		{name: "too large for the server", err: status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5000000 vs. 4194304)"), want: lane.Result{Verdict: lane.TooLarge, Reason: "grpc_resourceexhausted"}},
		{name: "unknown", err: failure(codes.Unknown, 0), want: lane.Result{Verdict: lane.Rejected, Reason: "grpc_unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := serveGRPC(t, func(context.Context, plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
				r := plogotlp.NewExportResponse()
				r.PartialSuccess().SetRejectedLogRecords(c.rejected)
				r.PartialSuccess().SetErrorMessage(c.message)
				return r, c.err
			})
			got := send(t, overGRPC(t, profile(t, "otlp"), addr, nil), logsBatch(t, "x"))
			if c.err == nil && c.message == "" {
				require.NoError(t, got.Err)
			} else {
				require.Error(t, got.Err)
			}
			got = bare(got)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestGRPC_BrokenServers(t *testing.T) {
	hang := serveGRPC(t, func(ctx context.Context, _ plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
		<-ctx.Done()
		return plogotlp.NewExportResponse(), ctx.Err()
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\nhello, this is not gRPC"))
			_ = conn.Close()
		}
	}()
	secure := httptest.NewUnstartedServer(answer(200, "", ""))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	for name, c := range map[string]struct {
		endpoint string
		secure   bool
		reason   string
		verdict  lane.Verdict
	}{
		"refused":      {"127.0.0.1:1", false, "connection_refused", lane.Retry},
		"unknown host": {"no-such-host.invalid:4317", false, "dns", lane.Retry},
		"no answer":    {hang, false, "grpc_deadlineexceeded", lane.Retry},
		"not gRPC":     {l.Addr().String(), false, "grpc_unavailable", lane.Retry},
		"no TLS":       {hang, true, "tls", lane.Blocked},
		// The certificate is of an authority that nobody knows.
		"unknown authority": {strings.TrimPrefix(secure.URL, "https://"), true, "tls", lane.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, overGRPC(t, profile(t, "otlp"), c.endpoint, func(g *GRPCSettings) {
				g.Client.TLS.Insecure = !c.secure
				if c.reason == "grpc_deadlineexceeded" {
					g.Timeout = 500 * time.Millisecond
				}
			}), logsBatch(t, "x"))
			assert.Equal(t, c.verdict, got.Verdict, "%v", got.Err)
			assert.Equal(t, c.reason, got.Reason, "%v", got.Err)
			assert.Less(t, len(got.Err.Error()), 500)
		})
	}
}

// A server that answers has taken the request, whatever the answer looks like, and it
// counts apart if that is none of OTLP.
func TestGRPC_AnAnswerThatIsTooLongOrGarbage(t *testing.T) {
	for name, respond := range map[string]func(stream grpc.ServerStream) error{
		"too long":            func(s grpc.ServerStream) error { return s.SendMsg(bytes.Repeat([]byte("x"), 8<<20)) },
		"too long by a byte":  func(s grpc.ServerStream) error { return s.SendMsg(make([]byte, maxGRPCAnswer+1)) },
		"garbage":             func(s grpc.ServerStream) error { return s.SendMsg([]byte{0xff, 0xff, 0xff}) },
		"garbage of a length": func(s grpc.ServerStream) error { return s.SendMsg(bytes.Repeat([]byte{0x0a}, 5000)) },
	} {
		for _, compression := range []string{"none", "gzip"} {
			t.Run(name+" "+compression, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				s := grpc.NewServer(grpc.ForceServerCodecV2(bytesCodec{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
					var request []byte
					if err := stream.RecvMsg(&request); err != nil {
						return err
					}
					return respond(stream)
				}))
				done := make(chan error, 1)
				go func() { done <- s.Serve(l) }()
				got := send(t, overGRPC(t, profile(t, "otlp"), l.Addr().String(), func(g *GRPCSettings) {
					require.NoError(t, g.Client.Compression.UnmarshalText([]byte(compression)))
				}), logsBatch(t, "x"))
				want := lane.Result{}
				if strings.HasPrefix(name, "garbage") {
					require.ErrorContains(t, got.Err, "none of OTLP")
					got.Err, want = nil, lane.Result{Reason: "not_otlp", Unexpected: true}
				}
				assert.Equal(t, want, got)
				s.Stop()
				assert.NoError(t, <-done)
			})
		}
	}
}

func TestGRPC_BoundsTheHeaderOfAnAnswer(t *testing.T) {
	address := serveGRPC(t, func(ctx context.Context, _ plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
		return plogotlp.NewExportResponse(), grpc.SetTrailer(ctx, metadata.Pairs("x", strings.Repeat("y", 1<<20)))
	})
	got := send(t, overGRPC(t, profile(t, "otlp"), address, nil), logsBatch(t, "x"))
	assert.Equal(t, "grpc_internal", got.Reason, "%v", got.Err)
}

// bytesCodec is rawCodec of a server.
type bytesCodec struct{ rawCodec }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func TestGRPC_MergesPayloadsAndAppliesTheTenantsHeaders(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			var got []string
			addr := serveGRPC(t, func(ctx context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
				md, _ := metadata.FromIncomingContext(ctx)
				got = append(bodiesOf(r), md.Get("x-business-id")...)
				return plogotlp.NewExportResponse(), nil
			})
			d := overGRPC(t, profile(t, "signoz"), "http://"+addr, func(g *GRPCSettings) {
				require.NoError(t, g.Client.Compression.UnmarshalText([]byte(compression)))
			})
			require.NoError(t, send(t, d, logsBatch(t, "1", "2", "3")).Err)
			assert.Equal(t, []string{"1", "2", "3", "tenant-a"}, got)
		})
	}
}
