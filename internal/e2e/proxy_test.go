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
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// proxy is a real proxy in front of the gateway, configured as in docs/proxies.md.
type proxy struct {
	t      *testing.T
	addr   string
	cert   string // file
	roots  *x509.CertPool
	set    process.Settings
	p      *process.Process
	reload func() error
}

// proxyKinds returns the proxies to test with. A current Caddy takes minutes to build, so
// CI uses only Debian's version.
func proxyKinds() map[string]func(t *testing.T, r *rig, change ...string) *proxy {
	return map[string]func(t *testing.T, r *rig, change ...string) *proxy{
		"nginx": newNginx,
		"nginx unbuffered": func(t *testing.T, r *rig, change ...string) *proxy {
			return newNginx(t, r, append(change, "proxy_http_version", "proxy_request_buffering off;\nproxy_http_version")...)
		},
		"caddy 2.6": func(t *testing.T, r *rig, change ...string) *proxy {
			path, err := exec.LookPath("caddy")
			if err != nil {
				missing(t, "caddy")
			}
			return newCaddy(t, r, path, change...)
		},
		"caddy": func(t *testing.T, r *rig, change ...string) *proxy {
			path, err := filepath.Abs(filepath.Join(root, "_build", "backends", "caddy"))
			require.NoError(t, err)
			if _, err := os.Stat(path); err != nil {
				t.Skip("there is no _build/backends/caddy: make acceptance builds it")
			}
			return newCaddy(t, r, path, change...)
		},
	}
}

// documented returns the block of docs/proxies.md in this language.
func documented(t *testing.T, language string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "docs", "proxies.md"))
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(raw)
	require.NotNil(t, block, language)
	return string(block[1])
}

// adapted replaces texts that must be present: pairs of old and new.
func adapted(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// newNginx starts nginx as documented; change contains pairs of texts to replace.
func newNginx(t *testing.T, r *rig, change ...string) *proxy {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path = "/usr/sbin/nginx"; !executable(path) {
			missing(t, "nginx")
		}
	}
	p, dir, cert, key := newProxy(t)
	config := adapted(t, documented(t, "nginx"), append(change,
		"127.0.0.1:3100", r.loki, // before ports that begin with it
		"events {}", "daemon off;\npid nginx.pid;\nerror_log stderr;\n"+userLine()+"worker_processes 2;\nevents {}",
		"\nhttp {\n", "\nhttp {\naccess_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n",
		"listen 443", "listen "+p.addr, "/etc/ssl/otlp.crt", cert, "/etc/ssl/otlp.key", key,
		"127.0.0.1:4318", r.http, "127.0.0.1:4317", r.grpc, "127.0.0.1:19291", r.remoteWrite)...)
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	p.set = process.Settings{Path: path, Args: []string{"-e", "stderr", "-p", dir, "-c", file}}
	p.reload = func() error { return p.p.Signal(syscall.SIGHUP) }
	p.start()
	return p
}

// userLine lets nginx's workers read a test's folders if root runs the test.
func userLine() string {
	if os.Getuid() == 0 {
		return "user root;\n"
	}
	return ""
}

func executable(path string) bool {
	_, err := exec.LookPath(path)
	return err == nil
}

// newCaddy starts Caddy as documented.
func newCaddy(t *testing.T, r *rig, path string, change ...string) *proxy {
	t.Helper()
	p, dir, cert, key := newProxy(t)
	admin := addresses(t, 1)[0]
	config := "{\n\tadmin " + admin + "\n\tauto_https off\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n" + adapted(t, documented(t, "caddyfile"), append(change,
		"127.0.0.1:3100", r.loki, // before ports that begin with it
		"otlp.example.com {", "https://"+p.addr+" {\n\ttls "+cert+" "+key,
		"127.0.0.1:4318", r.http, "127.0.0.1:4317", r.grpc, "127.0.0.1:19291", r.remoteWrite)...)
	file := filepath.Join(dir, "Caddyfile")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	env := map[string]string{"XDG_DATA_HOME": dir, "XDG_CONFIG_HOME": dir}
	p.set = process.Settings{Path: path, Env: env, Args: []string{"run", "--config", file, "--adapter", "caddyfile"}}
	p.reload = func() error {
		cmd := exec.Command(path, "reload", "--config", file, "--adapter", "caddyfile", "--address", admin, "--force")
		cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	p.start()
	return p
}

func newProxy(t *testing.T) (p *proxy, dir, cert, key string) {
	t.Helper()
	dir = t.TempDir()
	p = &proxy{t: t, addr: addresses(t, 1)[0]}
	cert, key, p.roots = certificate(t, dir)
	p.cert = cert
	t.Cleanup(func() {
		if p.p == nil {
			return
		}
		if t.Failed() {
			t.Logf("output of the proxy:\n%s", p.p.Tail(4000))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.p.Stop(ctx) // a kill would leave nginx's workers running
	})
	return p, dir, cert, key
}

func (p *proxy) start() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	started, err := process.Start(ctx, p.set)
	require.NoError(p.t, err)
	p.p = started
	require.Eventually(p.t, func() bool {
		conn, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 30*time.Second, 20*time.Millisecond, "the proxy does not listen")
}

func (p *proxy) restart() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(p.t, p.p.Stop(ctx), p.p.Tail(3000))
	p.start()
}

// client returns an HTTP client that trusts the proxy, with or without HTTP/2.
func (p *proxy) client(http2 bool) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}, ForceAttemptHTTP2: http2, IdleConnTimeout: 5 * time.Minute}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 3 * time.Minute}
}

// certificate writes a certificate for 127.0.0.1 and its key.
func certificate(t *testing.T, dir string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	encodedKey, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	write := func(name, kind string, content []byte) string {
		var b bytes.Buffer
		require.NoError(t, pem.Encode(&b, &pem.Block{Type: kind, Bytes: content}))
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
		return file
	}
	return write("otlp.crt", "CERTIFICATE", der), write("otlp.key", "PRIVATE KEY", encodedKey), roots
}
