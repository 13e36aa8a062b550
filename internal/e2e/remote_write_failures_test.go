// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// debianPrometheus returns the Prometheus of the system, which is that of Debian in CI, or
// skips. It speaks remote write 1.0 alone.
func debianPrometheus(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		missing(t, "prometheus (Debian's package)")
	}
	return path
}

// tap is between a client of remote write and the gateway, and counts answers.
type tap struct {
	url    string
	damage atomic.Bool // requests have another body
	gzip   atomic.Bool // requests have another Content-Encoding

	mu         sync.Mutex
	statuses   map[int]int
	retryAfter map[int]int // answers with Retry-After by status
	encodings  map[string]int
}

func newTap(t *testing.T, address string) *tap {
	t.Helper()
	p := &tap{statuses: map[int]int{}, retryAfter: map[int]int{}, encodings: map[string]int{}}
	s := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			if p.damage.Load() {
				const body = "damaged"
				r.Out.Body, r.Out.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			}
			if p.gzip.Load() {
				r.Out.Header.Set("Content-Encoding", "gzip")
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.statuses[resp.StatusCode]++
			p.encodings[resp.Request.Header.Get("Content-Encoding")]++
			if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
				p.retryAfter[resp.StatusCode]++
			}
			return nil
		},
		// The client sees that the connection ends, as if there were nothing between.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

func (p *tap) count(status int) (answers, withRetryAfter int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statuses[status], p.retryAfter[status]
}

// writer is a real client of remote write with the configuration that tenantctl onboard
// prints. It scrapes exporter.
type writer struct {
	name, tenant, column string // of the table in the README
	tap                  *tap
	exporter             *scrapes
	setKey               func(string)
}

// onboarding returns what tenantctl onboard prints for a sender to a URL.
func onboarding(t *testing.T, r *rig, owner, url string) (o operate.OnboardingView) {
	t.Helper()
	out := r.reg.ctl("onboard", owner, "--endpoint", "http://"+r.http, "--remote-write-url", url)
	require.NoError(t, json.Unmarshal([]byte(out), &o), out)
	return o
}

// newWriter returns a client that is not started, and the files that it needs.
func newWriter(t *testing.T, r *rig, address, name, owner, column string) (w *writer, target, dir, keyFile string) {
	t.Helper()
	w = &writer{name: name, tenant: owner, column: column, tap: newTap(t, address), exporter: newScrapes(t)}
	dir = t.TempDir()
	keyFile = filepath.Join(dir, "gateway.key")
	w.setKey = func(key string) { require.NoError(t, os.WriteFile(keyFile, []byte(key+"\n"), 0o600)) }
	w.setKey(r.keys[owner])
	return w, w.exporter.target, dir, keyFile
}

// prometheusWriter starts a Prometheus. change are pairs of texts to replace in what
// tenantctl onboard prints.
func prometheusWriter(t *testing.T, r *rig, path, name, owner string, change ...string) *writer {
	t.Helper()
	w, target, dir, keyFile := newWriter(t, r, r.remoteWrite, name, owner, "Prometheus")
	addr, config := addresses(t, 1)[0], filepath.Join(dir, "prometheus.yml")
	snippet := adapted(t, onboarding(t, r, owner, w.tap.url).PrometheusConfig, append(change,
		operate.KeyFile, keyFile, "    queue_config:\n", "    queue_config:\n      batch_send_deadline: 200ms\n")...)
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(
		"global: {scrape_interval: 250ms, scrape_timeout: 250ms}\nscrape_configs:\n  - {job_name: j, static_configs: [{targets: [%q]}]}\n%s", target, snippet)), 0o600))
	newStore(t, addr, "/-/ready", process.Settings{Path: path, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
	}})
	return w
}

// vmagentWriter starts a vmagent, which sends to a receiver at an address.
func vmagentWriter(t *testing.T, r *rig, address, name, owner string) *writer {
	t.Helper()
	agent := realBackend(t, "vmagent")
	w, target, dir, keyFile := newWriter(t, r, address, name, owner, "vmagent")
	addr, config, script := addresses(t, 1)[0], filepath.Join(dir, "scrape.yml"), filepath.Join(dir, "vmagent.sh")
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(
		"scrape_configs:\n  - {job_name: j, scrape_interval: 250ms, scrape_timeout: 250ms, static_configs: [{targets: [%q]}]}\n", target)), 0o600))
	require.NoError(t, os.WriteFile(script, []byte(adapted(t, onboarding(t, r, owner, w.tap.url).VMAgentScript,
		"exec vmagent", "exec '"+agent+"'", operate.KeyFile, keyFile)), 0o600))
	newStore(t, addr, "/health", process.Settings{Path: "/bin/sh", Args: []string{
		script, "-httpListenAddr=" + addr, "-promscrape.config=" + config, "-remoteWrite.tmpDataPath=" + filepath.Join(dir, "queue"),
		"-remoteWrite.flushInterval=200ms", "-remoteWrite.retryMinInterval=200ms", "-remoteWrite.retryMaxTime=1s",
	}})
	return w
}

// arrived returns the scrapes that a backend has.
func (w *writer) arrived(b *recorder) map[int64]bool {
	got := map[int64]bool{}
	for id, samples := range b.series("scrapes_total") {
		if strings.Contains(id, fmt.Sprintf("%q=%q", "business_id", w.tenant)) {
			for _, s := range samples {
				got[int64(s.value)] = true
			}
		}
	}
	return got
}

// missingFrom returns the scrapes from first to last that the client has read, and a backend
// has not.
func (w *writer) missingFrom(b *recorder, first, last int64) []int64 {
	return w.exporter.missing(w.arrived(b), first, last)
}

// failureRow is a row of the table of failures in the README of the receiver.
type failureRow map[string]string

// failureRows returns the rows by the beginning of their situation.
func failureRows(t *testing.T) func(situation string) failureRow {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "receiver", "prometheusremotewritereceiver", "README.md"))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(raw), "\n## Behavior on failure\n")
	require.True(t, ok)
	cells := func(line string) (all []string) {
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			all = append(all, strings.TrimSpace(cell))
		}
		return all
	}
	_, table, ok := strings.Cut(section, "\n|") // up to an empty line
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	lines := strings.Split(table, "\n")
	header := cells(lines[0])
	var rows []failureRow
	for _, line := range lines[2:] {
		row := failureRow{}
		for i, cell := range cells(line) {
			row[header[i]] = cell
		}
		rows = append(rows, row)
	}
	return func(situation string) failureRow {
		for _, row := range rows {
			if strings.HasPrefix(row["situation"], situation) {
				return row
			}
		}
		require.Failf(t, "no such situation in the README", "%q in %v", situation, rows)
		return nil
	}
}

// TestRemoteWrite_Failures has real clients write while they have a wrong key, while their
// tenant is suspended or over a quota, while a lane is full, while the memory limiter
// rejects, and while the gateway restarts. The table of the README says what each does.
func TestRemoteWrite_Failures(t *testing.T) {
	t.Parallel()
	debian, current := debianPrometheus(t), realBackend(t, "prometheus")
	row, backend := failureRows(t), newRecorder(t)
	snappyOnly := addresses(t, 1)[0]
	owners := []string{"debian", "zstd", "snappy", "one", "two", "quota-debian", "quota-default", "quota-zstd"}
	r := newRig(t, `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      backend: {otlp_http: {endpoint: "`+backend.url+`", compression: none}}
    routes: {metrics: [backend]}
    lane: {max_bytes: 24KiB, batch: {`+smallBatch+`}}
    retry: {initial_interval: 50ms, max_interval: 500ms}
    circuit_breaker: {open: 500ms}
receivers:
  prometheus_remote_write/snappy:
    endpoint: `+snappyOnly+`
    compression_algorithms: [snappy]
    auth: {authenticator: bearer_key_auth}
service:
  pipelines:
    metrics: {receivers: [tenant_otlp, prometheus_remote_write, prometheus_remote_write/snappy]}
`, owners...)
	g := r.run()

	// Rejected for a quota, clients wait for a minute, during which the others go on.
	overQuota := []*writer{
		prometheusWriter(t, r, debian, "Prometheus with retry_on_http_429", "quota-debian"),
		prometheusWriter(t, r, debian, "Prometheus without retry_on_http_429", "quota-default", "      retry_on_http_429: true", "      max_shards: 1"),
		vmagentWriter(t, r, r.remoteWrite, "vmagent", "quota-zstd"),
	}
	writers := []*writer{
		prometheusWriter(t, r, debian, "Prometheus of Debian", "debian"),
		vmagentWriter(t, r, r.remoteWrite, "vmagent", "zstd"),
		vmagentWriter(t, r, snappyOnly, "vmagent with snappy", "snappy"),
		prometheusWriter(t, r, current, "Prometheus 3 with 1.0", "one"),
		prometheusWriter(t, r, current, "Prometheus 3 with 2.0", "two", "# protobuf_message", "protobuf_message"),
	}
	// arrives waits until a scrape has arrived that begins after the call, and returns its number.
	arrives := func(w *writer) (first int64) {
		before := w.exporter.count()
		require.Eventually(t, func() bool {
			first = 0
			for n := range w.arrived(backend) {
				if n > before && (first == 0 || n < first) {
					first = n
				}
			}
			return first > 0
		}, 90*time.Second, 100*time.Millisecond, w.name)
		return first
	}
	for _, w := range append(writers, overQuota...) {
		arrives(w)
	}

	// refused waits until a client has been refused, and checks how.
	refused := func(w *writer, expect failureRow, atLeast, since int) {
		status, err := strconv.Atoi(expect["status"])
		require.NoError(t, err)
		require.Eventually(t, func() bool { n, _ := w.tap.count(status); return n >= since+atLeast }, time.Minute, 50*time.Millisecond,
			"%s: %d", w.name, status)
		n, withRetryAfter := w.tap.count(status)
		if strings.Contains(expect["headers"], "Retry-After") {
			assert.Equal(t, n, withRetryAfter, "%s: %d", w.name, status)
		} else {
			assert.Zero(t, withRetryAfter, "%s: %d", w.name, status)
		}
	}
	// ends checks what became of the scrapes from first to last, during which a client was
	// refused.
	ends := func(w *writer, behavior string, first, last int64) {
		arrives(w)
		if strings.HasPrefix(behavior, "drops") {
			assert.NotEmpty(t, w.missingFrom(backend, first, last), w.name)
			return
		}
		require.True(t, strings.HasPrefix(behavior, "retries"), behavior)
		require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Empty(c, w.missingFrom(backend, first, last)) }, time.Minute, 100*time.Millisecond, w.name)
	}

	quota := row("over a rate or a quota")
	firstOfQuota := make([]int64, len(overQuota))
	for i, w := range overQuota {
		firstOfQuota[i] = arrives(w)
		r.reg.ctl("tenant", "update", w.tenant, "--limit", "metrics.daily_records=1")
	}
	lastOfQuota := make([]int64, len(overQuota))
	for i, w := range overQuota {
		refused(w, quota, 1, 0)
		lastOfQuota[i] = w.exporter.count()
	}
	for _, w := range overQuota {
		r.reg.ctl("tenant", "update", w.tenant, "--limit", "metrics.daily_records=0")
	}

	type situation struct {
		row         string
		begin, lift func()
	}
	// restart runs the gateway with one more configuration.
	restart := func(config string) {
		g.stop()
		usual := r.args
		r.args = slices.Concat(usual, []string{"--config", "yaml:" + config})
		g = r.run()
		r.args = usual
	}
	usual := func() {
		g.stop()
		g = r.run()
	}
	check := func(s situation) {
		expect := row(s.row)
		status, err := strconv.Atoi(expect["status"])
		require.NoError(t, err)
		since, first, last := make([]int, len(writers)), make([]int64, len(writers)), make([]int64, len(writers))
		for i, w := range writers {
			first[i] = arrives(w)
			since[i], _ = w.tap.count(status)
		}
		s.begin()
		for i, w := range writers {
			refused(w, expect, 2, since[i])
			last[i] = w.exporter.count()
		}
		s.lift()
		for i, w := range writers {
			ends(w, expect[w.column], first[i], last[i])
		}
	}
	for _, s := range []situation{
		{
			"no or unknown key",
			func() {
				for _, w := range writers {
					w.setKey("obs_k00000000_wrong")
				}
			},
			func() {
				for _, w := range writers {
					w.setKey(r.keys[w.tenant])
				}
			},
		},
		{
			"tenant suspended",
			func() {
				for _, w := range writers {
					r.reg.ctl("tenant", "suspend", w.tenant)
				}
			},
			func() {
				for _, w := range writers {
					r.reg.ctl("tenant", "resume", w.tenant)
				}
			},
		},
		{"lane full", func() { backend.away.Store(true) }, func() { backend.away.Store(false) }},
		{
			"memory limit",
			func() {
				restart("processors::memory_limiter: {limit_percentage: 0, spike_limit_percentage: 0, limit_mib: 4, spike_limit_mib: 1, check_interval: 100ms}")
			},
			usual,
		},
	} {
		check(s)
	}

	// Nothing that a client took for delivered is lost over restarts.
	first := make([]int64, len(writers))
	for i, w := range writers {
		first[i] = arrives(w)
	}
	for range 2 {
		usual()
		for _, w := range writers {
			arrives(w)
		}
	}
	for i, w := range writers {
		ends(w, row("the gateway restarts")[w.column], first[i], w.exporter.count())
	}

	for i, w := range overQuota {
		behavior := quota[w.column]
		if w.tenant == "quota-debian" {
			require.Equal(t, "drops the batch, unless `retry_on_http_429: true`", behavior)
			behavior = "retries"
		}
		ends(w, behavior, firstOfQuota[i], lastOfQuota[i])
	}

	for _, w := range writers {
		w.tap.mu.Lock()
		switch {
		case w.tenant == "snappy":
			assert.Positive(t, w.tap.statuses[http.StatusUnsupportedMediaType], "vmagent begins with zstd")
			assert.Equal(t, w.tap.statuses[http.StatusUnsupportedMediaType], w.tap.encodings["zstd"], "and goes on with snappy")
		case w.column == "vmagent":
			assert.Zero(t, w.tap.encodings["snappy"])
		default:
			assert.Zero(t, w.tap.encodings["zstd"])
		}
		w.tap.mu.Unlock()
	}

	if os.Getenv("E2E_ACCEPTANCE") == "1" { // what clients do here depends on nothing of the gateway
		all := func(change func(*tap)) func() {
			return func() {
				for _, w := range writers {
					change(w.tap)
				}
			}
		}
		const receivers = "receivers: {prometheus_remote_write: %s, prometheus_remote_write/snappy: %s}"
		for _, s := range []situation{
			{"too large", func() { restart(fmt.Sprintf(receivers, "{max_request_body_size: 8}", "{max_request_body_size: 8}")) }, usual},
			{"path", func() { restart(fmt.Sprintf(receivers, "{path: /other}", "{path: /other}")) }, usual},
			{"malformed", all(func(p *tap) { p.damage.Store(true) }), all(func(p *tap) { p.damage.Store(false) })},
			{"content type", all(func(p *tap) { p.gzip.Store(true) }), all(func(p *tap) { p.gzip.Store(false) })},
		} {
			check(s)
		}
	}
	for _, w := range append(writers, overQuota...) {
		assert.Equal(t, map[string][]string{}, r.dead(w.tenant))
	}
	g.stop()
}
