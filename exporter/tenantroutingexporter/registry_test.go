// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// server is a scripted OTLP server for logs over HTTP.
type server struct {
	*httptest.Server

	mu     sync.Mutex
	status int
	token  string // if set, others get 401
	got    []string
	calls  int
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{status: http.StatusOK}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := decoded(r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.token != "" && r.Header.Get("X-Token") != s.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if s.status == http.StatusOK {
		req := plogotlp.NewExportRequest()
		if req.UnmarshalProto(body) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, rl := range req.Logs().ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					s.got = append(s.got, r.URL.Path+" "+lr.Body().Str())
				}
			}
		}
	}
	w.WriteHeader(s.status)
}

func decoded(r *http.Request) ([]byte, error) {
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		from, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(from)
	case "zstd":
		from, err := zstd.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		defer from.Close()
		return io.ReadAll(from)
	}
	return io.ReadAll(r.Body)
}

func (s *server) set(status int, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.token = status, token
}

func (s *server) seen() (got []string, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...), s.calls
}

func (s *server) eventually(t *testing.T, want ...string) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		got, _ := s.seen()
		assert.Equal(c, want, got)
	}, 30*time.Second, 5*time.Millisecond)
}

const plainConfig = `
registry: tenant_registry
allow_private_endpoints: [127.0.0.0/8]
destinations:
  d: {otlp_http: {endpoint: "{vars.url}", compression: none, headers: {X-Token: "{vars.token}"}}}
  e: {otlp_http: {endpoint: "{vars.url}", compression: none, logs_endpoint: "{vars.url}/e/{tenant}"}}
routes: {logs: [d]}
lane: {batch: {timeout: 0s}}
`

func vars(url, token string) map[string]string { return map[string]string{"url": url, "token": token} }

func TestRegistry_ARouteChangeIsForTheNextRequest(t *testing.T) {
	s := newServer(t)
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars(s.URL, "t")})
	g := startGateway(t, plainConfig, registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
	s.eventually(t, "/v1/logs 1")
	registry.Set(t, &tenant.Tenant{ID: "a", Vars: vars(s.URL, "t"), Routes: map[tenant.Signal][]string{tenant.Logs: {"e", "e"}}})
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "2")))
	s.eventually(t, "/v1/logs 1", "/e/a 2")
}

func TestRegistry_NewEndpointReceivesQueuedData(t *testing.T) {
	s := newServer(t)
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars("http://127.0.0.1:1", "t")})
	// Its own clock would come minutes too late.
	g := startGateway(t, plainConfig+"retry: {initial_interval: 5m, max_interval: 5m}", registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts", "reason=connection_refused") > 0 }, 10*time.Second, time.Millisecond)
	registry.Set(t, &tenant.Tenant{ID: "a", Vars: vars(s.URL, "t")})
	s.eventually(t, "/v1/logs 1")
}

func TestRegistry_ARemovedTenantDrains(t *testing.T) {
	s := newServer(t)
	s.set(http.StatusServiceUnavailable, "")
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars(s.URL, "t")})
	g := startGateway(t, plainConfig+"retry: {initial_interval: 10ms, max_interval: 10ms}\ncircuit_breaker: {failures: 1, open: 10ms}", registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
	registry.Set(t)
	require.Error(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "2")))
	s.set(http.StatusOK, "")
	s.eventually(t, "/v1/logs 1")
}

func TestRegistry_TenantWithoutAVariableWaits(t *testing.T) {
	s := newServer(t)
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	g := startGateway(t, plainConfig, registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")), "the operator's mistake is not the tenant's")
	require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts", "reason=config") > 0 }, 30*time.Second, time.Millisecond)
	registry.Set(t, &tenant.Tenant{ID: "a", Vars: vars(s.URL, "t")})
	s.eventually(t, "/v1/logs 1")
}

func TestBackendRejectsCredentials_TenantIsNotAffected(t *testing.T) {
	s := newServer(t)
	s.set(http.StatusOK, "new")
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("old\n"), 0o600))
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars(s.URL, "${file:"+token+"}")})
	g := startGateway(t, plainConfig+"circuit_breaker: {failures: 5, open: 50ms}\nretry: {initial_interval: 50ms, max_interval: 50ms}\n"+
		fmt.Sprintf("references: {directories: [%q]}", filepath.Dir(token)), registry)
	for _, body := range []string{"1", "2"} {
		require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", body)))
	}
	require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts", "reason=http_401") > 1 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, int64(1), sum(t, g.tel, "lanes", "state=open"))
	require.NoError(t, os.WriteFile(token, []byte("new\n"), 0o600))
	require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 2 }, 30*time.Second, time.Millisecond, "the token is read again")
	got, _ := s.seen()
	assert.ElementsMatch(t, []string{"/v1/logs 1", "/v1/logs 2"}, got)
}

func TestStorage_HoldsNoSecret(t *testing.T) {
	t.Setenv("ROUTING_TEST_TOKEN", "very-secret-token")
	queue := t.TempDir()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars("http://127.0.0.1:1", "${env:ROUTING_TEST_TOKEN}")})
	cfg := parseConfig(t, plainConfig+"storage: file_storage\nreferences: {env_prefixes: [ROUTING_TEST_]}")
	g := startGatewayWith(t, cfg, tenanttest.Host{registryID: registry, storageID: newStorage(t, queue)}, registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "payload-that-is-there")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts") > 0 }, 30*time.Second, time.Millisecond)
	g.stop()
	all := ""
	require.NoError(t, filepath.WalkDir(queue, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all += string(data)
		return err
	}))
	assert.Contains(t, all, "payload-that-is-there")
	assert.NotContains(t, all, "very-secret-token")
}

func TestDeadLetters_KeepRejectedRequests(t *testing.T) {
	s := newServer(t)
	s.set(http.StatusBadRequest, "")
	dir := t.TempDir()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars(s.URL, "t")})
	g := startGateway(t, plainConfig+fmt.Sprintf("dead_letter: {directory: %q}", dir), registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "dead_lettered_records", "reason=http_400") == 1 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, map[string][]string{"a": {"1"}}, archived(t, dir), "they can be read as OTLP JSON")
	data, err := os.ReadFile(filepath.Join(dir, "tenant=a", "destination=d", "signal=logs", "00000.jsonl"))
	require.NoError(t, err)
	assert.Contains(t, string(data), `"destination":"d","signal":"logs","reason":"http_400","message":"HTTP status 400: no message"`)
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	require.Len(t, groups, 1)
	assert.Equal(t, map[string]int{"http_400": 1}, groups[0].Reasons)
	s.set(http.StatusOK, "")
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "2")))
	s.eventually(t, "/v1/logs 2")
	_, calls := s.seen()
	assert.Equal(t, 2, calls, "what was rejected is not sent again")
}

func TestMaxBatchBytes_SplitsWhatOneRequestBrings(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  small: {max_batch_bytes: 1KiB, otlp_http: {endpoint: %q, compression: none}}
  local: {archive: {directory: %q}}
routes: {logs: [small, local]}
lane: {batch: {timeout: 0s}, concurrency: 1}
`, s.URL, dir), registry)
	var bodies, want []string
	for i := range 20 {
		body := fmt.Sprintf("%02d-%s", i, strings.Repeat("x", 300))
		bodies, want = append(bodies, body), append(want, "/v1/logs "+body)
	}
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", bodies...)))
	s.eventually(t, want...)
	_, calls := s.seen()
	assert.GreaterOrEqual(t, calls, 8)
	g.stop()
	assert.Equal(t, map[string][]string{"a": bodies}, archived(t, dir))
}
