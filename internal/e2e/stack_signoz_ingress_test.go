// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

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
