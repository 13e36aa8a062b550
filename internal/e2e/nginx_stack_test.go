// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// stackDomain is the DOMAIN of the stack in its tests.
const stackDomain = "stack.test"

// signozStack is a copy of distributions/stacks/signoz-oneuptime whose scripts use
// the built tenantctl and record the commands for Docker instead of running them.
type signozStack struct {
	t     *testing.T
	dir   string
	cwd   string // of the scripts, if not that of the test
	env   []string
	calls string // the file with the commands for Docker
}

func newSignozStack(t *testing.T) *signozStack {
	t.Helper()
	s := &signozStack{t: t, dir: filepath.Join(t.TempDir(), "stack")}
	require.NoError(t, os.CopyFS(s.dir, os.DirFS(filepath.Join(root, "distributions", "stacks", "signoz-oneuptime"))))
	s.calls = filepath.Join(t.TempDir(), "calls")
	docker := filepath.Join(t.TempDir(), "docker")
	require.NoError(t, os.WriteFile(docker, []byte("#!/bin/sh\necho \"$*\" >> '"+s.calls+"'\n"), 0o755))
	require.NoError(t, os.WriteFile(s.calls, nil, 0o600))
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "DOCKER=" + docker, "TENANTCTL=" + built(t, "tenantctl")}
	s.write(".env", "DOMAIN="+stackDomain+"\nSIGNOZ_ROOT_EMAIL=operator@stack.test\n")
	return s
}

func (s *signozStack) path(elements ...string) string {
	return filepath.Join(append([]string{s.dir}, elements...)...)
}

func (s *signozStack) write(name, text string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(text), 0o644))
}

func (s *signozStack) read(elements ...string) string {
	s.t.Helper()
	raw, err := os.ReadFile(s.path(elements...))
	require.NoError(s.t, err)
	return string(raw)
}

// try runs a script of the stack and returns its output and error.
func (s *signozStack) try(script string, args ...string) (string, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.path("scripts", script), args...)
	cmd.Env, cmd.Dir = s.env, s.cwd
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *signozStack) run(script string, args ...string) string {
	s.t.Helper()
	out, err := s.try(script, args...)
	require.NoError(s.t, err, "%s %v: %s", script, args, out)
	return out
}

// files returns the content of all files that the scripts write, without the registry's
// audit log, which records each run.
func (s *signozStack) files() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, folder := range []string{"hosts", "instances", "secrets", "onboarding", "registry"} {
		require.NoError(s.t, filepath.WalkDir(s.path(folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, "audit") {
				return err
			}
			raw, err := os.ReadFile(path)
			all[path] = string(raw)
			return err
		}))
	}
	all[".env"] = s.read(".env")
	return all
}

// stackBackend keeps the markers and some headers of the requests it gets.
type stackBackend struct {
	addr string

	mu   sync.Mutex
	got  map[string]http.Header // by marker
	last *http.Request
}

var stackMarker = regexp.MustCompile(`rec:[a-z0-9-]+`)

func newStackBackend(t *testing.T, name string) *stackBackend {
	t.Helper()
	b := &stackBackend{got: map[string]http.Header{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			if body, err = io.ReadAll(z); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.last = r
		for _, marker := range stackMarker.FindAllString(string(body), -1) {
			b.got[marker] = r.Header
		}
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, name) // the client notices a broken connection
		}
	}))
	t.Cleanup(s.Close)
	b.addr = s.Listener.Addr().String()
	return b
}

// header returns the header of the request that had the marker, or nil.
func (b *stackBackend) header(marker string) http.Header {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[marker]
}

func (b *stackBackend) markers() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.got))
}

func (b *stackBackend) lastRequest() *http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// stackCertificate writes a certificate for the names below stackDomain.
func stackCertificate(t *testing.T, cert, key string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: stackDomain}, DNSNames: []string{"*." + stackDomain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600))
	return roots
}

// stackRig is the stack's nginx in front of the real gateway with the stack's configuration,
// whose backends and user interfaces are servers of the test.
type stackRig struct {
	*signozStack
	https, grpc, http4318, plain string // nginx
	roots                        *x509.CertPool
	acme, shared, oneuptime      *stackBackend // of telemetry
	ui                           map[string]*stackBackend
	nginx                        *process.Process
}

// stackUIs are the upstreams of nginx and the names of their servers.
var stackUIs = map[string]string{"signoz-acme:8080": "acme", "signoz-shared:8080": "shared", "oneuptime-ingress:7849": "oneuptime"}

func newStackRig(t *testing.T) *stackRig {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx = "/usr/sbin/nginx"; !executable(nginx) {
			missing(t, "nginx")
		}
	}
	r := &stackRig{
		signozStack: newSignozStack(t), ui: map[string]*stackBackend{},
		acme: newStackBackend(t, ""), shared: newStackBackend(t, ""), oneuptime: newStackBackend(t, ""),
	}
	r.roots = stackCertificate(t, r.path("tls", "tls.crt"), r.path("tls", "tls.key"))
	r.run("up.sh")
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("3e2bd13f-3b62-4f43-a5de-4a1f8ab0a3c1\n"), 0o600))
	r.run("create-tenant.sh", "acme", "--isolation", "dedicated", "--oneuptime-token-file", token)
	r.run("create-tenant.sh", "globex")

	// The registry's endpoint and file are those of containers.
	reg := &registry{t: t, path: r.path("registry", "tenants.yaml")}
	reg.ctl("tenant", "update", "acme", "--var", "signoz_endpoint=http://"+r.acme.addr,
		"--var", "oneuptime_token=${file:"+r.path("secrets", "tenants", "acme.oneuptime_token")+"}")
	free := addresses(t, 10)
	state := t.TempDir()
	overlay := adapted(t, r.read("config", "gateway.yaml"),
		"http://signoz-shared-collector:4318", "http://"+r.shared.addr,
		"http://ingress:7849", "http://"+r.oneuptime.addr,
		"10.0.0.0/8]", "10.0.0.0/8, 127.0.0.1]")
	overlay += "    references: {directories: [\"" + r.path("secrets", "tenants") + "\"]}\n"
	require.NoError(t, os.WriteFile(filepath.Join(state, "stack.yaml"), []byte(overlay), 0o600))
	start(t, map[string]string{
		"TENANTS_FILE": reg.path, "STATE_DIR": filepath.Join(state, "state"), "DATA_DIR": filepath.Join(state, "data"), "INGRESS_ADDRESS": "127.0.0.1",
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "REMOTE_WRITE_ENDPOINT": free[2], "LOKI_PUSH_ENDPOINT": free[3],
		"HEALTH_ENDPOINT": free[4], "METRICS_PORT": port(free[5]),
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", filepath.Join(state, "stack.yaml"),
		"--config", "yaml:exporters::tenant_routing::dead_letter::directory: "+filepath.Join(state, "dead"))

	r.https, r.grpc, r.http4318, r.plain = free[6], free[7], free[8], free[9]
	for upstream, name := range stackUIs {
		r.ui[name] = newStackBackend(t, "interface of "+name)
		for _, file := range []string{"_stack.ui", "_oneuptime.ui", "acme.ui"} {
			r.write(filepath.Join("hosts", file), strings.ReplaceAll(r.read("hosts", file), upstream, r.ui[name].addr))
		}
	}
	r.startNginx(nginx, free)
	return r
}

// startNginx starts Debian's nginx 1.22 with the stack's configuration at other addresses.
func (r *stackRig) startNginx(path string, free []string) {
	t := r.t
	t.Helper()
	dir := t.TempDir()
	for _, file := range []string{"proxy.conf", "grpc.conf", "operators.conf"} {
		require.NoError(t, os.Symlink(r.path("config", "nginx", file), filepath.Join(dir, file)))
	}
	require.NoError(t, os.Symlink(r.path("hosts"), filepath.Join(dir, "hosts")))
	health := addresses(t, 1)[0]
	config := adapted(t, r.read("config", "nginx", "nginx.conf"),
		"server gateway:4318", "server "+free[1], "server gateway:4317", "server "+free[0],
		"server gateway:19291", "server "+free[2], "server gateway:3100", "server "+free[3],
		"listen 127.0.0.1:8081", "listen "+health,
		"listen 8443", "listen "+r.https, "listen 4317", "listen "+r.grpc, "listen 4318", "listen "+r.http4318, "listen 8080", "listen "+r.plain,
		"/tmp/", dir+"/", "/etc/nginx/tls/", r.path("tls")+"/", "/var/www/acme", dir+"/acme",
		// Debian 12 has nginx 1.22, which has HTTP/2 as a parameter of listen.
		"http2 on;", "", " ssl default_server;", " ssl http2 default_server;", " ssl;", " ssl http2;",
		"worker_processes auto;", "daemon off;\n"+userLine()+"worker_processes 2;",
		"/dev/stderr", "stderr", "/dev/stdout ingress", dir+"/access.log ingress")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "acme", ".well-known", "acme-challenge"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "acme", ".well-known", "acme-challenge", "token"), []byte("challenge"), 0o644))
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p, err := process.Start(ctx, process.Settings{Path: path, Args: []string{"-e", "stderr", "-p", dir, "-c", file}})
	require.NoError(t, err)
	r.nginx = p
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("output of nginx:\n%s", p.Tail(4000))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Stop(ctx) // a kill would leave nginx's workers running
	})
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", health, time.Second)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 30*time.Second, 20*time.Millisecond, "nginx does not listen: %s", p.Tail(3000))
}

// key returns the key that create-tenant.sh wrote for the tenant.
func (r *stackRig) key(label string) string {
	r.t.Helper()
	return strings.TrimSpace(r.read("onboarding", label, "gateway.key"))
}

// client returns a client for any host at the address of nginx, from another address than
// nginx's own.
func (r *stackRig) client(addr, from string, http2 bool) *http.Client {
	dial := dialFrom(r.t, from)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: r.roots}, ForceAttemptHTTP2: http2,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) { return dial(ctx, network, addr) },
	}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// stackAnswer is what a client sees.
type stackAnswer struct {
	status int
	text   string
	header http.Header
}

func (r *stackRig) do(client *http.Client, method, url string, body []byte, headers ...string) stackAnswer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, bytes.NewReader(body))
	require.NoError(r.t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	require.NoError(r.t, err, url)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return stackAnswer{resp.StatusCode, string(text), resp.Header}
}

// send posts one log record.
func (r *stackRig) send(client *http.Client, host, key, marker string, headers ...string) stackAnswer {
	r.t.Helper()
	_, body := encoded(r.t, logOf(marker))
	return r.do(client, http.MethodPost, "https://"+host+"."+stackDomain+"/v1/logs", body,
		append([]string{"Content-Type", "application/x-protobuf", "Authorization", "Bearer " + key}, headers...)...)
}

// call sends log records over gRPC.
func (r *stackRig) call(addr, host, key string, ld plog.Logs, headers ...string) error {
	r.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+host+"."+stackDomain,
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(r.roots, host+"."+stackDomain)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}))
	require.NoError(r.t, err)
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(r.t.Context(), append([]string{"authorization", "Bearer " + key}, headers...)...)
	_, err = plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(ld))
	return err
}

// TestSignozStack_Scripts runs the scripts twice: the second run changes nothing. It also
// checks what they refuse.
func TestSignozStack_Scripts(t *testing.T) {
	t.Parallel()
	s := newSignozStack(t)
	out, err := s.try("up.sh")
	require.Error(t, err)
	assert.Contains(t, out, "no tls/tls.crt")
	stackCertificate(t, s.path("tls", "tls.crt"), s.path("tls", "tls.key"))
	s.run("up.sh")
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("3e2bd13f-3b62-4f43-a5de-4a1f8ab0a3c1\n"), 0o600))
	s.run("create-tenant.sh", "Acme_Ltd", "--isolation", "dedicated", "--name", "Acme Ltd", "--oneuptime-token-file", token)
	s.run("create-tenant.sh", "globex")
	first := s.files()
	calls, err := os.ReadFile(s.calls)
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(calls), "nginx -s reload"), "%s", calls)
	assert.Contains(t, s.read(".env"), "COMPOSE_FILE=compose.yaml:instances/signoz-acme-ltd.yaml\n")
	assert.NotContains(t, s.read("instances", "signoz-acme-ltd.yaml"), "@")

	s.run("up.sh")
	s.run("create-tenant.sh", "Acme_Ltd") // stays dedicated and in OneUptime
	out = s.run("create-tenant.sh", "globex")
	assert.Contains(t, out, "creates no further one")
	assert.Equal(t, first, s.files())
	info, err := os.Stat(s.path("secrets"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	reg := &registry{t: t, path: s.path("registry", "tenants.yaml")}
	var shown struct {
		Isolation string
		Routes    map[string][]string
		Vars      map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(reg.ctl("tenant", "show", "Acme_Ltd")), &shown))
	assert.Equal(t, "dedicated", shown.Isolation)
	assert.Equal(t, []string{"signoz_dedicated", "oneuptime"}, shown.Routes["logs"])
	assert.Equal(t, "http://signoz-acme-ltd-collector:4318", shown.Vars["signoz_endpoint"])
	require.NoError(t, json.Unmarshal([]byte(reg.ctl("tenant", "show", "globex")), &shown))
	assert.Equal(t, "shared", shown.Isolation)
	assert.Equal(t, []string{"signoz_shared"}, shown.Routes["traces"])

	for _, c := range []struct{ want, args string }{
		{"usage", ""},
		{"unknown option", "initech --isolated"},
		{`"shared" or "dedicated"`, "initech --isolation own"},
		{"needs a value", "initech --name"},
		{"one tenant at a time", "initech umbrella"},
		{"belongs to the tenant Acme_Ltd", "acme-ltd"},
		{"has the label", "globex --label other"},
		{"cannot be part of a host name", "a!b"},
		{"is not the ID of a tenant", `a";return --label a`},
		{"is not the ID of a tenant", `a$host --label a`},
		{"small letters, digits and", "initech --label Upper"},
		{"shared SigNoz", "shared"},
		{"missing or empty", "initech --oneuptime-token-file /nonexistent"},
	} {
		out, err := s.try("create-tenant.sh", strings.Fields(c.args)...)
		require.Error(t, err, c.args)
		assert.Contains(t, out, c.want, c.args)
	}
}

// TestSignozStack_Backup backs up and restores a tenant of the shared SigNoz. Docker is a
// program of the test, which answers as ClickHouse would.
func TestSignozStack_Backup(t *testing.T) {
	t.Parallel()
	s := newSignozStack(t)
	stackCertificate(t, s.path("tls", "tls.crt"), s.path("tls", "tls.key"))
	s.run("up.sh")
	s.run("create-tenant.sh", "globex")
	s.run("create-tenant.sh", "acme", "--isolation", "dedicated")
	answers := `#!/bin/sh
echo "$*" >> '` + s.calls + `'
case "$*" in
*INSERT*) cat >> '` + s.calls + `' ;;
*"SELECT count()"*) echo "${ROWS:-0}" ;;
*arrayStringConcat*) echo 'DATABASE signoz_logs, DATABASE signoz_traces' ;;
*"SELECT name FROM system.databases"*) echo signoz_logs ;;
*FORMAT\ Native*) echo "rows of $*" | grep -o 'FROM [a-z_.0-9]* WHERE' ;;
*pg_dump*) echo dump ;;
*" cp /"*) ;;
*" cp "*:/backups/*) eval "echo archive > \"\${$#}\"" ;;
*" cp "*:/var/lib/signoz/.*) eval "mkdir -p \"\${$#}\" && echo sqlite > \"\${$#}/signoz.db\"" ;;
esac
`
	docker := filepath.Join(t.TempDir(), "docker")
	require.NoError(t, os.WriteFile(docker, []byte(answers), 0o755))
	s.env = append(s.env, "DOCKER="+docker)
	folder := strings.TrimSpace(lastLine(s.run("backup.sh", "--all", t.TempDir())))
	for _, file := range []string{
		"SHA256SUMS", "platform/files.tar.gz", "platform/oneuptime.dump", "platform/oneuptime.zip", "tenant-acme/clickhouse.zip", "tenant-acme/signoz/signoz.db",
		"tenant-acme/tenant.json", "tenant-globex/tenant.json", "tenant-globex/signoz_logs.logs_v2.native", "tenant-globex/signoz_metrics.samples_v4.native",
	} {
		info, err := os.Stat(filepath.Join(folder, file))
		if assert.NoError(t, err, file) {
			assert.Zero(t, info.Mode().Perm()&0o077, "%s is readable by others", file)
			assert.NotZero(t, info.Size(), file)
		}
	}
	require.NoError(t, os.WriteFile(s.calls, nil, 0o600))
	s.run("restore.sh", folder, "globex")
	calls, err := os.ReadFile(s.calls)
	require.NoError(t, err)
	assert.Contains(t, string(calls), "INSERT INTO signoz_logs.logs_v2 FORMAT Native\nFROM signoz_logs.logs_v2 WHERE\n")
	s.run("restore.sh", folder, "acme")
	calls, err = os.ReadFile(s.calls)
	require.NoError(t, err)
	assert.Contains(t, string(calls), "RESTORE ALL FROM File('clickhouse.zip')")

	s.env = append(s.env, "ROWS=7")
	out, err := s.try("restore.sh", folder, "globex")
	require.Error(t, err, "its rows would be there twice")
	assert.Contains(t, out, "has 7 rows of globex already")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "platform", "oneuptime.dump"), []byte("changed"), 0o600))
	out, err = s.try("restore.sh", folder)
	require.Error(t, err)
	assert.Contains(t, out, "was changed")

	here := t.TempDir()
	s.cwd = here // paths are relative to the caller's folder
	folder = strings.TrimSpace(lastLine(s.run("backup.sh", "copies", "globex")))
	s.cwd = ""
	assert.Equal(t, filepath.Join(here, "copies"), filepath.Dir(folder))
	assert.FileExists(t, filepath.Join(folder, "tenant-globex", "tenant.json"))
	assert.NoDirExists(t, filepath.Join(folder, "platform"))
	for _, args := range [][]string{{}, {"--all"}, {"--everything", "x"}, {"a", "b", "c"}} {
		out, err = s.try("backup.sh", args...)
		require.Error(t, err, args)
		assert.Contains(t, out, "usage", args)
	}
	out, err = s.try("backup.sh", t.TempDir(), "initech")
	require.Error(t, err)
	assert.Contains(t, out, "there is no tenant")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// TestSignozStack_WithSecrets runs the wrapper that gives secrets to programs.
func TestSignozStack_WithSecrets(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs(filepath.Join(root, "distributions", "stacks", "signoz-oneuptime", "config", "with-secrets.sh"))
	require.NoError(t, err)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("s3 {{x}} $HOME\n"), 0o600))
	cmd := exec.Command("/bin/sh", script, "/usr/bin/env")
	cmd.Env = []string{"DSN__FILE=tcp://a:{{" + secret + "}}@b:{{" + secret + "}}/", "PLAIN__FILE=text", "OTHER=x"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "DSN=tcp://a:s3 {{x}} $HOME@b:s3 {{x}} $HOME/\n")
	assert.Contains(t, string(out), "PLAIN=text\n")
	assert.NotContains(t, string(out), "__FILE")
	cmd = exec.Command("/bin/sh", script, "/usr/bin/env")
	cmd.Env = []string{"DSN__FILE={{/nonexistent}}"}
	out, err = cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "DSN needs the file /nonexistent")
}

// TestSignozStack_Nginx sends telemetry of two tenants through the stack's nginx and the
// real gateway, and opens the user interfaces.
func TestSignozStack_Nginx(t *testing.T) {
	t.Parallel()
	r := newStackRig(t)
	acme, globex := r.key("acme"), r.key("globex")
	client := r.client(r.https, "127.0.0.2", true)

	spoofed := []string{"x-business-id", "globex", "X-Scope-OrgID", "globex", "x-oneuptime-token", "9d4b6a4e-1111-4222-8333-444455556666"}
	for _, c := range []struct {
		marker, host, key string
		addr              string
		headers           []string
		want              int
		backend           *stackBackend
		tenant            string
	}{
		{"rec:own-host", "otlp-acme", acme, r.https, nil, 200, r.acme, "acme"},
		{"rec:any-host", "otlp", acme, r.https, nil, 200, r.acme, "acme"},
		{"rec:own-port", "otlp-acme", acme, r.http4318, nil, 200, r.acme, "acme"},
		{"rec:grpc-port", "otlp-acme", acme, r.grpc, nil, 200, r.acme, "acme"},
		{"rec:spoofed-own", "otlp-acme", acme, r.https, spoofed, 200, r.acme, "acme"},
		{"rec:spoofed-any", "otlp", acme, r.https, spoofed, 200, r.acme, "acme"},
		{"rec:shared-own", "otlp-globex", globex, r.https, nil, 200, r.shared, "globex"},
		{"rec:shared-any", "otlp", globex, r.https, nil, 200, r.shared, "globex"},
		{"rec:other-host", "otlp-globex", acme, r.https, nil, 401, nil, ""},
		{"rec:other-host-2", "otlp-acme", globex, r.https, []string{"x-business-id", "globex"}, 401, nil, ""},
		{"rec:no-key", "otlp", "obs_wrong", r.https, nil, 401, nil, ""},
	} {
		for _, http2 := range []bool{false, true} {
			marker := fmt.Sprintf("%s-%t", c.marker, http2)
			got := r.send(r.client(c.addr, "127.0.0.2", http2), c.host, c.key, marker, c.headers...)
			assert.Equal(t, c.want, got.status, "%s: %s", marker, got.text)
			if c.backend == nil {
				continue
			}
			eventually(t, func() bool { return c.backend.header(marker) != nil }, marker+" did not arrive")
			assert.Equal(t, []string{c.tenant}, c.backend.header(marker).Values("x-business-id"), marker)
			if c.tenant == "acme" {
				eventually(t, func() bool { return r.oneuptime.header(marker) != nil }, marker+" did not arrive in OneUptime")
				assert.Equal(t, []string{"3e2bd13f-3b62-4f43-a5de-4a1f8ab0a3c1"}, r.oneuptime.header(marker).Values("x-oneuptime-token"), marker)
			}
		}
	}

	t.Run("grpc", func(t *testing.T) {
		for i, addr := range []string{r.https, r.grpc, r.http4318} {
			marker := fmt.Sprintf("rec:grpc-%d", i)
			require.NoError(t, r.call(addr, "otlp-acme", acme, logOf(marker), "x-business-id", "globex", "x-scope-orgid", "globex"))
			eventually(t, func() bool { return r.acme.header(marker) != nil }, marker+" did not arrive")
			assert.Equal(t, []string{"acme"}, r.acme.header(marker).Values("x-business-id"))
		}
		assert.Equal(t, codes.Unauthenticated, status.Code(r.call(r.grpc, "otlp-globex", acme, logOf("rec:grpc-other"))))
		assert.Equal(t, codes.Unimplemented, status.Code(r.call(r.https, "signoz-acme", acme, logOf("rec:grpc-ui"))), "nginx answers 404 on hosts of user interfaces")
	})

	t.Run("loki and remote write", func(t *testing.T) {
		push := r.do(client, http.MethodPost, "https://otlp-acme."+stackDomain+"/loki/api/v1/push",
			fmt.Appendf(nil, `{"streams":[{"stream":{"service_name":"shop"},"values":[["%d","rec:loki"]]}]}`, time.Now().UnixNano()),
			"Content-Type", "application/json", "Authorization", "Bearer "+acme, "X-Scope-OrgID", "globex")
		assert.Equal(t, http.StatusNoContent, push.status, push.text)
		eventually(t, func() bool { return r.acme.header("rec:loki") != nil }, "the push did not arrive")
		write := r.do(client, http.MethodPost, "https://otlp-acme."+stackDomain+"/api/v1/write", []byte("{}"), "Content-Type", "application/json", "Authorization", "Bearer "+acme)
		assert.Equal(t, http.StatusUnsupportedMediaType, write.status, write.text) // the receiver's own answer
		other := r.do(client, http.MethodGet, "https://otlp-acme."+stackDomain+"/api/v1/query", nil)
		assert.Equal(t, http.StatusNotFound, other.status)
	})

	t.Run("client address", func(t *testing.T) {
		reg := &registry{t: t, path: r.path("registry", "tenants.yaml")}
		_, bound := reg.key("acme", "--source-cidr", "127.0.0.2/32")
		eventually(t, func() bool {
			return r.send(client, "otlp-acme", bound, "rec:bound").status == http.StatusOK
		}, "the key is not accepted from its address")
		claims := []string{"X-Forwarded-For", "127.0.0.2", "Forwarded", "for=127.0.0.2", "X-Real-IP", "127.0.0.2"}
		got := r.send(r.client(r.https, "127.0.0.3", true), "otlp-acme", bound, "rec:unbound", claims...)
		assert.Equal(t, http.StatusUnauthorized, got.status, got.text)
	})

	t.Run("refusals pass unchanged", func(t *testing.T) {
		_, large := encoded(t, noise("rec:large", 22<<20))
		headers := []string{"Content-Type", "application/x-protobuf", "Authorization", "Bearer " + acme}
		got := r.do(client, http.MethodPost, "https://otlp-acme."+stackDomain+"/v1/logs", large, headers...)
		assert.Equal(t, http.StatusRequestEntityTooLarge, got.status, got.text)
		assert.NotContains(t, got.text, "nginx")
		err := r.call(r.grpc, "otlp-acme", acme, noise("rec:large", 22<<20))
		assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
		assert.Empty(t, status.Convert(err).Details(), "RetryInfo")

		reg := &registry{t: t, path: r.path("registry", "tenants.yaml")}
		reg.ctl("tenant", "create", "rated", "--limit", "logs.records_per_second=1", "--limit", "burst=1s", "--route", "logs=signoz_shared")
		_, rated := reg.key("rated")
		many := logOf("rec:rated")
		for range 50 {
			logOf("rec:rated").ResourceLogs().MoveAndAppendTo(many.ResourceLogs())
		}
		_, body := encoded(t, many)
		headers[3] = "Bearer " + rated
		eventually(t, func() bool {
			got = r.do(client, http.MethodPost, "https://otlp."+stackDomain+"/v1/logs", body, headers...)
			return got.status == http.StatusTooManyRequests
		}, "no 429")
		assert.NotEmpty(t, got.header.Get("Retry-After"))
		assert.NotContains(t, got.text, "nginx")
		err = r.call(r.grpc, "otlp", rated, many)
		assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
		assert.NotEmpty(t, status.Convert(err).Details(), "RetryInfo")
	})

	t.Run("user interfaces", func(t *testing.T) {
		get := func(host string, headers ...string) stackAnswer {
			return r.do(client, http.MethodGet, "https://"+host+"."+stackDomain+"/page", nil, headers...)
		}
		assert.Equal(t, "interface of acme", get("signoz-acme", append(spoofed, "X-Forwarded-For", "10.9.9.9")...).text)
		seen := r.ui["acme"].lastRequest()
		assert.Equal(t, "signoz-acme."+stackDomain, seen.Host)
		assert.Equal(t, []string{"127.0.0.2"}, seen.Header.Values("X-Forwarded-For"))
		assert.Empty(t, seen.Header.Get("x-business-id")+seen.Header.Get("X-Scope-OrgID"))
		assert.Equal(t, "interface of oneuptime", get("oneuptime").text)
		for _, path := range []string{"/otlp/v1/logs", "/telemetry/otlp/v1/logs", "/fluentd/logs", "/pyroscope/ingest", "/OTLP/v1/logs", "//otlp/v1/logs", "/x/../%6Ftlp/v1/logs"} {
			assert.Equal(t, http.StatusNotFound, r.do(client, http.MethodPost, "https://oneuptime."+stackDomain+path, nil).status, path)
		}
		assert.Equal(t, http.StatusForbidden, get("signoz").status, "the shared SigNoz is for the operator")
		r.write(filepath.Join("config", "nginx", "operators.conf"), "127.0.0.2/32 1;\n")
		require.NoError(t, r.nginx.Signal(syscall.SIGHUP))
		fresh := func(from string) stackAnswer { // old connections stay with the old workers
			return r.do(r.client(r.https, from, false), http.MethodGet, "https://signoz."+stackDomain+"/", nil)
		}
		eventually(t, func() bool { return fresh("127.0.0.2").status == http.StatusOK }, "the operator is refused")
		assert.Equal(t, "interface of shared", fresh("127.0.0.2").text)
		assert.Equal(t, http.StatusForbidden, fresh("127.0.0.3").status)
	})

	t.Run("smoke test", func(t *testing.T) {
		if _, err := exec.LookPath("curl"); err != nil {
			missing(t, "curl")
		}
		r.env = append(r.env, "CA_FILE="+r.path("tls", "tls.crt"), "HTTPS_PORT="+port(r.https))
		out, err := r.try("smoke-test.sh", "acme", "globex", "--no-stores")
		require.NoError(t, err, out)
		assert.Equal(t, 11, strings.Count(out, "ok    "), out)
		assert.Contains(t, out, "not checked: rows in the stores")
		reg := &registry{t: t, path: r.path("registry", "tenants.yaml")}
		assert.Equal(t, 2, strings.Count(reg.ctl("key", "list"), `"revoked"`), "keys of the test remain")
		r.write(filepath.Join("hosts", "globex.otlp"), "otlp-globex."+stackDomain+" \"acme\";\n") // as after a wrong edit
		require.NoError(t, r.nginx.Signal(syscall.SIGHUP))
		eventually(t, func() bool {
			out, err := r.try("smoke-test.sh", "acme", "globex", "--no-stores")
			return err != nil && strings.Contains(out, "FAIL  the key of acme at the host of globex: 200 instead of 401")
		}, "the smoke test does not notice a wrong host")
		r.write(filepath.Join("hosts", "globex.otlp"), "otlp-globex."+stackDomain+" \"globex\";\n")
		require.NoError(t, r.nginx.Signal(syscall.SIGHUP))
	})

	t.Run("unknown hosts", func(t *testing.T) {
		for _, addr := range []string{r.https, r.grpc, r.http4318} {
			for _, name := range []string{"other." + stackDomain, "otlp.example.com", ""} {
				conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true}) // only nginx's alert matters
				if err == nil {
					_ = conn.Close()
				}
				assert.Error(t, err, "%s %s", addr, name)
			}
		}
		fresh := r.client(r.https, "127.0.0.2", false)
		got := r.do(fresh, http.MethodGet, "https://otlp."+stackDomain+"/v1/logs", nil, "Host", "other."+stackDomain)
		assert.Equal(t, http.StatusMisdirectedRequest, got.status)
		plain := r.client(r.plain, "127.0.0.2", false)
		assert.Equal(t, http.StatusNotFound, r.do(plain, http.MethodGet, "http://other."+stackDomain+"/", nil).status)
		got = r.do(plain, http.MethodGet, "http://signoz-acme."+stackDomain+"/a?b=c", nil)
		assert.Equal(t, http.StatusPermanentRedirect, got.status)
		assert.Equal(t, "https://signoz-acme."+stackDomain+"/a?b=c", got.header.Get("Location"))
		for _, host := range []string{"signoz-acme", "otlp-new"} {
			got = r.do(plain, http.MethodGet, "http://"+host+"."+stackDomain+"/.well-known/acme-challenge/token", nil)
			assert.Equal(t, "challenge", got.text, host)
		}
		got = r.do(plain, http.MethodPost, "http://otlp."+stackDomain+"/v1/logs", nil, "Authorization", "Bearer "+acme)
		assert.Equal(t, http.StatusNotFound, got.status, "telemetry without TLS is not accepted")
	})

	for _, b := range []*stackBackend{r.acme, r.shared, r.oneuptime} {
		for _, marker := range b.markers() {
			assert.NotRegexp(t, "other|no-key|grpc-ui|unbound|large", marker)
			assert.Equal(t, b == r.shared, strings.Contains(marker, "shared") || marker == "rec:rated", "%s is in the wrong backend", marker)
		}
	}
}
