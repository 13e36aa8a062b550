// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

func newTestServer(t *testing.T) *server {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.NetAddr.Endpoint = "127.0.0.1:0"
	s, err := newServer(extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	s.now = func() time.Time { return noon }
	return s
}

// get returns the code, the state and the headers of a response.
func get(t *testing.T, s *server, method, path string) (int, *state, http.Header) {
	t.Helper()
	rec := httptest.NewRecorder()
	s.routes().ServeHTTP(rec, httptest.NewRequest(method, path, http.NoBody))
	var got *state
	if rec.Header().Get("Content-Type") == "application/json" {
		got = &state{}
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), got), rec.Body.String())
	}
	return rec.Code, got, rec.Header()
}

func TestServer_FollowsTheLifecycleOfThePipelines(t *testing.T) {
	s := newTestServer(t)
	code, got, header := get(t, s, http.MethodGet, "/health")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Equal(t, []reason{reasonStarting}, got.Reasons)
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	require.NoError(t, s.Ready())
	code, got, _ = get(t, s, http.MethodGet, "/health")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, statusOK, got.Status)
	code, _, _ = get(t, s, http.MethodHead, "/health")
	assert.Equal(t, http.StatusOK, code)
	require.NoError(t, s.NotReady())
	code, _, _ = get(t, s, http.MethodGet, "/health")
	assert.Equal(t, http.StatusServiceUnavailable, code)

	code, _, _ = get(t, s, http.MethodGet, "/health/live")
	assert.Equal(t, http.StatusOK, code, "a supervisor must not restart a gateway that is stopping or has no registry")
	code, _, _ = get(t, s, http.MethodPost, "/health")
	assert.Equal(t, http.StatusMethodNotAllowed, code)
	code, _, _ = get(t, s, http.MethodGet, "/")
	assert.Equal(t, http.StatusNotFound, code)
}

func TestServer_ShowsReports(t *testing.T) {
	s := newTestServer(t)
	require.NoError(t, s.Ready())
	loaded := false
	removeRegistry := s.PostRegistry(registryID, func() healthboard.Registry {
		return healthboard.Registry{Loaded: loaded, Hash: "abc", Source: "file", ConfirmedAt: noon}
	})
	var reported atomic.Int64
	removeLanes := s.PostLanes(exporterID, func() healthboard.Lanes {
		reported.Add(1)
		return healthboard.Lanes{Idle: 1, Active: 2, Waiting: 3, Open: 4, HalfOpen: 2, Full: 5, NotOTLP: 8, QueuedBytes: 6, MaxBytes: 100, Oldest: 7 * time.Second, DeadLetters: &healthboard.DeadLetters{Tenants: 9, Destinations: 1}}
	})
	code, got, _ := get(t, s, http.MethodGet, "/health")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Equal(t, laneState{1, 2, 3, 4, 2, 5, 8, 6, 100, 7, nil, nil, &deadLettersState{9, 1}}, got.Lanes["tenant_routing"])
	loaded = true
	code, _, _ = get(t, s, http.MethodGet, "/health")
	assert.Equal(t, http.StatusOK, code)
	assert.EqualValues(t, 1, reported.Load(), "lanes report at most once a second, independent of the number of requests")
	s.now = func() time.Time { return noon.Add(laneInterval) }
	get(t, s, http.MethodGet, "/health")
	assert.EqualValues(t, 2, reported.Load())

	removeRegistry()
	removeLanes()
	removeLanes()
	_, got, _ = get(t, s, http.MethodGet, "/health")
	assert.Empty(t, got.Lanes)
	assert.Empty(t, got.Registries)
}

func TestServer_ShowsComponentsWithErrors(t *testing.T) {
	s := newTestServer(t)
	require.NoError(t, s.Ready())
	logs, traces := pipeline.NewID(pipeline.SignalLogs), pipeline.NewID(pipeline.SignalTraces)
	otlp := component.MustNewID("otlp")
	a, b := componentstatus.NewInstanceID(otlp, component.KindReceiver, logs), componentstatus.NewInstanceID(otlp, component.KindReceiver, traces)
	s.ComponentStatusChanged(a, componentstatus.NewPermanentErrorEvent(errors.New("tenant-a is in the text")))
	s.ComponentStatusChanged(b, componentstatus.NewRecoverableErrorEvent(errors.New("x")))
	code, got, _ := get(t, s, http.MethodGet, "/health")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, statusDegraded, got.Status)
	assert.Equal(t, map[string]string{"receiver/otlp": "permanent_error"}, got.Components, "the worst status, without its text")
	s.ComponentStatusChanged(a, componentstatus.NewEvent(componentstatus.StatusOK))
	_, got, _ = get(t, s, http.MethodGet, "/health")
	assert.Equal(t, map[string]string{"receiver/otlp": "recoverable_error"}, got.Components)
	s.ComponentStatusChanged(b, componentstatus.NewEvent(componentstatus.StatusStopped))
	_, got, _ = get(t, s, http.MethodGet, "/health")
	assert.Equal(t, statusOK, got.Status)
}

func TestServer_ServesUntilShutdown(t *testing.T) {
	s := newTestServer(t)
	s.cfg.NetAddr.Endpoint = loopback.Address(t)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	url := "http://" + s.cfg.NetAddr.Endpoint + "/health/live"
	resp, err := http.Get(url) //nolint:noctx // a test's own loopback server
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)

	taken := newTestServer(t)
	taken.cfg.NetAddr.Endpoint = s.cfg.NetAddr.Endpoint
	require.ErrorContains(t, taken.Start(t.Context(), componenttest.NewNopHost()), "listening on")

	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, s.Shutdown(context.Background()))
	_, err = http.Get(url) //nolint:noctx,bodyclose // it must fail
	require.Error(t, err)
}

// A client that never sends the body that it has announced must not block a shutdown or a reload.
func TestServer_ShutdownWithOpenRequest(t *testing.T) {
	s := newTestServer(t)
	s.grace = time.Millisecond
	requested := make(chan struct{}, 1)
	s.now = func() time.Time { requested <- struct{}{}; return noon }
	s.cfg.NetAddr.Endpoint = loopback.Address(t)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	conn, err := net.Dial("tcp", s.cfg.NetAddr.Endpoint) //nolint:noctx // a test's own loopback server
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"))
	require.NoError(t, err)
	<-requested
	require.NoError(t, s.Shutdown(context.Background()))
}

// Idle connections are bounded, and do not block other clients.
func TestServer_BoundsConnections(t *testing.T) {
	addr := loopback.Addresses(t, 1)[0]
	cfg := createDefaultConfig().(*Config)
	cfg.NetAddr.Endpoint = addr
	s, err := newServer(extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, s.Shutdown(t.Context())) }()
	var closed atomic.Int64
	var reading sync.WaitGroup
	defer reading.Wait()
	const silent = 5 * maxConnections
	for range silent {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
		reading.Go(func() {
			_, _ = conn.Read(make([]byte, 1))
			closed.Add(1)
		})
	}
	require.Eventually(t, func() bool { return closed.Load() == silent-maxConnections }, 10*time.Second, time.Millisecond)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + addr + "/health/live")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

// The bounded connections support TLS with both versions of HTTP.
func TestServer_TLS(t *testing.T) {
	own := httptest.NewUnstartedServer(nil) // has a certificate and a client that trusts it
	own.StartTLS()
	defer own.Close()
	key, err := x509.MarshalPKCS8PrivateKey(own.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	cfg.NetAddr.Endpoint = loopback.Addresses(t, 1)[0]
	cfg.TLS = configoptional.Some(configtls.ServerConfig{Config: configtls.Config{
		CertPem: configopaque.String(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.TLS.Certificates[0].Certificate[0]})),
		KeyPem:  configopaque.String(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	}})
	s, err := newServer(extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, s.Shutdown(t.Context())) }()
	for version := 1; version <= 2; version++ {
		trust := own.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		trust.NextProtos = nil
		transport := &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: version == 2}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + cfg.NetAddr.Endpoint + "/health/live")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, version, resp.ProtoMajor)
		transport.CloseIdleConnections()
	}
}
