// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/remedy"
)

// machine is an agent to examine: the shipped configuration, an environment, and a home of PM2.
type machine struct {
	t    *testing.T
	env  map[string]string
	home string
	key  string
	dir  string
	more string // further configuration

	mode os.FileMode // of the environment; 0: only its owner may read it
}

// gateway changes the address of the gateway.
func (m *machine) gateway(url string) { m.env["GATEWAY_ENDPOINT"] = url }

func newMachine(t *testing.T, endpoint string) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir(), home: t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(m.home, "logs"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(m.home, "logs", "app-out.log"), []byte("line\n"), 0o600))
	m.key, _ = apikey.New()
	free := loopback.Addresses(t, 4)
	_, port, err := net.SplitHostPort(free[3])
	require.NoError(t, err)
	m.env = map[string]string{
		"BUSINESS_ID": "acme", "TENANT_KEY": m.key, "GATEWAY_ENDPOINT": endpoint, "PM2_HOME": m.home, "STATE_DIR": filepath.Join(m.dir, "state"),
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port,
	}
	return m
}

// run examines the machine.
func (m *machine) run(change func(*Settings)) []Finding {
	m.t.Helper()
	var text strings.Builder
	for name, value := range m.env {
		text.WriteString(name + "='" + value + "'\n")
	}
	env := filepath.Join(m.dir, "agent.env")
	require.NoError(m.t, os.WriteFile(env, []byte(text.String()), 0o600))
	if m.mode != 0 {
		require.NoError(m.t, os.Chmod(env, m.mode))
	}
	set := Settings{Configs: []string{"../../distributions/agent/config.yaml"}, Env: env, Timeout: 5 * time.Second}
	if m.more != "" {
		set.Configs = append(set.Configs, "yaml:"+m.more)
	}
	if change != nil {
		change(&set)
	}
	all, err := Run(m.t.Context(), set)
	require.NoError(m.t, err)
	for _, f := range all {
		assert.NotContains(m.t, f.Message+f.Fix+f.Subject, m.key, "no finding has the key")
		if f.Severity == finding.OK {
			assert.Empty(m.t, f.Fix, f.ID)
		} else {
			assert.NotEmpty(m.t, f.Fix, f.ID)
		}
		assert.NotEmpty(m.t, f.Subject, f.ID)
		assert.NotEmpty(m.t, f.Message, f.ID)
	}
	return all
}

// of returns the findings with an ID.
func of(all []Finding, id string) (some []Finding) {
	for _, f := range all {
		if f.ID == id {
			some = append(some, f)
		}
	}
	return some
}

// requireFinding requires a finding with an ID, a status and a text in its message.
func requireFinding(t *testing.T, all []Finding, id string, severity finding.Severity, text string) Finding {
	t.Helper()
	for _, f := range all {
		if f.ID == id && f.Severity == severity && strings.Contains(f.Message, text) {
			return f
		}
	}
	require.Fail(t, "there is no such finding", "%s %s %q in %+v", id, severity, text, all)
	return Finding{}
}

// answering is a gateway that answers every request in one way.
func answering(t *testing.T, status int, message string, header map[string]string) *httptest.Server {
	t.Helper()
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		if message != "" {
			_ = json.NewEncoder(w).Encode(map[string]any{"code": 16, "message": message})
		}
	}))
}

// The gateway may repeat the key in an answer.
func TestRun_HidesTheKeyInAnswers(t *testing.T) {
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not known: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	}))
	defer g.Close()
	requireFinding(t, newMachine(t, g.URL).run(nil), "gateway.answer", finding.Error, "401")
}

func TestRun_SendsWhatTheAgentSends(t *testing.T) {
	got := map[string]http.Header{}
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			assert.Equal(t, "{}", string(body))
			got[r.URL.Path] = r.Header
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer g.Close()
	m := newMachine(t, g.URL)
	all := m.run(nil)
	require.Len(t, got, 3)
	for _, path := range []string{"/v1/logs", "/v1/metrics", "/v1/traces"} {
		assert.Equal(t, "Bearer "+m.key, got[path].Get("Authorization"))
		assert.Equal(t, "acme", got[path].Get("X-Business-Id"))
	}
	f := requireFinding(t, all, "gateway.answer", finding.OK, "The gateway accepts the key for logs, metrics, traces")
	assert.Equal(t, []string{"logs", "metrics", "traces"}, f.Signals)
	assert.Len(t, of(all, "gateway.answer"), 1)
	for _, id := range []string{"key.form", "key.mode", "gateway.endpoint", "gateway.proxy", "gateway.dns", "gateway.tcp", "gateway.tls", "gateway.clock", "pm2.home", "logs.readable", "disk.space", "ports"} {
		for _, f := range of(all, id) {
			assert.Equal(t, finding.OK, f.Severity, "%+v", f)
		}
		assert.NotEmpty(t, of(all, id), id)
	}
	requireFinding(t, all, "agent.service", finding.Error, "does not run")
}

func TestRun_FindsALimitOfBodies(t *testing.T) {
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 512<<10)); err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		} else {
			assert.LessOrEqual(t, len(body), 512<<10)
			_, _ = io.WriteString(w, "{}")
		}
	}))
	defer g.Close()
	m := newMachine(t, g.URL)
	assert.Empty(t, of(m.run(nil), "gateway.large"))
	all := m.run(func(s *Settings) { s.LargeBody = true })
	f := requireFinding(t, all, "gateway.large", finding.Error, "413")
	assert.Contains(t, f.Fix, "client_max_body_size")

	// The agent's health is a reason to look.
	m.serveHealth(`{"status":"failing","reasons":["gateway_refuses"],"conditions":[{"name":"data_dropped","message":"dropped: http_413","fix":"Look.","since":"2026-01-01T00:00:00Z"}],"lanes":{}}`)
	all = m.run(nil)
	requireFinding(t, all, "gateway.large", finding.Error, "413")
	requireFinding(t, all, "agent.condition", finding.Error, "http_413")
}

// serveHealth answers on the agent's health endpoint.
func (m *machine) serveHealth(body string) {
	m.t.Helper()
	l, err := net.Listen("tcp", m.env["HEALTH_ENDPOINT"])
	require.NoError(m.t, err)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, body)
	})}}
	s.Start()
	m.t.Cleanup(s.Close)
}

func TestRun_ReportsTheQueue(t *testing.T) {
	m := newMachine(t, "http://127.0.0.1:1")
	m.serveHealth(`{"status":"failing","reasons":["queue_almost_full"],"lanes":{"tenant_routing":{"queued_bytes":950,"max_bytes":1000,"oldest_seconds":400,"dead_letters":{"tenants":1,"destinations":1}}},
		"conditions":[{"name":"gateway_unreachable","message":"Cannot deliver logs","fix":"Check the port.","since":"2026-01-01T00:00:00Z"}]}`)
	all := m.run(nil)
	requireFinding(t, all, "queue.size", finding.Error, "almost full")
	requireFinding(t, all, "queue.dead_letters", finding.Warning, "rejected permanently")
	requireFinding(t, all, "gateway.tcp", finding.Error, "refused: nothing listens there. The agent reports it as gateway_unreachable since 2026-01-01T00:00:00Z")
	assert.Empty(t, of(all, "agent.condition"))
}

// blackhole accepts connections and never answers.
func blackhole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

func TestRun_NamesTheStepThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint string
		id, want string
	}{
		"no address":     {"", "gateway.endpoint", "no address"},
		"no scheme":      {"gateway.example:4318", "gateway.endpoint", "not a URL"},
		"other scheme":   {"grpc://gateway.example:4317", "gateway.endpoint", "grpc://"},
		"no TLS":         {"http://192.0.2.1:4318", "gateway.endpoint", "does not send the key"},
		"path of signal": {"https://127.0.0.1:1/v1/logs", "gateway.endpoint", "path of a signal"},
		"unknown name":   {"https://gateway.invalid:4318", "gateway.dns", "does not exist"},
		"closed port":    {"http://127.0.0.1:1", "gateway.tcp", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			requireFinding(t, newMachine(t, c.endpoint).run(nil), c.id, finding.Error, c.want)
		})
	}
	t.Run("no answer", func(t *testing.T) {
		all := newMachine(t, blackhole(t)).run(func(s *Settings) { s.Timeout = 300 * time.Millisecond })
		requireFinding(t, all, "gateway.answer", finding.Error, "no answer within 300ms")
	})
}

// withCertificate starts a gateway with TLS and returns its URL and the file of its authority.
func withCertificate(t *testing.T, from, to time.Time, name string) (url, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	g := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	g.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	g.StartTLS()
	t.Cleanup(g.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	return g.URL, file
}

func TestRun_NamesWhatIsWrongWithACertificate(t *testing.T) {
	day := 24 * time.Hour
	now := time.Now()
	for name, c := range map[string]struct {
		from, to time.Time
		host     string
		trusted  bool
		status   finding.Severity
		want     string
	}{
		"good":              {now.Add(-day), now.Add(30 * day), "127.0.0.1", true, finding.OK, "trusted"},
		"expires soon":      {now.Add(-day), now.Add(day), "127.0.0.1", true, finding.Warning, "expires on"},
		"expired":           {now.Add(-2 * day), now.Add(-day), "127.0.0.1", true, finding.Error, "expired on"},
		"not yet valid":     {now.Add(day), now.Add(2 * day), "127.0.0.1", true, finding.Error, "is valid from"},
		"other name":        {now.Add(-day), now.Add(30 * day), "other.example", true, finding.Error, "other names: other.example"},
		"unknown authority": {now.Add(-day), now.Add(30 * day), "127.0.0.1", false, finding.Error, "not from an authority"},
	} {
		t.Run(name, func(t *testing.T) {
			url, file := withCertificate(t, c.from, c.to, c.host)
			m := newMachine(t, url)
			if c.trusted {
				m.more = "exporters::tenant_routing::destinations::gateway::otlp_http::tls::ca_file: " + file
			}
			all := m.run(nil)
			requireFinding(t, all, "gateway.tls", c.status, c.want)
			if c.status == finding.Error {
				assert.Empty(t, of(all, "gateway.answer"), "no key is sent without trust")
			}
		})
	}
	t.Run("server without TLS", func(t *testing.T) {
		g := answering(t, 200, "", nil)
		defer g.Close()
		m := newMachine(t, strings.Replace(g.URL, "http://", "https://", 1))
		requireFinding(t, m.run(nil), "gateway.tls", finding.Error, "without TLS")
	})
}

func TestRun_NamesADifferenceOfClocks(t *testing.T) {
	g := answering(t, 200, "", nil)
	defer g.Close()
	for off, c := range map[time.Duration]struct {
		status finding.Severity
		want   string
	}{
		0:                 {finding.OK, "agree"},
		2 * time.Hour:     {finding.Error, "2h0m0s ahead of"},
		-2 * time.Hour:    {finding.Error, "behind"},
		30 * time.Second:  {finding.Warning, "ahead of"},
		-time.Minute:      {finding.Warning, "behind"},
		-10 * time.Minute: {finding.Error, "behind"},
	} {
		all := newMachine(t, g.URL).run(func(s *Settings) { s.Now = func() time.Time { return time.Now().Add(off) } })
		requireFinding(t, all, "gateway.clock", c.status, c.want)
	}
}

func TestRun_NamesFaultsOfTheKey(t *testing.T) {
	good, _ := apikey.New()
	for name, c := range map[string]struct{ key, id, want, fix string }{
		"none":        {"", "key.present", "There is no key", remedy.NewKey},
		"placeholder": {"REPLACE_WITH_THE_KEY", "key.form", "placeholder", remedy.NewKey},
		"other text":  {"secret", "key.form", "not a key", remedy.CopyKey},
		"cut off":     {good[:20], "key.form", "20 characters instead of", remedy.CopyKey},
		"changed":     {good[:len(good)-1] + "-", "key.form", "checksum", remedy.CopyKey},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "http://127.0.0.1:1")
			m.env["TENANT_KEY"] = c.key
			assert.Equal(t, c.fix, requireFinding(t, m.run(nil), c.id, finding.Error, c.want).Fix)
		})
	}
	t.Run("in a file", func(t *testing.T) {
		m := newMachine(t, "http://127.0.0.1:1")
		delete(m.env, "TENANT_KEY")
		m.env["TENANT_KEY_FILE"] = filepath.Join(m.dir, "key")
		requireFinding(t, m.run(nil), "key.present", finding.Error, "cannot use the key file")
		require.NoError(t, os.WriteFile(m.env["TENANT_KEY_FILE"], []byte(m.key+"\n"), 0o600))
		requireFinding(t, m.run(nil), "key.form", finding.OK, "right form")
	})
	t.Run("in an empty file of the unit, before the start", func(t *testing.T) {
		m, root := newMachine(t, "http://127.0.0.1:1"), t.TempDir()
		delete(m.env, "TENANT_KEY")
		m.env["TENANT_KEY_FILE"] = "/run/otelcol-tenant-agent/agent.key"
		for name, text := range map[string]string{
			"etc/systemd/system/otelcol-tenant-agent.service": "[Service]\nLoadCredential=agent.key:/etc/otelcol-tenant/agent.key\n",
			"etc/otelcol-tenant/agent.key":                    "\n",
		} {
			require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
		}
		requireFinding(t, m.run(func(s *Settings) { s.Root = root }), "key.present", finding.Error, "the file is empty")
	})
	t.Run("others may read the environment", func(t *testing.T) {
		m := newMachine(t, "http://127.0.0.1:1")
		m.run(nil)
		require.NoError(t, os.Chmod(filepath.Join(m.dir, "agent.env"), 0o644))
		requireFinding(t, m.run(nil), "key.mode", finding.Error, "0644")
	})
}

func TestRun_ExaminesTheProxyOfTheAgent(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		http.Error(w, "no", http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	m := newMachine(t, "https://gateway.example:4318")
	m.env["HTTPS_PROXY"] = strings.Replace(proxy.URL, "http://", "http://user:hunter2-secret@", 1)
	all := m.run(nil)
	f := requireFinding(t, all, "gateway.proxy", finding.OK, "through this proxy")
	assert.NotContains(t, f.Subject, "hunter2")
	requireFinding(t, all, "gateway.tls", finding.Error, "The proxy does not connect")
	require.NotEmpty(t, asked)
	assert.Equal(t, "CONNECT gateway.example:4318", asked[0])

	m.env["NO_PROXY"] = "gateway.example"
	requireFinding(t, m.run(nil), "gateway.proxy", finding.OK, "uses no proxy")
}

func TestRun_NamesHomesAndFilesOfPM2(t *testing.T) {
	m := newMachine(t, "http://127.0.0.1:1")
	m.env["PM2_HOME"] = filepath.Join(m.dir, "absent")
	requireFinding(t, m.run(nil), "pm2.home", finding.Error, "does not exist")

	m.env["PM2_HOME"] = m.home
	m.more = "receivers::pm2::exclude: [" + filepath.Join(m.home, "logs", "app-*.log") + "]"
	requireFinding(t, m.run(nil), "logs.excluded", finding.Warning, "excludes 1 log files")

	m.more = ""
	require.NoError(t, os.Remove(filepath.Join(m.home, "logs", "app-out.log")))
	requireFinding(t, m.run(nil), "pm2.home", finding.Warning, "no log file")
}

func TestRun_NamesWhoMayNotReadWhat(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	m := newMachine(t, "http://127.0.0.1:1")
	m.env["STATE_DIR"] = "/nonexistent"
	top, err := os.MkdirTemp("/tmp", "doctor") //nolint:usetesting // the folders above that of the test are closed
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	require.NoError(t, os.Chmod(top, 0o755))
	m.home = filepath.Join(top, "user", ".pm2")
	m.env["PM2_HOME"] = m.home
	log := filepath.Join(m.home, "logs", "app-out.log")
	require.NoError(t, os.MkdirAll(filepath.Dir(log), 0o755))
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	as := func(s *Settings) { s.User = "nobody" }

	f := requireFinding(t, m.run(as), "logs.readable", finding.Error, "cannot read 1 log files")
	assert.Contains(t, f.Message, "read (r) permission on "+log)
	require.NoError(t, os.Chmod(log, 0o644))
	requireFinding(t, m.run(as), "logs.readable", finding.OK, "can read 1 log files")
	require.NoError(t, os.Chmod(filepath.Dir(log), 0o711))
	requireFinding(t, m.run(as), "logs.readable", finding.Error, "list (rx) permission on "+filepath.Dir(log))
	require.NoError(t, os.Chmod(filepath.Join(top, "user"), 0o700))
	requireFinding(t, m.run(as), "logs.readable", finding.Error, "search (x) permission on "+filepath.Join(top, "user"))
	assert.Contains(t, f.Fix, "tenantctl setup")
}

func TestRun_NamesWhoHasAPort(t *testing.T) {
	m := newMachine(t, "http://127.0.0.1:1")
	l, err := net.Listen("tcp", m.env["OTLP_HTTP_ENDPOINT"])
	require.NoError(t, err)
	defer l.Close()
	f := requireFinding(t, m.run(nil), "ports", finding.Error, "Another program has the port: doctor.test, process")
	assert.Contains(t, f.Fix, "OTLP_HTTP_ENDPOINT")
}

func TestRun_NamesWhatIsNotInstalled(t *testing.T) {
	all, err := Run(t.Context(), Settings{Root: t.TempDir()})
	require.NoError(t, err)
	requireFinding(t, all, "agent.unit", finding.Error, "not installed")
	assert.Len(t, all, 1)

	m := newMachine(t, "http://127.0.0.1:1")
	all = m.run(func(s *Settings) { s.Env = filepath.Join(m.dir, "absent.env") })
	requireFinding(t, all, "agent.env", finding.Error, "does not exist")
	all = m.run(func(s *Settings) { s.Configs = []string{filepath.Join(m.dir, "absent.yaml")} })
	requireFinding(t, all, "agent.config", finding.Error, "cannot be read")
}

// A busy machine is no fault of the configuration.
func TestRun_SaysThatAProgramIsSlow(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "otelcol-tenant"), []byte("#!/bin/sh\n[ \"$1\" = --version ] || exec sleep 60\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	all := newMachine(t, "http://127.0.0.1:1").run(func(s *Settings) { s.Timeout = 300 * time.Millisecond })
	f := requireFinding(t, all, "agent.config", finding.Warning, "could not be validated within 300ms")
	assert.Contains(t, f.Fix, "--timeout")
}
