// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// cause is a reason why the logs of a tenant do not arrive. On each side, one command names it
// and its fix, or says what that side can know.
type cause struct {
	name    string
	heading string // of its section in docs/troubleshooting.md

	// play creates the cause and starts what runs.
	play func(s *scene)

	// doctor are texts in the output of tenantctl doctor on the machine of the agent, and
	// status of tenantctl status on that of the gateway.
	doctor, status []string

	doctorArgs []string
	healthy    bool // doctor finds no fault: the cause is not on the machine of the agent
}

// causes are those of docs/troubleshooting.md.
func causes() []cause {
	return []cause{
		{
			name: "wrong key", heading: "Wrong key",
			play: func(s *scene) {
				other := newRegistry(s.t)
				other.ctl("tenant", "create", "acme")
				_, s.agentEnv["TENANT_KEY"] = other.key("acme")
				s.startGateway()
				s.startAgent()
			},
			doctor: []string{"401", "unknown API key", "The agent reports it as gateway_refuses since", "Fix: Copy the key again"},
			status: []string{"ERROR", "requests without a valid key are rejected with 401", "127.0.0.1", "unknown_key", "Fix: On that machine run: tenantctl doctor", "tenantctl onboard acme --new-key", "tenantctl setup --env agent.env"},
		},
		{
			name: "wrong PM2 home", heading: "Wrong home of PM2",
			play: func(s *scene) {
				s.agentEnv["PM2_HOME"] = filepath.Join(s.dir, "nowhere")
				s.startGateway()
				s.startAgent()
				s.delivers("metrics")
			},
			doctor: []string{"nowhere", "does not exist", "Fix:"},
			status: []string{"WARNING", "no logs were ever accepted", "Fix: On 127.0.0.1 run: tenantctl doctor"},
		},
		{
			name: "permissions", heading: "Permissions",
			play: func(s *scene) {
				if os.Getuid() != 0 {
					missing(s.t, "root, to run the agent as another user")
				}
				s.user = "nobody"
				require.NoError(s.t, os.Chmod(s.log, 0o600))
				s.startGateway()
				s.startAgent()
				s.delivers("metrics")
			},
			doctorArgs: []string{"--user", "nobody"},
			doctor:     []string{"cannot read 1 log files", "shop-out.log", "Fix: Run `tenantctl setup`"},
			status:     []string{"WARNING", "no logs were ever accepted", "files that may not be read"},
		},
		{
			name: "gateway down", heading: "The gateway is down",
			play: func(s *scene) {
				s.startGateway()
				require.NoError(s.t, s.gateway.Kill())
				s.startAgent()
			},
			doctor: []string{"The connection is refused", "The agent reports it as gateway_unreachable since", "Fix:"},
			status: []string{"no gateway answers", "left of a process that has ended", "Fix: start it, systemctl start otelcol-tenant-gateway"},
		},
		{
			name: "tenant suspended", heading: "The tenant is suspended",
			play: func(s *scene) {
				s.startGateway()
				s.startAgent()
				s.delivers("logs")
				s.reg.ctl("tenant", "suspend", "acme")
				s.write(10)
			},
			doctor: []string{"403 Forbidden", "the tenant is suspended", "Fix:"},
			status: []string{"ERROR", "Data has been rejected with 403 for", "the tenant is suspended", "Fix: Run: tenantctl tenant resume acme"},
		},
		{
			name: "backend refuses", heading: "The backend rejects data",
			play: func(s *scene) {
				backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					http.Error(w, "token is not valid", http.StatusUnauthorized)
				}))
				s.t.Cleanup(backend.Close)
				s.startGateway("--config", "yaml:exporters::tenant_routing::destinations::signoz: {otlp_http: {endpoint: "+backend.URL+"}}",
					"--config", "yaml:exporters::tenant_routing::routes: {logs: [signoz]}")
				s.startAgent()
			},
			healthy: true,
			doctor:  []string{"accept"},
			status:  []string{"ERROR", "The destination signoz has not taken logs", "HTTP status 401", "token is not valid", "/v1/logs", "wait, the oldest", "Fix: Correct the credentials"},
		},
		{
			name: "413 at the ingress", heading: "413 at the proxy",
			play: func(s *scene) {
				s.startGateway()
				s.agentEnv["GATEWAY_ENDPOINT"] = s.nginx("client_max_body_size 100;")
				s.startAgent()
			},
			doctorArgs: []string{"--large"},
			doctor:     []string{"answered with 413", "Fix:"},
			status:     []string{"ERROR", "the data does not reach the gateway", "If a proxy is in front of the gateway, look in its log for answers 4xx and 5xx, such as 413"},
		},
		{
			name: "404 path", heading: "404: wrong path",
			play: func(s *scene) {
				s.startGateway()
				s.agentEnv["GATEWAY_ENDPOINT"] = "http://" + s.http + "/otlp"
				s.startAgent()
			},
			doctor: []string{"404 Not Found", "/otlp", "Fix:"},
			status: []string{"ERROR", "rejected with 404", "/otlp/v1/", "Fix: The sender of acme uses a wrong URL"},
		},
		{
			name: "clock two hours off", heading: "The clock is wrong",
			play: func(s *scene) {
				s.startGateway()
				// The clock of the machine cannot be set for one process, so everything else is off:
				// the gateway's Date is two hours behind, and an application sends from the future.
				s.agentEnv["GATEWAY_ENDPOINT"] = s.behind(2 * time.Hour)
				s.startAgent()
				s.sendFrom(time.Now().Add(2 * time.Hour))
			},
			doctor: []string{"clock", "2h0m0s", "Fix:"},
			status: []string{"ERROR", "Records are dated 2 h in the future", "Fix: On 127.0.0.1 synchronize the clock"},
		},
		{
			name: "disk of the agent full", heading: "The disk of the agent is full",
			play: func(s *scene) {
				s.startGateway("--config", "yaml:extensions::tenant_health::status::silent_after: 2s")
				smallDisk(s.t, s.agentEnv["STATE_DIR"], "24m")
				s.startAgent()
				s.delivers("logs")
				fill(s.t, s.agentEnv["STATE_DIR"])
				s.write(20_000)
			},
			doctor: []string{"disk", "full", "Fix:"},
			status: []string{"ERROR", "Nothing has arrived for", "Fix: On 127.0.0.1 run: tenantctl doctor"},
		},
		{
			name: "disk of the gateway full", heading: "The disk of the gateway is full",
			play: func(s *scene) {
				smallDisk(s.t, s.gatewayEnv["STATE_DIR"], "24m")
				s.startGateway()
				s.startAgent()
				s.delivers("logs")
				fill(s.t, s.gatewayEnv["STATE_DIR"])
				s.write(1000)
			},
			doctor: []string{"gateway_busy", "HTTP status 503", "the collector's disk", "Fix: Ask the gateway's operator to free or enlarge the disk"},
			status: []string{"ERROR", "rejected with 503", "disk", "Fix: Free space on the disk of STATE_DIR"},
		},
	}
}

// TestTenCauses plays each cause with the built binaries and the shipped configurations.
func TestTenCauses(t *testing.T) {
	for _, c := range causes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			c.play(s)
			shown := documentedOutputs(t, c.heading)
			out := s.says("tenantctl doctor", c.doctor, !c.healthy, func() (string, error) { return s.doctor(c.doctorArgs...) })
			assertShown(t, shown[0], out)
			out = s.says("tenantctl status acme", c.status, strings.Contains(c.status[0], "ERROR"), s.status)
			assertShown(t, shown[1], out)
		})
	}
}

// scene is one gateway and one agent.
type scene struct {
	t    *testing.T
	dir  string
	reg  *registry
	http string // of the gateway

	gateway    *collector
	gatewayEnv map[string]string
	agent      *collector
	agentEnv   map[string]string
	agentOTLP  string
	user       string // runs the agent; empty: that of the test
	log        string // of PM2
	lines      int
}

func newScene(t *testing.T) *scene {
	t.Helper()
	built(t, "otelcol-tenant")
	free := addresses(t, 10)
	s := &scene{t: t, dir: t.TempDir(), reg: newRegistry(t), http: free[1], agentOTLP: free[7]}
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} { // the agent may have another user
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	s.reg.ctl("tenant", "create", "acme")
	_, key := s.reg.key("acme", "--description", "vm-1")
	s.gatewayEnv = map[string]string{
		"TENANTS_FILE": s.reg.path, "DATA_DIR": filepath.Join(s.dir, "data"), "STATE_DIR": filepath.Join(s.dir, "gateway"),
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "REMOTE_WRITE_ENDPOINT": free[2], "LOKI_PUSH_ENDPOINT": free[3],
		"HEALTH_ENDPOINT": free[4], "METRICS_PORT": port(free[5]),
	}
	home := filepath.Join(s.dir, "pm2")
	s.log = filepath.Join(home, "logs", "shop-out.log")
	require.NoError(t, os.MkdirAll(filepath.Dir(s.log), 0o755))
	s.write(3)
	s.agentEnv = map[string]string{
		"BUSINESS_ID": "acme", "TENANT_KEY": key, "GATEWAY_ENDPOINT": "http://" + s.http, "PM2_HOME": home, "PM2_METRICS": "false",
		"STATE_DIR": filepath.Join(s.dir, "agent"), "OTLP_GRPC_ENDPOINT": free[6], "OTLP_HTTP_ENDPOINT": s.agentOTLP,
		"HEALTH_ENDPOINT": free[8], "METRICS_PORT": port(free[9]),
	}
	return s
}

// write adds lines to the log of an application.
func (s *scene) write(lines int) {
	s.t.Helper()
	f, err := os.OpenFile(s.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(s.t, err)
	for range lines {
		s.lines++
		_, err := fmt.Fprintf(f, "order %d %x\n", s.lines, s.lines*7919)
		require.NoError(s.t, err)
	}
	require.NoError(s.t, f.Close())
}

func (s *scene) startGateway(args ...string) {
	s.t.Helper()
	s.gateway = start(s.t, s.gatewayEnv, append([]string{"--config", filepath.Join(root, "distributions", "gateway", "config.yaml")}, args...)...)
}

// agentConfig is the configuration of the agent.
func agentConfig(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "distributions", "agent", "config.yaml"))
	require.NoError(t, err)
	return path
}

func (s *scene) startAgent() {
	s.t.Helper()
	set := process.Settings{Path: built(s.t, "otelcol-tenant"), Args: []string{"--config", agentConfig(s.t)}, Env: s.agentEnv}
	if s.user != "" {
		// The user may not be able to read the source tree.
		binary, config := filepath.Join(s.dir, "otelcol-tenant"), filepath.Join(s.dir, "agent.yaml")
		copyFile(s.t, set.Path, binary, 0o755)
		copyFile(s.t, agentConfig(s.t), config, 0o644)
		require.NoError(s.t, os.Mkdir(s.agentEnv["STATE_DIR"], 0o755))
		require.NoError(s.t, os.Chown(s.agentEnv["STATE_DIR"], 65534, 65534))
		set.Path, set.Args = "/usr/bin/setpriv", []string{"--reuid=65534", "--regid=65534", "--clear-groups", binary, "--config", config}
	}
	s.agent = startAs(s.t, set)
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, mode)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}

// delivers waits until the gateway has written data of a signal.
func (s *scene) delivers(signal string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		files, err := filepath.Glob(filepath.Join(s.gatewayEnv["DATA_DIR"], "tenant=acme", "signal="+signal, "*", "*", "*.jsonl"))
		return err == nil && len(files) > 0
	}, 90*time.Second, 50*time.Millisecond, "no %s arrive", signal)
}

// doctor runs the command on the machine of the agent.
func (s *scene) doctor(args ...string) (string, error) {
	s.t.Helper()
	env := filepath.Join(s.dir, "agent.env")
	var text strings.Builder
	for name, value := range s.agentEnv {
		fmt.Fprintf(&text, "%s=%s\n", name, value)
	}
	require.NoError(s.t, os.WriteFile(env, []byte(text.String()), 0o600))
	cmd := exec.Command(built(s.t, "tenantctl"), append([]string{"doctor", "--config", agentConfig(s.t), "--env", env}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// status runs the command on the machine of the gateway.
func (s *scene) status() (string, error) {
	s.t.Helper()
	out, err := exec.Command(built(s.t, "tenantctl"), "status", "acme", "--socket", filepath.Join(s.gatewayEnv["STATE_DIR"], "status.sock")).CombinedOutput()
	return string(out), err
}

// says runs a command until its output has all texts. Most causes take some time to show.
func (s *scene) says(command string, texts []string, fails bool, run func() (string, error)) (out string) {
	s.t.Helper()
	var lacks []string
	var failed bool
	ok := assert.Eventually(s.t, func() bool {
		var err error
		out, err = run()
		failed = err != nil && errors.As(err, new(*exec.ExitError))
		lacks = nil
		for _, text := range texts {
			if !strings.Contains(out, text) {
				lacks = append(lacks, text)
			}
		}
		return len(lacks) == 0 && (failed || !fails)
	}, 90*time.Second, 250*time.Millisecond)
	s.t.Logf("$ %s\n%s", command, out)
	if dir := os.Getenv("TEN_CAUSES_OUTPUT"); dir != "" {
		name := strings.ReplaceAll(filepath.Base(s.t.Name())+" "+strings.Fields(command)[1], " ", "_") + ".txt"
		assert.NoError(s.t, os.WriteFile(filepath.Join(dir, name), []byte(out), 0o600))
	}
	require.True(s.t, ok, "%s lacks %q; exit status not 0: %t, want %t", command, lacks, failed, fails)
	return out
}

// documentedOutputs returns the outputs of both commands in the section of
// docs/troubleshooting.md with a heading.
func documentedOutputs(t *testing.T, heading string) [2]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(raw), "\n## "+heading+"\n")
	require.True(t, ok, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)\n```\n(.*?)\n```").FindAllStringSubmatch(section, -1)
	require.Len(t, blocks, 2, heading)
	return [2]string{blocks[0][1], blocks[1][1]}
}

// assertShown requires each line that a document shows in an output. Names and numbers differ.
func assertShown(t *testing.T, shown, out string) {
	t.Helper()
	actual := alike(out)
	for line := range strings.Lines(shown) {
		want := strings.TrimSuffix(alike(strings.TrimSpace(line)), ".")
		assert.Contains(t, actual, want, "docs/troubleshooting.md shows: %s\nThe command prints:\n%s", line, out)
	}
}

// alike replaces what differs between a document and a run.
func alike(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{`https?://[^/\s]+`, "URL"},
		{`\d+\.\d+\.\d+\.\d+(:\d+)?`, "ADDRESS"},
		{`\bk[a-z0-9]{7}\b`, "KEY"},
		{`(/(tmp|home|run|var|etc)/[^\s,;]*[^\s,;.:])`, "PATH"},
		{`\d+ (s|min|h|d)\b( \d+ (s|min|h)\b)?`, "TIME"},
		{`\d+(\.\d+)? ([KMG]i)?B\b`, "SIZE"},
		{`\(([a-z_]+, )*(unknown_key)\)`, "REASONS"},
		{`\(\d+ attempts\)|\(\d+, the|\d+ from`, "COUNT"},
		{`more (logs|metrics|traces)`, "more SIGNALS"},
		{`(?m)^(ok|note|warning|error) +`, "$1 "},
		{` +(URL|ADDRESS|PATH)`, " $1"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}

// nginx starts nginx as documented in docs/proxies.md, without TLS, and returns its URL.
func (s *scene) nginx(directive string) string {
	s.t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path = "/usr/sbin/nginx"; !executable(path) {
			missing(s.t, "nginx")
		}
	}
	dir, addr := s.t.TempDir(), addresses(s.t, 1)[0]
	config := fmt.Sprintf(`daemon off;
pid nginx.pid;
error_log stderr;
%sevents {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen %s;
    %s
    location / { proxy_pass http://%s; proxy_http_version 1.1; }
  }
}
`, userLine(), addr, directive, s.http)
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(s.t, os.WriteFile(file, []byte(config), 0o600))
	p, err := process.Start(s.t.Context(), process.Settings{Path: path, Args: []string{"-e", "stderr", "-p", dir, "-c", file}})
	require.NoError(s.t, err)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Stop(ctx) // a kill would leave nginx's workers running
	})
	require.Eventually(s.t, func() bool {
		conn, err := net.Dial("tcp", addr) //nolint:noctx // the server accepts at once
		return err == nil && conn.Close() == nil
	}, 20*time.Second, 20*time.Millisecond)
	return "http://" + addr
}

// behind returns the URL of a proxy that subtracts d from the Date of each answer.
func (s *scene) behind(d time.Duration) string {
	s.t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.http})
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(-d).UTC().Format(http.TimeFormat))
		return nil
	}
	server := httptest.NewServer(proxy)
	s.t.Cleanup(server.Close)
	return server.URL
}

// sendFrom sends a log record of an application whose clock says now.
func (s *scene) sendFrom(now time.Time) {
	s.t.Helper()
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(now))
	record.Body().SetStr("from the future")
	body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	require.NoError(s.t, err)
	status, text := postProto(s.t, s.agentOTLP, "logs", body, nil)
	require.Equal(s.t, http.StatusOK, status, text)
}
