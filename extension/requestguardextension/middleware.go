// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that messages are decoded with
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// GetHTTPHandler implements extensionmiddleware.HTTPServer. The handler guards the
// paths that end as those of OTLP do and leaves others alone.
func (e *requestGuard) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { e.serve(w, req, next) }), nil
	}, nil
}

// signalOf returns the signal of a path of OTLP.
func signalOf(path string) (tenant.Signal, bool) {
	for _, s := range tenant.AllSignals() {
		if strings.HasSuffix(path, "/v1/"+s.String()) {
			return s, true
		}
	}
	return 0, false
}

// serve gives next a request whose body is in memory, decoded and checked.
func (e *requestGuard) serve(w http.ResponseWriter, req *http.Request, next http.Handler) {
	signal, ok := signalOf(req.URL.Path)
	if !ok || req.Method != http.MethodPost {
		next.ServeHTTP(w, req)
		return
	}
	if err := e.guard.ProtectHTTP(func() { e.pass(w, req, signal, next) }); err != nil {
		answer(w, req, err)
	}
}

func (e *requestGuard) pass(w http.ResponseWriter, req *http.Request, signal tenant.Signal, next http.Handler) {
	request, err := e.guard.Admit(req.Context(), signal)
	if err != nil {
		answer(w, req, err)
		return
	}
	defer request.Release()
	body, err := readable(request, w, req)
	if err != nil {
		answer(w, req, err)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.ContentLength = int64(len(body))
	req.Header.Del("Content-Encoding")
	req.Header.Del("Content-Length")
	next.ServeHTTP(w, req)
}

// readable returns the body of req, decompressed, checked, and in a form that pdata
// reads.
func readable(request *guard.Request, w http.ResponseWriter, req *http.Request) ([]byte, error) {
	defer request.Computed()
	body, err := request.ReadBody(w, req, guard.BodyLimits{})
	if err != nil {
		return nil, err
	}
	counts, err := request.Check(isJSON(req), body)
	if err != nil {
		return nil, err
	}
	return request.Readable(counts, body)
}

func isJSON(req *http.Request) bool {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// drainTimeout is how long the rest of a rejected body is waited for, so that the
// connection may be used again.
const drainTimeout = time.Second

// answer writes a google.rpc.Status in the form of the request.
func answer(w http.ResponseWriter, req *http.Request, err error) {
	rejected := rejection.From(err)
	kind, marshal := "application/x-protobuf", proto.Marshal
	if isJSON(req) {
		kind, marshal = "application/json", protojson.Marshal
	}
	body, err := marshal(rejected.GRPCStatus().Proto())
	if err != nil {
		body = nil // the code says enough
	}
	// net/http reads some of the rest of a body, and would wait for it.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTimeout))
	rejected.SetHeader(w.Header())
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(rejected.HTTPStatus())
	_, _ = w.Write(body) // a caller that has disconnected needs no answer
}

// GetGRPCServerOptions implements extensionmiddleware.GRPCServer. A receiver of
// unary calls has received and decompressed a message before an interceptor runs, so
// that only what the message holds is checked, and how many are handled at a time.
func (e *requestGuard) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	return append(e.guard.GRPCOptions(),
		grpc.ForceServerCodecV2(codec{CodecV2: encoding.GetCodecV2("proto"), guard: e.guard}),
		grpc.ChainUnaryInterceptor(e.intercept)), nil
}

// intercept admits a call, and rejects it if its handler panics.
func (e *requestGuard) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	err = e.guard.Protect(guard.GRPC, func() error {
		if signal, ok := tenant.SignalOfMethod(info.FullMethod); ok {
			request, err := e.guard.Admit(ctx, signal)
			if err != nil {
				return err
			}
			defer request.Release()
		}
		resp, err = handler(ctx, req)
		return err
	})
	return resp, err
}

// codec checks messages of OTLP before it decodes them.
type codec struct {
	encoding.CodecV2
	guard *guard.Guard
}

// Unmarshal implements encoding.CodecV2. gRPC calls it outside of all interceptors.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	return c.guard.Protect(guard.GRPC, func() error { return c.unmarshal(data, v) })
}

func (c codec) unmarshal(data mem.BufferSlice, v any) error {
	if signal, ok := signalOfMessage(v); ok {
		flat := data.MaterializeToBuffer(mem.DefaultBufferPool())
		defer flat.Free()
		if err := c.guard.CheckMessage(signal, flat.ReadOnlyData()); err != nil {
			return err
		}
	}
	return c.CodecV2.Unmarshal(data, v)
}

// signalOfMessage knows the requests of OTLP by the names of their types.
func signalOfMessage(v any) (tenant.Signal, bool) {
	name := fmt.Sprintf("%T", v)
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "ExportLogsServiceRequest":
		return tenant.Logs, true
	case "ExportMetricsServiceRequest":
		return tenant.Metrics, true
	case "ExportTraceServiceRequest":
		return tenant.Traces, true
	}
	return 0, false
}
