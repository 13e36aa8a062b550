// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// ailing is the shipped agent with short intervals, whose /health a test follows.
type ailing struct {
	*collector
	t                              *testing.T
	home, state, key, keyFile      string
	gateway, health, metrics, otlp string
	env                            map[string]string
	args                           []string
}

// newAiling prepares an agent that sends to the address gateway.
func newAiling(t *testing.T, gateway string) *ailing {
	t.Helper()
	built(t, "otelcol-tenant")
	free, dir := addresses(t, 4), t.TempDir()
	a := &ailing{
		t: t, home: filepath.Join(dir, "home"), state: filepath.Join(dir, "state"), keyFile: filepath.Join(dir, "key"),
		gateway: gateway, health: free[2], metrics: port(free[3]), otlp: free[1],
	}
	a.key, _ = apikey.New()
	a.writeKey()
	a.env = map[string]string{
		"BUSINESS_ID": "tenant-a", "TENANT_KEY": "", "GATEWAY_ENDPOINT": gateway, "PM2_HOME": a.home, "PM2_METRICS": "false", "STATE_DIR": a.state, "TZ": "UTC",
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": a.otlp, "HEALTH_ENDPOINT": a.health, "METRICS_PORT": a.metrics,
	}
	for _, line := range []string{
		"extensions::tenant_health::conditions: {begin_after: 1s, end_after: 1s, queue_age: 3s}",
		"extensions::bearer_key_auth::client::key: ''",
		"extensions::bearer_key_auth::client::key_file: " + a.keyFile,
		"receivers::pm2::process_list::enabled: false",
		"receivers::host_metrics::collection_interval: 1s",
		"exporters::tenant_routing::retry: {initial_interval: 100ms, max_interval: 500ms}",
		"exporters::tenant_routing::circuit_breaker: {open: 500ms}",
		"exporters::tenant_routing::lane::batch::timeout: 100ms",
	} {
		a.args = append(a.args, "--config", "yaml:"+line)
	}
	a.args = append([]string{"--config", filepath.Join(root, "distributions", "agent", "config.yaml")}, a.args...)
	return a
}

func (a *ailing) writeKey() { require.NoError(a.t, os.WriteFile(a.keyFile, []byte(a.key+"\n"), 0o600)) }

func (a *ailing) run(args ...string) {
	a.t.Helper()
	a.collector = start(a.t, a.env, append(a.args, args...)...)
}

// appears creates the PM2 home with a log file.
func (a *ailing) appears() {
	require.NoError(a.t, os.MkdirAll(filepath.Join(a.home, "logs"), 0o700))
	require.NoError(a.t, os.WriteFile(filepath.Join(a.home, "logs", "app-out.log"), []byte("line\n"), 0o600))
}

// post sends a log record to the agent.
func (a *ailing) post(size int) int {
	a.t.Helper()
	ld := payload(tenant.Logs, 1, "app", "x").(plog.Logs)
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutStr("padding", incompressible(size))
	body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	require.NoError(a.t, err)
	code, _ := postProto(a.t, a.otlp, "logs", body, nil)
	return code
}

type answered struct {
	Status     string
	Conditions []struct{ Name, Component, Cause, Message, Fix, Since string }
}

func (a *ailing) ask() (int, answered) {
	a.t.Helper()
	resp, err := http.Get("http://" + a.health + "/health") //nolint:noctx // a test's own loopback server
	require.NoError(a.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	var got answered
	require.NoError(a.t, json.Unmarshal(raw, &got), string(raw))
	return resp.StatusCode, got
}

// ails waits until the agent reports a condition whose message contains these words, and
// checks that metrics and log report the same.
func (a *ailing) ails(name string, words ...string) {
	a.t.Helper()
	var last answered
	holds := func(text string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}
	ok := assert.Eventually(a.t, func() bool {
		code := 0
		code, last = a.ask()
		for _, c := range last.Conditions {
			if c.Name == name && holds(c.Message) {
				return code == http.StatusServiceUnavailable && last.Status == "failing" && c.Fix != "" && c.Since != ""
			}
		}
		return false
	}, 60*time.Second, 50*time.Millisecond)
	require.True(a.t, ok, "no %s with %q in %+v", name, words, last)
	require.Eventually(a.t, func() bool {
		return slices.ContainsFunc(strings.Split(a.Output(), "\n"), func(line string) bool {
			return strings.Contains(line, "warn") && strings.Contains(line, `"condition": "`+name+`"`) && holds(line)
		})
	}, 30*time.Second, 50*time.Millisecond, "the log does not name %s", name)
	require.Eventually(a.t, func() bool { return a.conditionMetric(name) == "1" }, 30*time.Second, 50*time.Millisecond, "the metric does not name %s", name)
	assert.Empty(a.t, get(a.t, "http://"+a.health+"/health/live"), "a supervisor must not restart it")
}

// shows fails if, in addition to a condition, the agent shows one of its consequences.
func (a *ailing) shows(name string, consequences ...string) {
	a.t.Helper()
	// Not assert.Never, whose last call may outlast it and find an agent that the test has ended.
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) { // as an operator watches
		_, got := a.ask()
		for _, c := range got.Conditions {
			if c.Name != name {
				assert.NotContains(a.t, consequences, c.Name, "%s hides its consequences: %s", name, c.Message)
			}
		}
	}
}

// conditionMetric returns the value of the metric for a condition, or "" if there is none.
func (a *ailing) conditionMetric(name string) string {
	a.t.Helper()
	for line := range strings.Lines(string(get(a.t, "http://127.0.0.1:"+a.metrics+"/metrics"))) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "otelcol_extension_tenant_health_condition") && strings.Contains(line, `condition="`+name+`"`) {
			return line[strings.LastIndexByte(line, ' ')+1:]
		}
	}
	return ""
}

// incompressible returns n bytes of text that do not compress.
func incompressible(size int) string {
	raw := make([]byte, size/2)
	for i := range raw {
		raw[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(raw)
}

// recovers waits until no condition is reported.
func (a *ailing) recovers(ended ...string) {
	a.t.Helper()
	var last answered
	ok := assert.Eventually(a.t, func() bool {
		code := 0
		code, last = a.ask()
		return code == http.StatusOK && last.Status == "ok"
	}, 60*time.Second, 50*time.Millisecond)
	require.True(a.t, ok, "%+v", last)
	for _, name := range ended {
		assert.Equal(a.t, "0", a.conditionMetric(name), name)
		assert.True(a.t, slices.ContainsFunc(strings.Split(a.Output(), "\n"), func(line string) bool {
			return strings.Contains(line, "Condition has ended") && strings.Contains(line, `"`+name+`"`)
		}), "the log does not say that %s has ended", name)
	}
}

// fake is a gateway with configurable answers. It does not have to listen.
type fake struct {
	addr   string
	mu     sync.Mutex
	answer http.HandlerFunc
	server *http.Server
}

func (f *fake) set(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = h
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	f.mu.Lock()
	h := f.answer
	f.mu.Unlock()
	h(w, r)
}

func (f *fake) listen(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", f.addr) //nolint:noctx // a loopback address
	require.NoError(t, err)
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = f.server.Serve(l) }()
	t.Cleanup(func() { _ = f.server.Close() })
}

// answers returns a handler with this status and text.
func answers(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text))
	}
}

// TestConditions_OfTheShippedAgent breaks the things that an agent needs, one after the
// other. Each time /health, the metric and the log report it, and /health answers 200 again
// once it is repaired.
func TestConditions_OfTheShippedAgent(t *testing.T) {
	t.Parallel()
	gateway := &fake{addr: addresses(t, 1)[0], answer: answers(http.StatusOK, "")}
	a := newAiling(t, "http://"+gateway.addr)
	a.run()

	a.ails("pm2_not_found", a.home)
	a.shows("pm2_not_found", "log_files_missing", "pm2_unreachable")
	a.ails("gateway_unreachable", "http://"+gateway.addr+"/v1/", "connection refused")
	a.ails("queue_old", "3s")
	a.appears()
	gateway.listen(t)
	a.recovers("pm2_not_found", "gateway_unreachable", "queue_old")

	gateway.set(answers(http.StatusUnauthorized, "the key is not known here"))
	a.ails("gateway_refuses", "HTTP status 401", "the key is not known here", "http://"+gateway.addr+"/v1/")
	gateway.set(answers(http.StatusForbidden, "the tenant is suspended"))
	a.ails("gateway_refuses", "HTTP status 403", "the tenant is suspended")
	gateway.set(answers(http.StatusNotFound, "404 page not found"))
	a.ails("gateway_refuses", "HTTP status 404", "http://"+gateway.addr+"/v1/")
	gateway.set(answers(http.StatusServiceUnavailable, "starting"))
	a.ails("gateway_busy", "HTTP status 503", "starting")
	gateway.set(answers(http.StatusOK, ""))
	a.recovers("gateway_refuses", "gateway_busy")

	require.NoError(t, os.Remove(a.keyFile))
	a.ails("key_file_failed", a.keyFile, "no such file")
	require.NoError(t, os.WriteFile(a.keyFile, []byte("obs_not_a_key"), 0o600))
	a.ails("key_file_failed", "other content than one API key")
	a.writeKey()
	a.recovers("key_file_failed")

	require.NoError(t, os.Remove(filepath.Join(a.home, "logs", "app-out.log")))
	a.ails("log_files_missing", filepath.Join(a.home, "logs", "*.log"))
	a.appears()
	a.recovers("log_files_missing")

	gateway.set(answers(http.StatusBadRequest, "not this"))
	a.ails("data_dropped", "dead letters")

	out := a.Output()
	assert.NotContains(t, out, a.key)
	assert.NotContains(t, out, "goroutine ")
	assert.NotContains(t, out, "\n\t", "a line of the log has a stack trace")
}

// TestConditions_OfWrongEndpoints starts agents with endpoints that cannot work.
func TestConditions_OfWrongEndpoints(t *testing.T) {
	t.Parallel()
	plain := addresses(t, 1)[0]
	f := &fake{addr: plain, answer: answers(http.StatusOK, "")}
	f.listen(t)
	for name, tt := range map[string]struct {
		endpoint, condition string
		words               []string
	}{
		"a name that is none": {"https://gateway.invalid:4318", "gateway_unreachable", []string{"gateway.invalid", "lookup"}},
		"TLS without TLS":     {"https://" + plain, "gateway_unreachable", []string{"https://" + plain}},
		"no TLS":              {"http://192.0.2.1:4318", "key_not_sent", []string{"192.0.2.1"}},
		"the agent itself":    {"", "feedback_loop", []string{"127.0.0.1:"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.condition == "feedback_loop" && runtime.GOOS != "linux" {
				t.Skip("other systems do not say which ports a process listens on")
			}
			a := newAiling(t, tt.endpoint)
			if tt.endpoint == "" {
				a.env["GATEWAY_ENDPOINT"] = "http://" + a.otlp
			}
			a.appears()
			a.run()
			a.ails(tt.condition, tt.words...)
			a.shows(tt.condition, "gateway_unreachable", "gateway_refuses", "gateway_busy", "pipeline_refuses")
			a.stop()
		})
	}
}

// TestConditions_OfAnotherUsersPM2 runs the agent as a user who may not read PM2's home.
func TestConditions_OfAnotherUsersPM2(t *testing.T) {
	t.Parallel()
	setpriv, err := exec.LookPath("setpriv")
	if err != nil || os.Getuid() != 0 {
		missing(t, "setpriv, or the right to use it")
	}
	gateway := &fake{addr: addresses(t, 1)[0], answer: answers(http.StatusOK, "")}
	gateway.listen(t)
	a := newAiling(t, "http://"+gateway.addr)
	dir, err := os.MkdirTemp("", "conditions") //nolint:usetesting // other users may not enter a test folder
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	config, err := os.ReadFile(filepath.Join(root, "distributions", "agent", "config.yaml"))
	require.NoError(t, err)
	a.home, a.state, a.keyFile = filepath.Join(dir, "home"), filepath.Join(dir, "state"), filepath.Join(dir, "key")
	a.writeKey()
	a.appears()
	require.NoError(t, os.Mkdir(a.state, 0o700))
	const unprivileged = 65534
	require.NoError(t, os.Chown(a.state, unprivileged, unprivileged))
	require.NoError(t, os.Chown(a.keyFile, unprivileged, unprivileged))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.yaml"), config, 0o644)) //nolint:gosec // not a secret
	binary := filepath.Join(dir, "otelcol-tenant")
	if err := os.Link(built(t, "otelcol-tenant"), binary); err != nil {
		raw, err := os.ReadFile(built(t, "otelcol-tenant"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(binary, raw, 0o755)) //nolint:gosec // must be executable
	}
	a.env["PM2_HOME"], a.env["STATE_DIR"] = a.home, a.state
	args := []string{"--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", binary}
	args = append(args, a.args...)
	args = append(args, "--config", "yaml:extensions::bearer_key_auth::client::key_file: "+a.keyFile)
	for i, arg := range args {
		if strings.HasSuffix(arg, filepath.Join("agent", "config.yaml")) {
			args[i] = filepath.Join(dir, "config.yaml")
		}
	}
	a.collector = startAs(t, process.Settings{Path: setpriv, Args: args, Env: a.env})
	a.ails("log_files_unreadable", filepath.Join(a.home, "logs"), "permission denied")
	require.NoError(t, os.Chmod(a.home, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(a.home, "logs"), 0o755))
	a.ails("log_files_unreadable", filepath.Join(a.home, "logs", "app-out.log"), "permission denied")
	require.NoError(t, os.Chmod(filepath.Join(a.home, "logs", "app-out.log"), 0o644))
	a.recovers("log_files_unreadable")
	a.stop()
}
