// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gate is a server in front of a sink. It answers in place of the sink until it is opened.
type gate struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc] // nil passes requests on
}

func newGate(t *testing.T, s *sink) *gate {
	t.Helper()
	g := &gate{}
	on := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.http})
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := g.answer.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		on.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gate) addr() string { return strings.TrimPrefix(g.URL, "http://") }

func (g *gate) set(answer http.HandlerFunc) { g.answer.Store(&answer) }

func (g *gate) open() { g.answer.Store(nil) }

// quickly returns the arguments of an agent with short retry delays.
func quickly(more ...string) []string {
	return append([]string{
		"--config", "yaml:exporters::tenant_routing: {retry: {initial_interval: 50ms, max_interval: 200ms}, circuit_breaker: {open: 200ms}}",
	}, more...)
}

func (e *edge) requireOnce(first, last int) {
	e.t.Helper()
	got := e.arrived()
	for i := first; i <= last; i++ {
		assert.Equal(e.t, 1, got[i], "line %d", i)
	}
	assert.Len(e.t, got, last-first+1)
}

// TestAgentDelivery_WaitsWhateverTheGatewayAnswers has a gateway, or a proxy in front of
// it, reject everything while the agent is killed and restarted. The log names the cause,
// and every line arrives exactly once when the fault is repaired.
func TestAgentDelivery_WaitsWhateverTheGatewayAnswers(t *testing.T) {
	t.Parallel()
	const (
		refuses = "A destination rejects the credentials"
		nothing = "Nothing accepts data at the address of a destination"
		waits   = "A destination does not take data; its lane waits"
	)
	status := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if code == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "1")
			}
			http.Error(w, text, code)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   []string
	}{
		"401": {status(401, "the API key has expired"), []string{refuses, "http_401", "the API key has expired"}},
		"403": {status(403, "the tenant is suspended"), []string{refuses, "http_403", "the tenant is suspended"}},
		"404": {status(404, "no such page"), []string{nothing, "http_404", "/v1/logs: no such page"}},
		"405": {status(405, ""), []string{nothing, "http_405"}},
		"301": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/login", http.StatusMovedPermanently)
		}, []string{nothing, "http_301"}},
		"page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>Welcome</html>")) }, []string{nothing, "web_page", "/v1/logs"}},
		"429":  {status(429, "slow down"), []string{waits, "http_429"}},
		"503":  {status(503, "away"), []string{waits, "http_503"}},
		"502":  {status(502, "bad gateway"), []string{waits, "http_502"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			e.sink = newSink(t)
			g := newGate(t, e.sink)
			g.set(c.answer)
			run := e.start(g.addr(), quickly()...)
			e.appendLines(1, 50)
			for _, text := range c.says {
				require.Eventually(t, func() bool { return strings.Contains(run.Output(), text) }, time.Minute, 20*time.Millisecond, text)
			}
			require.Eventually(t, func() bool { return e.metric("otelcol_exporter_tenant_routing_queued_records") > 0 }, time.Minute, 20*time.Millisecond)
			require.NoError(t, run.Kill())
			e.appendLines(51, 100)
			e.start(g.addr(), quickly()...)
			require.Eventually(t, func() bool { return e.metric("otelcol_receiver_pm2_lines") > 0 }, time.Minute, 20*time.Millisecond)
			g.open()
			e.await(1, 100)
			e.requireOnce(1, 100)
			assert.Zero(t, e.metric("otelcol_exporter_tenant_routing_dropped_records"))
			assert.Zero(t, e.metric("otelcol_exporter_tenant_routing_dead_lettered_records"))
		})
	}
}

// TestAgentDelivery_SplitsWhatIsTooLarge has a proxy in front of the gateway that accepts
// at most 20 KB.
func TestAgentDelivery_SplitsWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.sink = newSink(t)
	g := newGate(t, e.sink)
	on := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: e.sink.http})
	var split atomic.Int64
	g.set(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 20_000 {
			split.Add(1)
			http.Error(w, "<html>413 Request Entity Too Large</html>", http.StatusRequestEntityTooLarge)
			return
		}
		on.ServeHTTP(w, r)
	})
	e.appendLines(1, 500)
	e.start(g.addr(), quickly("--config", "yaml:exporters::tenant_routing::destinations::gateway::otlp_http::compression: none")...)
	e.await(1, 500)
	e.requireOnce(1, 500)
	assert.Positive(t, split.Load())
	assert.Zero(t, e.metric("otelcol_exporter_tenant_routing_dropped_records"))
	assert.Zero(t, e.metric("otelcol_exporter_tenant_routing_dead_lettered_records"))
}

// TestAgentDelivery_TakesOverTheSendingQueue upgrades a killed agent whose sending queue of
// the earlier kind is full. Its content arrives exactly once, in order and before new data,
// even if the new agent is killed at any time, and the old queue is removed.
func TestAgentDelivery_TakesOverTheSendingQueue(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.sink = newSink(t)
	away := addresses(t, 1)[0]
	old := e.settings(away)
	c := start(t, old.Env, append(old.Args, sendingQueue()...)...)
	last := 0
	for range 20 { // separate requests
		e.appendLines(last+1, last+25)
		last += 25
		require.Eventually(t, func() bool { return e.metric("otelcol_receiver_pm2_lines") >= float64(last) }, 30*time.Second, 5*time.Millisecond)
	}
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(filepath.Join(e.state, checkpointFile))
		return err == nil && strings.Contains(string(raw), fmt.Sprintf(`"offset":%d`, len(edgeLines(1, last))))
	}, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, c.Kill())
	file := filepath.Join(e.state, "exporter_otlp_http__logs")
	require.FileExists(t, file)

	for range fromEnv(t, "E2E_CRASH_KILLS", 3) { // nothing is delivered so far
		set := e.settings(away)
		set.Ready = "Migrating the sending queue"
		c = startAs(t, set)
		pause(t.Context(), time.Duration(rand.IntN(60))*time.Millisecond)
		require.NoError(t, c.Kill())
		if _, err := os.Stat(file); os.IsNotExist(err) {
			break
		}
	}
	e.appendLines(last+1, last+10)
	c = e.start(e.sink.http, quickly("--config", "yaml:exporters::tenant_routing::lane::concurrency: 1")...)
	e.await(1, last+10)
	e.requireOnce(1, last+10)
	require.Eventually(t, func() bool { _, err := os.Stat(file); return os.IsNotExist(err) }, 30*time.Second, 10*time.Millisecond)
	at, before := 0, 0
	e.each(func(original, _ string) {
		_, err := fmt.Sscanf(original, "line %d ", &at)
		require.NoError(t, err)
		assert.Greater(t, at, before, "in order")
		before = at
	})
	c.stop()
	c = e.start(e.sink.http)
	assert.NotContains(t, c.Output(), "Taking over")
}

// TestAgentDelivery_DeadLetters has the gateway reject some records permanently. tenantctl
// lists them in the agent's state, and makes the running agent send them again.
func TestAgentDelivery_DeadLetters(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.sink = newSink(t)
	g := newGate(t, e.sink)
	on := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: e.sink.http})
	g.set(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || bytes.Contains(body, []byte("line 0007")) {
			http.Error(w, "line 7 is bad", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		on.ServeHTTP(w, r)
	})
	e.appendLines(1, 20)
	e.start(g.addr(), quickly("--config", "yaml:exporters::tenant_routing::destinations::gateway::otlp_http::compression: none")...)
	letters := filepath.Join(e.state, "dead-letters")
	list := func() string {
		out, err := exec.Command(built(t, "tenantctl"), "deadletter", "list", "--directory", letters).CombinedOutput()
		if err != nil {
			return err.Error() + string(out)
		}
		return string(out)
	}
	require.Eventually(t, func() bool { return strings.Contains(list(), "http_400") }, time.Minute, 100*time.Millisecond)
	e.await(1, 6)
	e.await(8, 20)
	assert.Zero(t, e.arrived()[7])
	g.open()
	require.Eventually(t, func() bool { // a dead letter that was just written is not replayed immediately
		out, err := exec.Command(built(t, "tenantctl"), "deadletter", "replay", "--directory", letters).CombinedOutput()
		t.Logf("%s", out)
		return err == nil
	}, time.Minute, time.Second)
	e.await(7, 7)
	e.requireOnce(1, 20)
}
