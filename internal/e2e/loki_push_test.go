// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// pushLine sends a line over the push API of Loki. Its error means that there was no whole
// answer.
func pushLine(t *testing.T, addr, authorization, line string, headers map[string]string) (*http.Response, string, error) {
	t.Helper()
	return pushLineTo(t, http.DefaultClient, "http://"+addr+"/loki/api/v1/push", authorization, line, headers)
}

func pushLineTo(t *testing.T, client *http.Client, url, authorization, line string, headers map[string]string) (*http.Response, string, error) {
	t.Helper()
	body := fmt.Sprintf(`{"streams":[{"stream":{"app":"shop"},"values":[["%d",%q]]}]}`, time.Now().UnixNano(), line)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// TestLokiPush_ThroughProxies pushes through the proxies of docs/proxies.md.
func TestLokiPush_ThroughProxies(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", "acme")
	g := r.run()
	for name, newProxy := range proxyKinds() {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, r)
			for authorization, want := range map[string]int{basicAuth("acme", r.keys["acme"]): 204, "Bearer " + r.keys["acme"]: 204, "Bearer obs_wrong": 401} {
				for _, path := range []string{"/loki/api/v1/push", "/api/prom/push"} {
					resp, text, err := pushLineTo(t, p.client(false), "https://"+p.addr+path, authorization, "x", nil)
					require.NoError(t, err)
					assert.Equal(t, want, resp.StatusCode, path+": "+text)
				}
			}
		})
	}
	g.stop()
}

// The loggers that tenantctl onboard prints deliver.
func TestLokiPush_OnboardingSnippets(t *testing.T) {
	t.Parallel()
	dir := nodeProject(t)
	s := newSink(t)
	r := newRig(t, lokiTo(s), "acme")
	g := r.run()
	var o operate.OnboardingView
	out := r.reg.ctl("onboard", "acme", "--endpoint", "http://"+r.http, "--loki-url", "http://"+r.loki)
	require.NoError(t, json.Unmarshal([]byte(out), &o), out)
	for n, snippet := range []string{o.WinstonLoki, o.PinoLoki} {
		file := filepath.Join(t.TempDir(), "logger.cjs")
		require.NoError(t, os.WriteFile(file, []byte(snippet), 0o600))
		cmd := exec.CommandContext(t.Context(), "node", "-e", fmt.Sprintf("require(%q).info('line %d'); setInterval(() => {}, 1000)", file, n))
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "NODE_PATH=" + filepath.Join(dir, "node_modules"), "OTELCOL_TENANT_KEY=" + r.keys["acme"], "OTEL_SERVICE_NAME=shop",
		}
		run := newLokiRun(t, cmd)
		require.Eventually(t, func() bool { return len(pushed(t, s)[n]) > 0 }, time.Minute, 50*time.Millisecond, run.text(t))
	}
	r.drained()
	got := pushed(t, s)
	for n := range 2 {
		require.Len(t, got[n], 1)
		assert.Equal(t, "shop", got[n][0].resource["service.name"])
	}
	g.stop()
}

// The statuses are those of the table in the README of the receiver, for bearer tokens and
// for basic authentication with the key as password.
func TestLokiPush_KeysAndStatuses(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", "acme", "bolt", "suspended", "daily")
	r.reg.ctl("tenant", "suspend", "suspended")
	r.reg.ctl("tenant", "update", "daily", "--limit", "logs.daily_records=1")
	_, metricsOnly := r.reg.key("acme", "--scopes", "metrics")
	g := r.run()
	key := r.keys["acme"]
	for _, test := range []struct {
		name, authorization, orgID string
		status                     int
		text                       string
	}{
		{"bearer", "Bearer " + key, "", 204, ""},
		{"basic without a user", basicAuth("", key), "", 204, ""},
		{"basic with the tenant as user", basicAuth("acme", key), "", 204, ""},
		{"bearer and X-Scope-OrgID", "Bearer " + key, "acme", 204, ""},
		{"X-Scope-OrgID of another tenant", "Bearer " + key, "bolt", 401, "names another tenant than the API key"},
		{"no key", "", "", 401, "no org id"},
		{"X-Scope-OrgID alone", "", "acme", 401, "no org id"},
		{"wrong key", "Bearer " + key[:len(key)-1], "", 401, "key"},
		{"basic with another tenant as user", basicAuth("bolt", key), "", 401, "key"},
		{"suspended", "Bearer " + r.keys["suspended"], "", 403, "suspended"},
		{"key for metrics", basicAuth("acme", metricsOnly), "", 403, "may not send logs"},
		{"quota", basicAuth("daily", r.keys["daily"]), "", 204, ""},
		{"quota used up", "Bearer " + r.keys["daily"], "", 429, "Ingestion rate limit exceeded for user daily: "},
	} {
		var headers map[string]string
		if test.orgID != "" {
			headers = map[string]string{"X-Scope-OrgID": test.orgID}
		}
		resp, text, err := pushLine(t, r.loki, test.authorization, "x", headers)
		require.NoError(t, err, test.name)
		assert.Equal(t, test.status, resp.StatusCode, "%s: %s", test.name, text)
		assert.Contains(t, text, test.text, test.name)
		assert.Equal(t, test.status == 429, resp.Header.Get("Retry-After") != "", test.name)
		assert.NotContains(t, text, key[:len(key)-1], test.name)
	}
	r.drained()
	assert.Equal(t, 5, r.total().delivered, "four of acme and one within the quota")
	g.stop()
}

// lokiClient is a real client of Loki that logs numbered lines.
type lokiClient struct {
	name string
	run  func(t *testing.T, set lokiSettings) *lokiRun
}

type lokiSettings struct {
	addr, key string
	lines     int
	interval  time.Duration // between lines
	patience  time.Duration // for what is not delivered
}

// lokiRun is a client that runs.
type lokiRun struct {
	cmd    *exec.Cmd
	output *os.File
	done   chan struct{}
	err    error // valid after done
}

func newLokiRun(t *testing.T, cmd *exec.Cmd) *lokiRun {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	run := &lokiRun{cmd: cmd, output: out, done: make(chan struct{})}
	go func() {
		run.err = cmd.Wait()
		close(run.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // which fails if it has ended
		_ = out.Close()
	})
	return run
}

func (l *lokiRun) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(l.output.Name())
	require.NoError(t, err)
	return string(text)
}

// wait waits until the client has ended, and returns its output. It may be called again.
func (l *lokiRun) wait(t *testing.T) string {
	t.Helper()
	select {
	case <-l.done:
		require.NoError(t, l.err, l.text(t))
	case <-time.After(90 * time.Second):
		require.Fail(t, "the client does not end", l.text(t))
	}
	return l.text(t)
}

// lokiClients returns the clients, or skips.
func lokiClients(t *testing.T) map[string]lokiClient {
	t.Helper()
	dir := nodeProject(t)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "winston-loki")); err != nil {
		missing(t, "internal/e2e/testdata/node/node_modules/winston-loki (run npm ci --ignore-scripts there)")
	}
	library := realBackend(t, "loki-client")
	clients := map[string]lokiClient{}
	for _, name := range []string{"winston-json", "winston-protobuf", "pino"} {
		clients[name] = lokiClient{name, func(t *testing.T, set lokiSettings) *lokiRun {
			t.Helper()
			cmd := exec.CommandContext(t.Context(), "node", filepath.Join("loki", "app.cjs"))
			cmd.Dir = dir
			cmd.Env = []string{
				"PATH=" + os.Getenv("PATH"), "LIBRARY=" + name, "URL=http://" + set.addr, "KEY=" + set.key, "LINES=" + strconv.Itoa(set.lines),
				"INTERVAL=" + strconv.FormatInt(set.interval.Milliseconds(), 10), "PATIENCE=" + strconv.FormatInt(set.patience.Milliseconds(), 10),
			}
			return newLokiRun(t, cmd)
		}}
	}
	for name, flags := range map[string][]string{"loki-client-go": {"-tenant=acme"}, "loki-client-go-json": {"-json", "-user=acme"}} {
		clients[name] = lokiClient{name, func(t *testing.T, set lokiSettings) *lokiRun {
			t.Helper()
			args := append([]string{"-url=http://" + set.addr + "/loki/api/v1/push", "-lines=" + strconv.Itoa(set.lines), "-interval=" + set.interval.String()}, flags...)
			cmd := exec.CommandContext(t.Context(), library, args...)
			cmd.Env = []string{"KEY=" + set.key}
			return newLokiRun(t, cmd)
		}}
	}
	return clients
}

// lokiTo is an overlay that routes logs to a sink.
func lokiTo(s *sink) string {
	return `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      sink: {otlp_grpc: {endpoint: "` + s.grpc + `", tls: {insecure: true}}}
    routes: {logs: [sink]}` + fastRetry
}

var lineNumber = regexp.MustCompile(`line (\d+)`)

// pushed returns the records that a sink has by the number of their line.
func pushed(t *testing.T, s *sink) map[int][]pushedRecord {
	t.Helper()
	out := map[int][]pushedRecord{}
	for _, ld := range s.logs.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					m := lineNumber.FindStringSubmatch(lr.Body().Str())
					require.NotNil(t, m, lr.Body().Str())
					n, err := strconv.Atoi(m[1])
					require.NoError(t, err)
					out[n] = append(out[n], pushedRecord{rl.Resource().Attributes().AsRaw(), lr})
				}
			}
		}
	}
	return out
}

type pushedRecord struct {
	resource map[string]any
	record   plog.LogRecord
}

// missingLines returns which of the lines 0 to n-1 the sink has not.
func missingLines(t *testing.T, s *sink, n int) (none []int) {
	t.Helper()
	got := pushed(t, s)
	for i := range n {
		if len(got[i]) == 0 {
			none = append(none, i)
		}
	}
	return none
}

// Lines, labels, structured metadata and timestamps arrive as the clients have them.
func TestLokiPush_ClientsDeliverWhatTheyLog(t *testing.T) {
	t.Parallel()
	const lines = 300
	for name, client := range lokiClients(t) {
		t.Run(name, func(t *testing.T) {
			s := newSink(t)
			r := newRig(t, lokiTo(s), "acme")
			g := r.run()
			client.run(t, lokiSettings{addr: r.loki, key: r.keys["acme"], lines: lines, patience: 20 * time.Second}).wait(t)
			r.drained()
			got := pushed(t, s)
			assert.Len(t, got, lines)
			for n, all := range got {
				require.Len(t, all, 1, "line %d", n)
				requireLogged(t, name, n, all[0])
			}
			g.stop()
		})
	}
}

// requireLogged requires that a record is what a client has logged.
func requireLogged(t *testing.T, client string, n int, got pushedRecord) {
	t.Helper()
	odd := n%2 == 1
	word := map[bool]string{false: "info", true: "warn"}[odd]
	resource := map[string]any{"business_id": "acme", "service.name": "shop", "app": "shop"}
	attributes := map[string]any{}
	line, severity, at := "", word, uint64(1_700_000_000_000+n)*1_000_000 //nolint:gosec // it is positive
	switch client {
	case "winston-json", "winston-protobuf":
		resource["job"], resource["quoted"], resource["level"] = "winston", `a "b" c`, word
		line = fmt.Sprintf(`line %d {"level":%q,"number":%d,"user":{"name":"ünï"}}`, n, word, n)
		if client == "winston-json" { // it sends no structured metadata in protobuf
			attributes = map[string]any{"level": word, "number": strconv.Itoa(n), "user": `{"name":"ünï"}`}
		}
	case "pino":
		host, err := os.Hostname()
		require.NoError(t, err)
		resource["job"], resource["hostname"], resource["worker"] = "pino", host, "7"
		resource["level"] = map[bool]string{false: "info", true: "warning"}[odd]
		attributes = map[string]any{"request": fmt.Sprintf("r%d", n), "big": strconv.Itoa(n)}
		assert.Contains(t, got.record.Body().Str(), fmt.Sprintf(`"number":%d,`, n))
		line = got.record.Body().Str()
	default:
		resource["instance"], resource["path"] = fmt.Sprintf("i%d", n%3), `C:\logs\"x"`
		line = fmt.Sprintf(`level=info msg="line %d" quote="\""`, n)
		severity, at = "info", 1_700_000_000_000_000_000+uint64(n) //nolint:gosec // it is positive
		if client == "loki-client-go" {                            // it sends no structured metadata in JSON
			attributes = map[string]any{"number": strconv.Itoa(n), "user": "ünïcode"}
		}
	}
	require.Equal(t, line, got.record.Body().Str())
	require.Equal(t, resource, got.resource)
	require.Equal(t, attributes, got.record.Attributes().AsRaw())
	require.Equal(t, at, uint64(got.record.Timestamp()))
	require.Equal(t, severity, got.record.SeverityText())
}

// What the clients do with each rejection, and what becomes of their lines once its cause
// is gone. The table is in the README of the receiver.
func TestLokiPush_ClientsAndRejections(t *testing.T) {
	t.Parallel()
	const lines = 20
	clients := lokiClients(t)
	for _, tt := range []struct {
		name         string
		reject, mend func(*rig)
		status       string
		// keeps says whether a client sends again.
		keeps map[string]bool
	}{
		{
			"suspended",
			func(r *rig) { r.reg.ctl("tenant", "suspend", "acme") }, func(r *rig) { r.reg.ctl("tenant", "resume", "acme") }, "403",
			map[string]bool{"winston-json": true, "winston-protobuf": true},
		},
		{
			"quota",
			func(r *rig) { r.reg.ctl("tenant", "update", "acme", "--limit", "logs.daily_records=1") },
			func(r *rig) { r.reg.ctl("tenant", "update", "acme", "--limit", "logs.daily_records=1000000") }, "429",
			map[string]bool{"winston-json": true, "winston-protobuf": true, "loki-client-go": true, "loki-client-go-json": true},
		},
	} {
		for name, client := range clients {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				s := newSink(t)
				r := newRig(t, lokiTo(s), "acme")
				g := r.run()
				tt.reject(r)
				require.Eventually(t, func() bool {
					resp, _, err := pushLine(t, r.loki, "Bearer "+r.keys["acme"], "line 1000000", nil)
					return err == nil && strconv.Itoa(resp.StatusCode) == tt.status
				}, 20*time.Second, 100*time.Millisecond, "the gateway applies it")
				answers := func() int { return pushesAnswered(t, r, tt.status) }
				before := answers()
				run := client.run(t, lokiSettings{addr: r.loki, key: r.keys["acme"], lines: lines, patience: 40 * time.Second})
				require.Eventually(t, func() bool { return answers() > before }, 20*time.Second, 20*time.Millisecond, "it is rejected")
				if tt.keeps[name] {
					before := answers()
					require.Eventually(t, func() bool { return answers() > before }, 20*time.Second, 20*time.Millisecond, "it sends again")
				} else {
					run.wait(t) // it gives up
				}
				assert.Len(t, missingLines(t, s, lines), lines)
				tt.mend(r)
				text := run.wait(t)
				if !tt.keeps[name] {
					assert.Len(t, missingLines(t, s, lines), lines, "it drops its lines")
					return
				}
				require.Eventually(t, func() bool { return len(missingLines(t, s, lines)) == 0 }, 20*time.Second, 50*time.Millisecond, text)
				g.stop()
			})
		}
	}
}

// pushesAnswered returns how many requests were answered with a status.
func pushesAnswered(t *testing.T, r *rig, status string) (sum int) {
	t.Helper()
	pattern := regexp.MustCompile(`(?m)^otelcol_receiver_loki_push_requests_total\{code="` + status + `",.*\} ([0-9]+)$`)
	for _, m := range pattern.FindAllSubmatch(get(t, "http://"+r.metrics+"/metrics"), -1) {
		n, err := strconv.Atoi(string(m[1]))
		require.NoError(t, err)
		sum += n
	}
	return sum
}

// A wrong key is answered with 401: winston-loki keeps its lines and sends again, the
// others drop them.
func TestLokiPush_WrongKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", "acme")
	g := r.run()
	for name, client := range lokiClients(t) {
		t.Run(name, func(t *testing.T) {
			before := pushesAnswered(t, r, "401")
			text := client.run(t, lokiSettings{addr: r.loki, key: "obs_k00000000_wrong", lines: 5, patience: 3 * time.Second}).wait(t)
			n := pushesAnswered(t, r, "401") - before
			if strings.HasPrefix(name, "winston") {
				assert.Greater(t, n, 2, "it sends again")
				assert.Contains(t, text, "lines are left")
				assert.Contains(t, text, "malformed API key", "it logs the text")
				return
			}
			assert.Equal(t, 1, n, text)
			assert.Contains(t, text, "malformed API key", "it logs the text")
		})
	}
	r.drained()
	assert.Zero(t, r.total().accepted)
	g.stop()
}

// A lane that is full is answered with 429. Clients that retry lose nothing, and pino-loki
// loses what was not accepted.
func TestLokiPush_LaneFull(t *testing.T) {
	t.Parallel()
	const lines = 20
	for name, client := range lokiClients(t) {
		t.Run(name, func(t *testing.T) {
			s := newSink(t)
			r := newRig(t, `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      sink: {otlp_grpc: {endpoint: "{vars.sink}", tls: {insecure: true}}}
    routes: {logs: [sink]}
    lane: {max_bytes: 64KiB, batch: {max_bytes: 12KiB}}
    retry: {initial_interval: 50ms, max_interval: 500ms}
    circuit_breaker: {open: 500ms}
`, "acme")
			r.reg.ctl("tenant", "update", "acme", "--var", "sink="+addresses(t, 1)[0]) // nobody listens
			g := r.run()
			fillers := 0
			for _, size := range []int{4000, 100} { // what is left is less than the client sends
				require.Eventually(t, func() bool {
					resp, _, err := pushLine(t, r.loki, "Bearer "+r.keys["acme"], "line 1000000 "+strings.Repeat("x", size), nil)
					if err == nil && resp.StatusCode == http.StatusNoContent {
						fillers++
					}
					return err == nil && resp.StatusCode == http.StatusTooManyRequests
				}, 30*time.Second, time.Millisecond, "the lane fills")
			}
			before := pushesAnswered(t, r, "429")
			run := client.run(t, lokiSettings{addr: r.loki, key: r.keys["acme"], lines: lines, patience: 40 * time.Second})
			require.Eventually(t, func() bool { return pushesAnswered(t, r, "429") > before }, 20*time.Second, 20*time.Millisecond, "it is rejected")
			if name == "pino" {
				text := run.wait(t)
				assert.Contains(t, text, "Got error when trying to send log to loki", "it says so")
			}
			r.reg.ctl("tenant", "update", "acme", "--var", "sink="+s.grpc)
			text := run.wait(t)
			require.Eventually(t, func() bool { return len(pushed(t, s)[1_000_000]) >= fillers }, 30*time.Second, 50*time.Millisecond, "what was acknowledged")
			if name == "pino" {
				assert.Len(t, missingLines(t, s, lines), lines, "it drops its lines")
			} else {
				require.Eventually(t, func() bool { return len(missingLines(t, s, lines)) == 0 }, 20*time.Second, 50*time.Millisecond, text)
			}
			g.stop()
		})
	}
}

// The gateway is restarted twice while clients push. What was acknowledged is delivered, and
// the lines of clients that retry are all delivered.
func TestLokiPush_GatewayRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	const lines, senders = 400, 4
	clients := lokiClients(t)
	s := newSink(t)
	r := newRig(t, lokiTo(s), "acme")
	g := r.run()
	runs := map[string]*lokiRun{}
	sinks := map[string]string{"winston-json": "winston", "loki-client-go": ""}
	for name := range sinks {
		runs[name] = clients[name].run(t, lokiSettings{addr: r.loki, key: r.keys["acme"], lines: lines, interval: 15 * time.Millisecond, patience: 40 * time.Second})
	}
	var stop atomic.Bool
	var acknowledged [senders]atomic.Int64 // each sender repeats a line until it is acknowledged
	var group sync.WaitGroup
	for n := range senders {
		group.Go(func() {
			for !stop.Load() {
				resp, _, err := pushLine(t, r.loki, "Bearer "+r.keys["acme"], fmt.Sprintf("line %d", 1_000_000*(n+1)+int(acknowledged[n].Load())), nil)
				if err == nil && resp.StatusCode == http.StatusNoContent {
					acknowledged[n].Add(1)
					continue
				}
				time.Sleep(10 * time.Millisecond) // between attempts while nothing listens
			}
		})
	}
	sum := func() (sum int64) {
		for n := range senders {
			sum += acknowledged[n].Load()
		}
		return sum
	}
	for range 2 {
		from := sum()
		require.Eventually(t, func() bool { return sum() > from+200 }, time.Minute, 20*time.Millisecond)
		g.stop()
		g = r.run()
	}
	texts := map[string]string{}
	for name, run := range runs {
		texts[name] = run.wait(t)
	}
	stop.Store(true)
	group.Wait()
	r.drained()
	got := pushed(t, s)
	for n := range senders {
		for i := range int(acknowledged[n].Load()) {
			require.NotEmpty(t, got[1_000_000*(n+1)+i], "line %d of sender %d was acknowledged", i, n)
		}
	}
	for name, job := range sinks {
		for i := range lines {
			found := false
			for _, p := range got[i] {
				value, ok := p.resource["job"]
				found = found || ok == (job != "") && (!ok || value == job)
			}
			require.True(t, found, "line %d of %s: %s", i, name, texts[name])
		}
	}
	assert.Zero(t, r.total().dropped)
	assert.Equal(t, map[string][]string{}, r.dead("acme"))
	g.stop()
}
