// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.uber.org/zap"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

const (
	// defaultBodySize is the default of max_request_body_size, as the otlp receiver has it.
	defaultBodySize = 20 << 20

	defaultHeaderTimeout = 10 * time.Second
	defaultWriteTimeout  = 30 * time.Second

	// proxyIdleTimeout is after how long the usual proxies close idle connections of
	// their pools. They must not use one that just ended here.
	proxyIdleTimeout   = 60 * time.Second
	defaultIdleTimeout = 90 * time.Second

	// firstByteTimeout is the patience with bodies that do not begin.
	firstByteTimeout = 10 * time.Second

	maxHeaderBytes = 16 << 10
)

// httpServer is OTLP/HTTP.
type httpServer struct {
	*intake
	server       *http.Server
	listener     net.Listener
	writeTimeout time.Duration
	limits       guard.BodyLimits
	paths        map[string]*service
}

// newHTTPServer returns a server that listens but does not serve yet.
func newHTTPServer(ctx context.Context, cfg HTTPConfig, host component.Host, set component.TelemetrySettings, in *intake) (*httpServer, error) {
	server := cfg.ServerConfig
	server.ReadHeaderTimeout = positive(server.ReadHeaderTimeout, defaultHeaderTimeout)
	server.IdleTimeout = positive(server.IdleTimeout, defaultIdleTimeout)
	h := &httpServer{
		intake:       in,
		writeTimeout: positive(server.WriteTimeout, defaultWriteTimeout),
		limits:       bodyLimits(positive(server.MaxRequestBodySize, defaultBodySize)),
		paths:        make(map[string]*service, len(in.services)),
	}
	for _, s := range in.services {
		h.paths[string(s.path(&cfg))] = s
	}
	h.limits.Encodings = server.CompressionAlgorithms
	// The guard reads and decompresses bodies. What is left to confighttp must not
	// touch them, nor count the time of a slow but honest upload as one of writing.
	server.CompressionAlgorithms = []string{}
	server.MaxRequestBodySize = math.MaxInt64
	server.WriteTimeout = 0
	var err error
	h.server, err = server.ToServer(ctx, host.GetExtensions(), set, http.HandlerFunc(h.route), confighttp.WithErrorHandler(h.refuse))
	if err != nil {
		return nil, err
	}
	h.server.Handler = h.outermost(h.server.Handler)
	h.server.MaxHeaderBytes = maxHeaderBytes
	h.server.Protocols = protocols(cfg.ServerConfig.TLS.HasValue())
	if h.server.IdleTimeout <= proxyIdleTimeout {
		set.Logger.Warn("idle_timeout is not longer than proxies keep idle connections, which lose requests that they send over a connection as it ends",
			zap.Duration("idle_timeout", h.server.IdleTimeout), zap.Duration("longer_than", proxyIdleTimeout))
	}
	// Any client can make net/http log, for example by a failed handshake.
	if h.server.ErrorLog, err = zap.NewStdLogAt(set.Logger, zap.DebugLevel); err != nil {
		return nil, err
	}
	h.server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          defaultStreams,
		MaxReceiveBufferPerConnection: connectionWindow,
		MaxReceiveBufferPerStream:     streamWindow,
		SendPingTimeout:               30 * time.Second,
		PingTimeout:                   15 * time.Second,
		WriteByteTimeout:              defaultWriteTimeout,
	}
	h.listener, err = h.listen(ctx, &server)
	if err != nil {
		return nil, err
	}
	return h, nil
}

// protocols are HTTP/1.1 and HTTP/2, which without TLS clients speak at once if they
// know that the server does. net/http does not upgrade a connection of HTTP/1.1.
func protocols(overTLS bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(overTLS)
	p.SetUnencryptedHTTP2(!overTLS)
	return p
}

func positive[T int64 | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// listen listens with the guard below TLS, so that it also counts connections
// whose handshake does not end.
func (h *httpServer) listen(ctx context.Context, cfg *confighttp.ServerConfig) (net.Listener, error) {
	var config *tls.Config
	if cfg.TLS.HasValue() {
		var err error
		if config, err = cfg.TLS.Get().LoadTLSConfig(ctx); err != nil {
			return nil, err
		}
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	listener, err := cfg.NetAddr.Listen(ctx)
	if err != nil {
		return nil, err
	}
	listener = h.guard.Listener(listener)
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	return listener, nil
}

// outermost is around everything that happens to a request once its headers have
// arrived. Its deadlines hold for requests that are refused; the guard moves the
// one for reading while a body arrives.
//
// It yields first. A connection whose requests are pipelined and refused does not
// wait for anything, so that each of many would keep the processor for 10 ms.
func (h *httpServer) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runtime.Gosched()
		h.running.start()
		defer h.running.end()
		control, now := http.NewResponseController(w), time.Now()
		_ = control.SetReadDeadline(now.Add(h.patience))
		_ = control.SetWriteDeadline(now.Add(h.patience + h.writeTimeout))
		if err := h.guard.ProtectHTTP(func() { next.ServeHTTP(w, r) }); err != nil {
			_ = control.SetWriteDeadline(time.Now().Add(h.writeTimeout))
			writeRejection(w, r.Header.Get("Content-Type"), h.answer(r.Context(), err))
		}
	})
}

// route finds the service of the path.
func (h *httpServer) route(w http.ResponseWriter, r *http.Request) {
	s, ok := h.paths[r.URL.Path]
	if !ok {
		h.guard.Refused(r.Context(), "path")
		h.refuse(w, r, "there is nothing at this path, send to "+h.signalPaths(), http.StatusNotFound)
		return
	}
	h.export(s, w, r)
}

// signalPaths returns the paths of all signals, for a text.
func (h *httpServer) signalPaths() string {
	return strings.Join(slices.Sorted(maps.Keys(h.paths)), ", ")
}

func (h *httpServer) export(s *service, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		h.guard.Refused(r.Context(), "method")
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, "the method is not supported, use POST", http.StatusMethodNotAllowed)
		return
	}
	contentType := r.Header.Get("Content-Type")
	var f format
	switch mediaType(contentType) {
	case contentTypeProtobuf:
		f = formatProtobuf
	case contentTypeJSON:
		f = formatJSON
	default:
		h.guard.Refused(r.Context(), "content_type")
		h.refuse(w, r, "the Content-Type is not supported, send one of: "+contentTypeJSON+", "+contentTypeProtobuf, http.StatusUnsupportedMediaType)
		return
	}
	control := http.NewResponseController(w)
	err := h.accept(r.Context(), s, f, func(request *guard.Request) ([]byte, error) {
		data, err := request.ReadBody(w, r, h.limits)
		_ = control.SetReadDeadline(h.deadlineAfter(err))
		return data, err
	})
	_ = control.SetWriteDeadline(time.Now().Add(h.writeTimeout))
	if err != nil {
		writeRejection(w, contentType, h.answer(r.Context(), err))
		return
	}
	body, err := s.accepted.MarshalProto()
	contentType = contentTypeProtobuf
	if f == formatJSON {
		body, err = s.accepted.MarshalJSON()
		contentType = contentTypeJSON
	}
	if err != nil {
		writeRejection(w, contentType, h.answer(r.Context(), err))
		return
	}
	write(w, contentType, http.StatusOK, body)
}

// refuse answers requests that are rejected before their tenant matters: those that
// confighttp finds unauthenticated, and those of another path, method or content type.
func (h *httpServer) refuse(w http.ResponseWriter, r *http.Request, text string, httpStatus int) {
	writeStatus(w, r.Header.Get("Content-Type"), httpStatus, status.New(codeOf(httpStatus), text))
}

// serve serves until the server ends.
func (h *httpServer) serve() error {
	if err := h.guard.Protect(h.protocol, func() error { return h.server.Serve(h.listener) }); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// deadlineAfter returns the deadline for reading after a body that was read with err.
func (h *httpServer) deadlineAfter(err error) time.Time {
	var r *rejection.Error
	switch {
	case err == nil:
		return time.Time{} // the server goes on reading, to notice that the sender has gone
	case errors.As(err, &r) && r.Reason() == rejection.Slow:
		return time.Now()
	default:
		return time.Now().Add(h.patience)
	}
}

// shutdown lets requests under way end until ctx is done, then ends them. It
// returns how many it ended.
func (h *httpServer) shutdown(ctx context.Context) (ended int64) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = h.server.Shutdown(ctx) // what it leaves is closed below
	}()
	ended = h.running.drain(ctx, stopped)
	_ = h.server.Close()
	<-stopped
	return ended
}
