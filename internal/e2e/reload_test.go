// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// place is a backend that a configuration names. A request's path begins with
// /<destination>/<tenant>.
type place struct {
	url string

	mu      sync.Mutex
	busy    bool
	got     map[string]map[string]int // by destination, bodies
	headers map[string]int            // values of X-Config of accepted requests
	foreign []string
}

// misrouted returns what arrived for another tenant than its own. Like took, it may be
// called while repetitions still arrive.
func (p *place) misrouted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.foreign)
}

// took returns how many requests with this X-Config were accepted.
func (p *place) took(config string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.headers[config]
}

func newPlace(t *testing.T, busy bool) *place {
	t.Helper()
	p := &place{busy: busy, got: map[string]map[string]int{}, headers: map[string]int{}}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// ServeHTTP implements http.Handler.
func (p *place) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ld, err := readLogs(r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	parts := strings.Split(r.URL.Path, "/")
	p.headers[r.Header.Get("X-Config")]++
	p.take(parts[1], parts[2], ld)
}

func (p *place) take(destination, owner string, ld plogotlp.ExportRequest) {
	if p.got[destination] == nil {
		p.got[destination] = map[string]int{}
	}
	for _, rl := range ld.Logs().ResourceLogs().All() {
		id, _ := rl.Resource().Attributes().Get(tenant.AttributeKey)
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				body := lr.Body().Str()
				p.got[destination][body]++
				if sender, _, _ := strings.Cut(body, " "); sender != owner || id.Str() != owner {
					p.foreign = append(p.foreign, body+" at "+owner)
				}
			}
		}
	}
}

// lacks returns how many of bodies arrived at none of places for a destination.
func lacks(bodies map[string]bool, destination string, places ...*place) int {
	missing := 0
	for body := range bodies {
		n := 0
		for _, p := range places {
			p.mu.Lock()
			n += p.got[destination][body]
			p.mu.Unlock()
		}
		if n == 0 {
			missing++
		}
	}
	return missing
}

// reloading is a gateway whose configuration a test changes while it runs.
type reloading struct {
	*collector
	overlay     string
	grpc, http  string
	pprof       string
	reg         *registry
	names, keys []string
	reloads     int
}

func startReloading(t *testing.T, overlay string, backend string) *reloading {
	t.Helper()
	dir := t.TempDir()
	g := &reloading{reg: newRegistry(t), overlay: filepath.Join(dir, "overlay.yaml")}
	for i := range 3 {
		g.names = append(g.names, fmt.Sprintf("tenant-%d", i))
		g.reg.ctl("tenant", "create", g.names[i], "--var", "backend="+backend)
		_, key := g.reg.key(g.names[i])
		g.keys = append(g.keys, key)
	}
	free := addresses(t, 5)
	g.grpc, g.http, g.pprof = free[0], free[1], free[4]
	g.write(t, overlay)
	g.collector = start(t, map[string]string{
		"TENANTS_FILE": g.reg.path, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": filepath.Join(dir, "state"),
		"OTLP_GRPC_ENDPOINT": g.grpc, "OTLP_HTTP_ENDPOINT": g.http, "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		"PPROF_ENDPOINT": g.pprof,
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", g.overlay)
	return g
}

func (g *reloading) write(t *testing.T, overlay string) {
	t.Helper()
	require.NoError(t, os.WriteFile(g.overlay, []byte(`
extensions: {pprof: {endpoint: "${env:PPROF_ENDPOINT}"}}
service: {extensions: [pprof, tenant_health, file_storage, tenant_registry, bearer_key_auth, request_guard]}
exporters:
  tenant_routing:
    lane: {batch: {timeout: 20ms}}
    retry: {initial_interval: 50ms, max_interval: 200ms}
    circuit_breaker: {open: 200ms}
`+overlay), 0o600))
}

func (g *reloading) ready() int { return strings.Count(g.Output(), "Everything is ready") }

// reload applies an overlay in the running process.
func (g *reloading) reload(t *testing.T, overlay string) {
	t.Helper()
	g.write(t, overlay)
	require.NoError(t, g.Signal(syscall.SIGHUP))
	g.reloads++
	require.Eventually(t, func() bool { return g.ready() > g.reloads }, 30*time.Second, 10*time.Millisecond, "the new configuration is not in force")
}

var goroutineTotal = regexp.MustCompile(`^goroutine profile: total (\d+)`)

// holds returns how many goroutines and open files the gateway has.
func (g *reloading) holds(t *testing.T) (goroutines, files int) {
	t.Helper()
	found := goroutineTotal.FindStringSubmatch(string(get(t, "http://"+g.pprof+"/debug/pprof/goroutine?debug=1")))
	require.NotNil(t, found)
	goroutines, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	if runtime.GOOS == "linux" {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.Pid()))
		require.NoError(t, err)
		files = len(fds)
	}
	return goroutines, files
}

// TestReload changes destinations in the collector's configuration, and a tenant's
// variables in the registry, while tenants send. Data that was accepted earlier and waits
// in storage goes to the new endpoint with the new headers.
func TestReload(t *testing.T) {
	t.Parallel()
	down, up, moved := newPlace(t, true), newPlace(t, false), newPlace(t, false)
	overlay := func(fixed, config string) string {
		return fmt.Sprintf(`
    allow_private_endpoints: [127.0.0.0/8]
    destinations:
      fixed: {otlp_http: {endpoint: "%s/fixed/{tenant}", compression: gzip, headers: {X-Config: "%s"}}}
      own: {otlp_http: {endpoint: "{vars.backend}/own/{tenant}", compression: gzip, headers: {X-Config: "%[2]s"}}}
    routes: {logs: [fixed, own]}
`, fixed, config)
	}
	g := startReloading(t, overlay(down.url, "first"), up.url)
	l := newCrashLoad(t, g.grpc, g.http, g.names, g.keys)
	more := func() {
		t.Helper()
		before := l.count()
		require.Eventually(t, func() bool { return l.count() > before+100 }, 30*time.Second, time.Millisecond, "nothing is accepted")
	}
	more()
	waiting := l.result()
	g.reg.ctl("tenant", "update", g.names[1], "--var", "backend="+moved.url)
	g.reload(t, overlay(up.url, "second"))
	more()
	require.Eventually(t, func() bool { return lacks(waiting, "fixed", up) == 0 }, time.Minute, 20*time.Millisecond,
		"what waited in storage does not go to the new endpoint")

	var goroutines, files []int
	for i := range 4 {
		g.reg.ctl("tenant", "update", g.names[2], "--var", "backend="+[]string{up.url, moved.url}[i%2])
		g.reload(t, overlay([]string{moved.url, up.url}[i%2], "later"))
		more()
		a, b := g.holds(t)
		goroutines, files = append(goroutines, a), append(files, b)
	}
	l.stop()
	accepted := l.result()
	assert.Eventually(t, func() bool { return lacks(accepted, "fixed", up, moved) == 0 && lacks(accepted, "own", up, moved) == 0 },
		time.Minute, 20*time.Millisecond, "acknowledged records are missing")
	for _, p := range []*place{down, up, moved} {
		assert.Empty(t, p.misrouted())
	}
	assert.Zero(t, down.took("first")+down.took("second")+down.took("later"), "a backend that answers 503 has nothing")
	assert.Positive(t, up.took("second"))
	assert.Positive(t, up.took("later"))
	assert.Positive(t, moved.took("later"))
	assert.Equal(t, g.reloads+1, g.ready(), "the process restarted its pipelines once for each reload")
	select {
	case <-g.Done():
		t.Fatal("the process ended")
	default:
	}
	// Each reload creates new resources and must release the previous ones. The number of
	// connections of callers and backends varies by dozens.
	assert.LessOrEqual(t, goroutines[3], goroutines[0]+40, "goroutines: %v", goroutines)
	assert.LessOrEqual(t, files[3], files[0]+20, "open files: %v", files)
	t.Logf("%d records acknowledged over %d reloads; goroutines %v, open files %v", len(accepted), g.reloads, goroutines, files)
	g.stop()
}

// TestReload_OfLanesInMemory checks what a reload costs without storage: nothing that a
// backend accepts within shutdown_timeout; the log states how many records of the rest are
// lost.
func TestReload_OfLanesInMemory(t *testing.T) {
	t.Parallel()
	up, down := newPlace(t, false), newPlace(t, true)
	overlay := func(config string) string {
		return fmt.Sprintf(`
    storage: null
    shutdown_timeout: 3s
    destinations:
      works: {otlp_http: {endpoint: "%s/works/{tenant}", compression: gzip, headers: {X-Config: "%s"}}}
      fails: {otlp_http: {endpoint: "%s/fails/{tenant}", compression: gzip}}
    routes: {logs: [works, fails]}
`, up.url, config, down.url)
	}
	g := startReloading(t, overlay("first"), up.url)
	l := newCrashLoad(t, g.grpc, g.http, g.names, g.keys)
	require.Eventually(t, func() bool { return l.count() > 200 }, 30*time.Second, time.Millisecond, "nothing is accepted")
	l.stop()
	accepted := l.result()
	g.reload(t, overlay("second"))
	assert.Zero(t, lacks(accepted, "works", up), "what the backend takes is delivered before the new configuration is in force")
	lost := regexp.MustCompile(`Dropped accepted data at the shutdown.*"destination": "(\w+)", "signal": "logs", "records": (\d+)`).FindAllStringSubmatch(g.Output(), -1)
	require.Len(t, lost, 1, "the log does not report the loss")
	assert.Equal(t, "fails", lost[0][1])
	n, err := strconv.Atoi(lost[0][2])
	require.NoError(t, err)
	// A request that the load canceled may have been accepted too.
	assert.GreaterOrEqual(t, n, len(accepted))
	g.stop()
}
