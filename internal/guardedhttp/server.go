// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guardedhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

const (
	defaultHeaderTimeout = 10 * time.Second
	defaultWriteTimeout  = 30 * time.Second
	defaultIdleTimeout   = 90 * time.Second

	// proxyIdleTimeout is after how long the usual proxies close idle connections of
	// their pools. They must not use one that just ended here.
	proxyIdleTimeout = 60 * time.Second

	// defaultPatience is the default of Settings.Patience.
	defaultPatience = 10 * time.Second

	maxHeaderBytes       = 16 << 10
	maxStreams           = 64
	connectionWindow     = 1 << 20
	streamWindow         = 256 << 10
	pingInterval         = 30 * time.Second
	pingTimeout          = 15 * time.Second
	defaultMaxBodyLength = 20 << 20
)

// NewDefaultConfig returns the configuration of a server that listens on endpoint.
func NewDefaultConfig(endpoint string) confighttp.ServerConfig {
	cfg := confighttp.NewDefaultServerConfig()
	cfg.NetAddr.Endpoint = endpoint
	cfg.MaxRequestBodySize = defaultMaxBodyLength
	cfg.ReadHeaderTimeout = defaultHeaderTimeout
	cfg.WriteTimeout = defaultWriteTimeout
	cfg.IdleTimeout = defaultIdleTimeout
	return cfg
}

// Settings are what a server is made of. All but Patience are required.
type Settings struct {
	Config    confighttp.ServerConfig
	Host      component.Host
	Telemetry component.TelemetrySettings
	Guard     *guard.Guard

	// Patience is how long the first byte of a body may take, and the rest of one that is
	// rejected. The default is 10 s.
	Patience time.Duration

	// Handler handles requests whose caller is authenticated. It reads bodies with
	// [guard.Request.ReadBody]; Config.MaxRequestBodySize and
	// Config.CompressionAlgorithms are not applied to them.
	Handler http.Handler

	// Refuse answers requests whose caller is not authenticated.
	Refuse func(w http.ResponseWriter, r *http.Request, text string, status int)

	// Panicked answers a request whose handler panicked.
	Panicked func(w http.ResponseWriter, r *http.Request, err *rejection.Error)
}

// Server is an HTTP server that listens.
type Server struct {
	set          Settings
	server       *http.Server
	listener     net.Listener
	writeTimeout time.Duration
	running      InFlight
	recovery     *recovery.Recoverer
}

// Listen returns a server that listens but does not serve yet.
func Listen(ctx context.Context, set Settings) (*Server, error) {
	cfg := set.Config
	set.Patience = positive(set.Patience, defaultPatience)
	cfg.ReadHeaderTimeout = positive(cfg.ReadHeaderTimeout, defaultHeaderTimeout)
	cfg.IdleTimeout = positive(cfg.IdleTimeout, defaultIdleTimeout)
	s := &Server{set: set, writeTimeout: positive(cfg.WriteTimeout, defaultWriteTimeout), recovery: recovery.New(set.Telemetry.Logger)}
	// The guard reads and decompresses bodies. What is left to confighttp must not
	// touch them, nor count the time of a slow but honest upload as one of writing.
	cfg.CompressionAlgorithms = []string{}
	cfg.MaxRequestBodySize = math.MaxInt64
	cfg.WriteTimeout = 0
	var err error
	s.server, err = cfg.ToServer(ctx, set.Host.GetExtensions(), set.Telemetry, set.Handler, confighttp.WithErrorHandler(set.Refuse))
	if err != nil {
		return nil, err
	}
	s.server.Handler = s.outermost(s.server.Handler)
	s.server.MaxHeaderBytes = maxHeaderBytes
	s.server.Protocols = protocols(cfg.TLS.HasValue())
	if s.server.IdleTimeout <= proxyIdleTimeout {
		set.Telemetry.Logger.Warn("idle_timeout is not longer than proxies keep idle connections, which lose requests that they send over a connection as it ends",
			zap.Duration("idle_timeout", s.server.IdleTimeout), zap.Duration("longer_than", proxyIdleTimeout))
	}
	// Callers decide what net/http logs, such as handshakes that fail.
	if s.server.ErrorLog, err = zap.NewStdLogAt(set.Telemetry.Logger, zap.DebugLevel); err != nil {
		return nil, err
	}
	s.server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerConnection: connectionWindow,
		MaxReceiveBufferPerStream:     streamWindow,
		SendPingTimeout:               pingInterval,
		PingTimeout:                   pingTimeout,
		WriteByteTimeout:              defaultWriteTimeout,
	}
	s.listener, err = s.listen(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// protocols are HTTP/1.1 and HTTP/2, which without TLS clients speak at once if they know
// that the server does.
func protocols(overTLS bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(overTLS)
	p.SetUnencryptedHTTP2(!overTLS)
	return p
}

func positive(value, otherwise time.Duration) time.Duration {
	if value > 0 {
		return value
	}
	return otherwise
}

// listen listens with the guard below TLS, so that it also counts connections whose
// handshake does not end.
func (s *Server) listen(ctx context.Context, cfg *confighttp.ServerConfig) (net.Listener, error) {
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
	listener = s.set.Guard.Listener(listener)
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	return listener, nil
}

// outermost is around all that happens to a request once its headers have arrived. Its
// deadlines hold for requests that are refused; the guard moves the one for reading while
// a body arrives.
//
// It yields first. A connection whose requests are pipelined and refused does not wait
// for anything, so that each of many would keep the processor for 10 ms.
func (s *Server) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runtime.Gosched()
		s.running.Start()
		defer s.running.End()
		control, now := http.NewResponseController(w), time.Now()
		_ = control.SetReadDeadline(now.Add(s.set.Patience))
		_ = control.SetWriteDeadline(now.Add(s.set.Patience + s.writeTimeout))
		if err := s.set.Guard.ProtectHTTP(func() { next.ServeHTTP(w, r) }); err != nil {
			s.Answering(w)
			s.set.Panicked(w, r, rejection.From(err))
		}
	})
}

// BodyRead says that the body of a request has been read, with err. The deadline of what
// the connection reads next depends on it.
func (s *Server) BodyRead(w http.ResponseWriter, err error) {
	var deadline time.Time // the server goes on reading, to notice that the caller has gone
	var r *rejection.Error
	switch {
	case err == nil:
	case errors.As(err, &r) && r.Reason() == rejection.Slow:
		deadline = time.Now()
	default:
		deadline = time.Now().Add(s.set.Patience)
	}
	_ = http.NewResponseController(w).SetReadDeadline(deadline)
}

// Answering says that the answer to a request begins, and bounds how long it takes.
func (s *Server) Answering(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.writeTimeout))
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve serves until Shutdown, for which it returns nil.
func (s *Server) Serve() error {
	if err := s.set.Guard.Protect(guard.HTTP, func() error { return s.server.Serve(s.listener) }); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// Shutdown stops listening, lets requests in flight end until ctx is done, and then ends
// them. It returns how many it ended.
func (s *Server) Shutdown(ctx context.Context) (ended int64) {
	stopped := make(chan struct{})
	var stopping sync.WaitGroup
	s.recovery.Go(&stopping, "stopping the HTTP server", func() {
		defer close(stopped)
		_ = s.server.Shutdown(ctx) // what it leaves is closed below
	})
	ended = s.running.Drain(ctx, stopped)
	_ = s.server.Close()
	stopping.Wait()
	return ended
}

// Wait returns when no request is in flight or ctx is done, and how many are left.
func (s *Server) Wait(ctx context.Context) int64 { return s.running.Wait(ctx) }
