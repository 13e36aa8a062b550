// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"go.opentelemetry.io/collector/config/configgrpc"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

type grpcTarget struct{ *site }

var _ lane.Target = (*grpcTarget)(nil)

type grpcClient struct {
	*grpc.ClientConn
	secrets   redact.Secrets              // in its settings
	auth      redact.Holder               // its authenticator; nil: none that has secrets
	forbidden atomic.Pointer[reach.Error] // why the last connection was not allowed
}

func (c *grpcClient) close() error { return c.Close() }

// dial connects to addresses that guard allows. It stores the error, because gRPC keeps the text of errors only.
func (c *grpcClient) dial(ctx context.Context, guard *reach.Guard, address string) (net.Conn, error) {
	conn, err := guard.DialContext(ctx, "tcp", address)
	var e *reach.Error
	errors.As(err, &e)
	c.forbidden.Store(e)
	return conn, err
}

var grpcMethods = [3]string{
	tenant.Logs:    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	tenant.Metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	tenant.Traces:  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}

// Send implements lane.Target.
func (t *grpcTarget) Send(ctx context.Context, b *lane.Batch) lane.Result {
	return t.attempt(func() lane.Result { return t.attemptOnce(ctx, b) })
}

func (t *grpcTarget) attemptOnce(ctx context.Context, b *lane.Batch) lane.Result {
	f, err := t.fill()
	if err != nil {
		return shown(misconfigured(err))
	}
	var secrets redact.Secrets // of the client
	return shown(t.send(ctx, b, f, &secrets), &f.secrets, &secrets)
}

// send adds the secrets of the client to secrets, which must not appear in the result.
func (t *grpcTarget) send(ctx context.Context, b *lane.Batch, f *filled, secrets *redact.Secrets) lane.Result {
	payloads, err := compress.ExpandAll(b.Payloads)
	if err != nil {
		return undecodable(err)
	}
	d := t.destination
	pooled, done, err := d.pool.use(t.transport+"\x01"+f.endpoint, func() (client, error) { return d.newGRPCClient(t, f.endpoint, secrets) })
	if err != nil {
		return misconfigured(fmt.Errorf("failed to create the client: %w", err))
	}
	defer done()
	c := pooled.(*grpcClient)
	secrets.AddAll(&c.secrets)
	addHeld(secrets, c.auth)
	defer addHeld(secrets, c.auth) // the authenticator may have new secrets by then
	call, cancel := context.WithTimeout(ctx, d.grpc.Timeout)
	defer cancel()
	md := make(metadata.MD, len(f.headers))
	for _, h := range f.headers {
		md.Set(strings.ToLower(h.name), h.value)
	}
	var answer []byte
	err = c.Invoke(metadata.NewOutgoingContext(call, md), grpcMethods[t.signal], payloads, &answer,
		grpc.ForceCodecV2(rawCodec{}), grpc.WaitForReady(d.grpc.Client.WaitForReady), grpc.MaxCallRecvMsgSize(maxGRPCAnswer))
	if answerTooLong(err) {
		return lane.Result{Verdict: lane.Delivered} // whatever its length, the server has accepted the request
	}
	if err != nil {
		if e := c.forbidden.Load(); e != nil && status.Code(err) == codes.Unavailable {
			return forbidden(e)
		}
		res := grpcResult(ctx, err)
		if foreignAnswer(err) && res.Verdict == lane.Rejected {
			from := f.endpoint
			if t.destination.endpoint.Sensitive(t.values) {
				from = ""
			}
			res = lane.Result{
				Verdict: lane.Blocked, Reason: "web_page", Unexpected: true, Class: healthboard.AnswerNotFound,
				Err: answerError{"not an answer of gRPC: ", words(from, status.Convert(err).Message())},
			}
		}
		if res.Verdict == lane.Blocked {
			t.forget()
		}
		return res
	}
	return t.limitReports(d.profile.accepted(t.signal, b.Records, answer, true, contentTypeProto, ""))
}

// foreignAnswer reports whether another kind of server answered, such as a web server. In gRPC only the text
// of the error shows that.
func foreignAnswer(err error) bool {
	return strings.Contains(status.Convert(err).Message(), "received unexpected content-type")
}

// newGRPCClient adds the secrets in the client's settings to secrets before it
// fails.
func (d *Destination) newGRPCClient(t *grpcTarget, endpoint string, secrets *redact.Secrets) (client, error) {
	own := &grpcClient{}
	defer func() { secrets.AddAll(&own.secrets) }()
	cfg := d.grpc.Client
	cfg.Endpoint, cfg.Headers = endpoint, nil // headers are per request
	if err := d.fill(&cfg, t.values, &own.secrets); err != nil {
		return nil, err
	}
	options := []configgrpc.ToClientConnOption{
		configgrpc.WithGrpcDialOption(grpc.WithUserAgent(d.pool.userAgent)),
		// Bound what a server can send. gRPC's default is 16 MiB, for windows too if a server sends
		// fast.
		configgrpc.WithGrpcDialOption(grpc.WithMaxHeaderListSize(maxAnswer)),
		configgrpc.WithGrpcDialOption(grpc.WithStaticStreamWindowSize(maxAnswer)),
		configgrpc.WithGrpcDialOption(grpc.WithStaticConnWindowSize(answerWindow)),
	}
	if d.guard != nil {
		// A proxy from the environment could connect to any address.
		options = append(options, configgrpc.WithGrpcDialOption(grpc.WithNoProxy()),
			configgrpc.WithGrpcDialOption(grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
				return own.dial(ctx, d.guard, address)
			})))
	}
	conn, err := cfg.ToClientConn(context.Background(), d.pool.extensions(), d.pool.telemetry, options...)
	if err != nil {
		return nil, err
	}
	own.ClientConn, own.auth = conn, d.authOf(cfg.Auth)
	return own, nil
}

// maxGRPCAnswer is the largest answer that gRPC reads. gRPC has the same error for a large answer as a server
// for a large request, except for the limit in its text. So this is an unusual number.
const maxGRPCAnswer = maxAnswer + 7919

func answerTooLong(err error) bool {
	st := status.Convert(err)
	return st.Code() == codes.ResourceExhausted && strings.Contains(st.Message(), "larger than max") &&
		strings.HasSuffix(strings.TrimSuffix(st.Message(), ")"), " "+strconv.Itoa(maxGRPCAnswer))
}

// grpcReason returns the name of a code for metrics. A server can send any number.
func grpcReason(code codes.Code) string {
	if code > codes.Unauthenticated {
		return "grpc_other"
	}
	return "grpc_" + strings.ToLower(code.String())
}

// connectionResult returns why there is no connection. In gRPC only the text of the error shows that. A
// server that uses the same text affects its own tenant only.
func connectionResult(message string) (reason string, verdict lane.Verdict, ok bool) {
	switch {
	case strings.Contains(message, apikey.ErrWithheld.Error()):
		return lane.ReasonKeyNotSent, lane.Blocked, true
	case strings.Contains(message, "authentication handshake failed"):
		return "tls", lane.Blocked, true
	case strings.Contains(message, "name resolver error"), strings.Contains(message, ": lookup "),
		strings.Contains(message, "no children to pick from"): // the error of a balancer for a name without addresses
		return "dns", lane.Retry, true
	case strings.Contains(message, "connection refused"):
		return "connection_refused", lane.Retry, true
	}
	return "", 0, false
}

// grpcResult converts an error status as the OTLP specification requires.
func grpcResult(ctx context.Context, err error) lane.Result {
	st := status.Convert(err)
	res := lane.Result{
		Verdict: lane.Rejected,
		Reason:  grpcReason(st.Code()),
		Err:     answerError{fmt.Sprintf("gRPC status %s: ", st.Code()), st.Message()},
	}
	hasRetryInfo := false
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			hasRetryInfo = true
			res.RetryAfter = max(0, info.GetRetryDelay().AsDuration())
		}
	}
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		res.Verdict = lane.Retry
	case codes.ResourceExhausted:
		// Without RetryInfo the reason is not load, but this request: it is too large.
		if res.Verdict = lane.TooLarge; hasRetryInfo {
			res.Verdict = lane.Retry
		}
	case codes.Unauthenticated, codes.PermissionDenied, codes.NotFound, codes.Unimplemented:
		res.Verdict = lane.Blocked
	}
	if st.Code() == codes.Unavailable {
		if reason, verdict, ok := connectionResult(st.Message()); ok {
			res.Reason, res.Verdict = reason, verdict
		}
	}
	res.Class = grpcClass(st.Code(), &res)
	if ctx.Err() != nil {
		res.Verdict, res.Reason = lane.Retry, "shutdown"
	}
	return res
}

// rawCodec sends encoded requests as they are. The concatenation of several is one request.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

// Name implements encoding.CodecV2. It is part of the content type.
func (rawCodec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	payloads, ok := v.([][]byte)
	if !ok {
		return nil, fmt.Errorf("cannot send a %T", v)
	}
	out := make(mem.BufferSlice, len(payloads))
	for i, p := range payloads {
		out[i] = mem.SliceBuffer(p)
	}
	return out, nil
}

// Unmarshal implements encoding.CodecV2.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	dst, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("cannot receive a %T", v)
	}
	*dst = data.Materialize()
	return nil
}
