// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guardedhttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

func listen(t *testing.T, handler http.HandlerFunc, configure func(*confighttp.ServerConfig)) *Server {
	t.Helper()
	cfg := NewDefaultConfig("127.0.0.1:0")
	configure(&cfg)
	s, err := Listen(t.Context(), Settings{
		Config: cfg, Host: componenttest.NewNopHost(), Telemetry: componenttest.NewNopTelemetrySettings(), Guard: guard.New(guard.Settings{}),
		Handler:  handler,
		Refuse:   func(w http.ResponseWriter, _ *http.Request, text string, status int) { http.Error(w, text, status) },
		Panicked: func(w http.ResponseWriter, _ *http.Request, err *rejection.Error) { w.WriteHeader(err.HTTPStatus()) },
	})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Shutdown(context.Background())
		require.NoError(t, <-served)
	})
	return s
}

// A test cannot observe these limits from outside in a short time.
func TestListen_BoundsEveryPhaseOfARequest(t *testing.T) {
	s := listen(t, func(http.ResponseWriter, *http.Request) {}, func(cfg *confighttp.ServerConfig) {
		cfg.ReadHeaderTimeout, cfg.IdleTimeout, cfg.WriteTimeout = 0, -1, 0 // net/http takes these as no limit
	})
	assert.Equal(t, 10*time.Second, s.server.ReadHeaderTimeout)
	assert.Greater(t, s.server.IdleTimeout, proxyIdleTimeout)
	assert.Equal(t, 30*time.Second, s.writeTimeout)
	assert.Equal(t, defaultPatience, s.set.Patience)
	assert.Equal(t, 16<<10, s.server.MaxHeaderBytes)
	assert.LessOrEqual(t, s.server.HTTP2.MaxConcurrentStreams, 256)
	assert.LessOrEqual(t, s.server.HTTP2.MaxReceiveBufferPerConnection, 1<<20)
}

func TestServer_AnswersAfterAPanic(t *testing.T) {
	s := listen(t, func(http.ResponseWriter, *http.Request) { panic("fault") }, func(*confighttp.ServerConfig) {})
	for range 2 {
		resp, err := http.Get("http://" + s.Addr().String()) //nolint:noctx // the server answers at once
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	}
}

// Requests that follow each other without a pause on one connection must not keep the
// processor from other connections.
func TestServer_YieldsBeforeEachRequest(t *testing.T) {
	s := listen(t, func(http.ResponseWriter, *http.Request) {}, func(*confighttp.ServerConfig) {})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var ran atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		ran.Store(true)
	}()
	for range 5 { // the scheduler may run the goroutine that has just yielded first
		s.outermost(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	}
	assert.True(t, ran.Load())
	<-done
}
