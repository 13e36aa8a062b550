// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// stacks is the folder of the stacks.
const stacks = root + "/distributions/stacks"

// The names under which the ingress of a test is reached. They need no DNS: clients dial the
// loopback interface.
const (
	otlpHost    = "otlp.localhost"
	grafanaHost = "grafana.localhost"
)

// ingress is Caddy with the Caddyfile of the stack with Grafana, and a CA of its own.
type ingress struct {
	t          *testing.T
	ca         string // file
	roots      *x509.CertPool
	plain      string // addresses
	https      string
	otlpHTTP   string
	otlpGRPC   string
	monitoring string
}

// caddies returns the versions of Caddy to test with. A current one takes minutes to build, so
// that CI has only Debian's.
func caddies() map[string]func(t *testing.T) string {
	return map[string]func(t *testing.T) string{
		"caddy 2.6": func(t *testing.T) string {
			path, err := exec.LookPath("caddy")
			if err != nil {
				missing(t, "caddy")
			}
			return path
		},
		"caddy": func(t *testing.T) string {
			path, err := filepath.Abs(filepath.Join(root, "_build", "backends", "caddy"))
			require.NoError(t, err)
			if _, err := os.Stat(path); err != nil {
				t.Skip("there is no _build/backends/caddy: make acceptance builds it")
			}
			return path
		},
	}
}

// newIngress starts Caddy in front of the gateway and of Grafana at this address.
func newIngress(t *testing.T, caddy string, r *rig, grafana string, env map[string]string) *ingress {
	t.Helper()
	free, dir := addresses(t, 6), t.TempDir()
	file, err := filepath.Abs(filepath.Join(stacks, "grafana", "config", "Caddyfile"))
	require.NoError(t, err)
	i := &ingress{
		t: t, ca: filepath.Join(dir, "caddy", "pki", "authorities", "local", "root.crt"),
		plain: free[0], https: free[1], otlpHTTP: free[2], otlpGRPC: free[3], monitoring: free[4],
	}
	all := map[string]string{
		"XDG_DATA_HOME": dir, "XDG_CONFIG_HOME": dir, "HOME": dir,
		"OTLP_HOST": otlpHost, "GRAFANA_HOST": grafanaHost, "INGRESS_TLS": "internal", "OPERATOR_CIDRS": "127.0.0.1/32",
		"CADDY_ADMIN": free[5], "HTTP_PORT": port(i.plain), "HTTPS_PORT": port(i.https),
		"OTLP_HTTP_PORT": port(i.otlpHTTP), "OTLP_GRPC_PORT": port(i.otlpGRPC), "MONITORING_ADDRESS": i.monitoring,
		"GATEWAY_HTTP": r.http, "GATEWAY_GRPC": r.grpc, "GATEWAY_REMOTE_WRITE": r.remoteWrite, "GATEWAY_LOKI": r.loki, "GRAFANA_UPSTREAM": grafana,
	}
	maps.Copy(all, env)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p, err := process.Start(ctx, process.Settings{
		Path: caddy, Env: all, Args: []string{"run", "--config", file, "--adapter", "caddyfile"}, Health: "http://" + i.monitoring + "/health",
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("output of Caddy:\n%s", p.Tail(4000))
		}
		_ = p.Kill()
	})
	i.roots = x509.NewCertPool()
	require.Eventually(t, func() bool {
		pem, err := os.ReadFile(i.ca)
		return err == nil && i.roots.AppendCertsFromPEM(pem)
	}, 30*time.Second, 20*time.Millisecond, "Caddy has no CA")
	require.Eventually(t, func() bool { // certificates are made after the start
		conn, err := tls.Dial("tcp", i.otlpGRPC, &tls.Config{RootCAs: i.roots, ServerName: otlpHost})
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 30*time.Second, 50*time.Millisecond, "Caddy has no certificate")
	return i
}

// client returns an HTTP client that sends everything to this machine, from this address.
func (i *ingress) client(from string, http2 bool) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: i.roots}, ForceAttemptHTTP2: http2,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}
	i.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// do sends a request and returns the answer with its body.
func (i *ingress) do(client *http.Client, method, url string, body []byte, headers ...string) (*http.Response, string) {
	i.t.Helper()
	resp, text, err := i.try(client, method, url, body, headers...)
	require.NoError(i.t, err)
	return resp, text
}

// doLarge is do for a request that is rejected while the client still sends it. The proxy
// then closes the connection, which can discard the answer on its way to the client.
func (i *ingress) doLarge(client *http.Client, method, url string, body []byte, headers ...string) (*http.Response, string) {
	i.t.Helper()
	for attempts := 1; ; attempts++ {
		resp, text, err := i.try(client, method, url, body, headers...)
		if attempts < 20 && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
			continue
		}
		require.NoError(i.t, err, "after %d attempts", attempts)
		return resp, text
	}
}

func (i *ingress) try(client *http.Client, method, url string, body []byte, headers ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(i.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// TestStack_Ingress sends through the Caddyfile of the stack with Grafana: each protocol at
// each port, rejections with their retry delay, and headers that claim to be others.
func TestStack_Ingress(t *testing.T) {
	t.Parallel()
	const right, wrong = "127.0.0.1", "127.0.0.3"
	dialFrom(t, wrong)
	for name, find := range caddies() {
		t.Run(name, func(t *testing.T) {
			caddy := find(t)
			s := newRecorder(t)
			r := newRig(t, fmt.Sprintf(recorded, s.url)+"\nextensions: {bearer_key_auth: {trusted_proxies: [127.0.0.1/32], client_address_header: x-forwarded-for}}\n", "acme", "rated")
			r.reg.ctl("tenant", "update", "rated", "--limit", "logs.records_per_second=1", "--limit", "burst=1s")
			_, bound := r.reg.key("acme", "--source-cidr", right+"/32")
			g := r.run()
			ui := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				fmt.Fprintf(w, "Grafana %s forwarded=%q", req.URL.Path, req.Header.Get("Forwarded"))
			}))
			defer ui.Close()
			i := newIngress(t, caddy, r, strings.TrimPrefix(ui.URL, "http://"), nil)
			key := "Bearer " + r.keys["acme"]
			_, small := encoded(t, logOf("small"))
			_, large := encoded(t, noise("large", 22<<20))
			many := logOf("one of many")
			for range 50 {
				logOf("more").ResourceLogs().MoveAndAppendTo(many.ResourceLogs())
			}
			_, burst := encoded(t, many)
			const protobuf = "application/x-protobuf"
			otlp := func(port string) string { return "https://" + otlpHost + ":" + process.Port(port) }

			for _, http2 := range []bool{false, true} {
				client := i.client(right, http2)
				for _, port := range []string{i.https, i.otlpHTTP, i.otlpGRPC} {
					resp, text := i.do(client, http.MethodPost, otlp(port)+"/v1/logs", small, "Content-Type", protobuf, "Authorization", key)
					assert.Equal(t, http.StatusOK, resp.StatusCode, text)
				}
				resp, text := i.doLarge(client, http.MethodPost, otlp(i.https)+"/v1/logs", large, "Content-Type", protobuf, "Authorization", key)
				assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode, text)
				for range 3 {
					if resp, text = i.do(client, http.MethodPost, otlp(i.https)+"/v1/logs", burst, "Content-Type", protobuf, "Authorization", "Bearer "+r.keys["rated"]); resp.StatusCode != http.StatusOK {
						break
					}
				}
				assert.Equal(t, http.StatusTooManyRequests, resp.StatusCode, text)
				seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
				assert.NoError(t, err)
				assert.Positive(t, seconds)

				// Other receivers, by path.
				resp, text = i.do(client, http.MethodPost, otlp(i.https)+"/loki/api/v1/push", []byte(`{"streams":[{"stream":{"service_name":"x"},"values":[["`+strconv.FormatInt(time.Now().UnixNano(), 10)+`","pushed"]]}]}`),
					"Content-Type", "application/json", "Authorization", key)
				assert.Equal(t, http.StatusNoContent, resp.StatusCode, text)
				resp, text = i.do(client, http.MethodPost, otlp(i.https)+"/api/v1/write", []byte("x"), "Content-Type", "application/json", "Authorization", key)
				assert.Equal(t, http.StatusUnsupportedMediaType, resp.StatusCode, "of remote write: %s", text)

				// Headers of others.
				for _, forged := range [][2]string{{"X-Scope-OrgID", "rated"}, {"X-Business-Id", "rated"}} {
					resp, text = i.do(client, http.MethodPost, otlp(i.https)+"/v1/logs", small, "Content-Type", protobuf, "Authorization", key, forged[0], forged[1])
					assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, "%v: %s", forged, text)
				}
				resp, text = i.do(client, http.MethodPost, otlp(i.https)+"/v1/logs", small, "Content-Type", protobuf, "Authorization", "Bearer "+bound)
				assert.Equal(t, http.StatusOK, resp.StatusCode, text)
				far := i.client(wrong, http2)
				for _, forged := range [][]string{nil, {"X-Forwarded-For", right}, {"Forwarded", "for=" + right}, {"X-Real-Ip", right}} {
					resp, text = i.do(far, http.MethodPost, otlp(i.https)+"/v1/logs", small, append(forged, "Content-Type", protobuf, "Authorization", "Bearer "+bound)...)
					assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, "%v: %s", forged, text)
				}

				// Grafana has another name.
				ui := "https://" + grafanaHost + ":" + port(i.https)
				_, text = i.do(client, http.MethodGet, ui+"/d/x", nil, "Forwarded", "for=10.0.0.1")
				assert.Equal(t, `Grafana /d/x forwarded=""`, text)
				for _, path := range []string{"/api/admin/users", "/api/orgs", "/api/orgs/2", "/api/users", "/api/users/1/orgs", "/metrics"} {
					resp, _ = i.do(far, http.MethodGet, ui+path, nil, "X-Forwarded-For", right)
					assert.Equal(t, http.StatusForbidden, resp.StatusCode, path)
					resp, _ = i.do(client, http.MethodGet, ui+path, nil)
					assert.Equal(t, http.StatusOK, resp.StatusCode, path)
				}
				resp, _ = i.do(far, http.MethodGet, ui+"/api/org", nil)
				assert.Equal(t, http.StatusOK, resp.StatusCode)
			}

			for _, port := range []string{i.https, i.otlpGRPC} {
				conn, err := grpc.NewClient("passthrough:///"+port, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(i.roots, otlpHost)))
				require.NoError(t, err)
				export := func(ld plog.Logs, pairs ...string) error {
					ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
					_, err := plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(ld))
					return err
				}
				require.NoError(t, export(logOf("over gRPC"), "authorization", key))
				assert.Equal(t, codes.Unauthenticated, status.Code(export(logOf("x"))))
				assert.Equal(t, codes.Unauthenticated, status.Code(export(logOf("x"), "authorization", key, "x-scope-orgid", "rated")))
				err = export(noise("large", 22<<20), "authorization", key)
				assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
				assert.Empty(t, status.Convert(err).Details(), "RetryInfo")
				for range 3 {
					if err = export(many, "authorization", "Bearer "+r.keys["rated"]); err != nil {
						break
					}
				}
				assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
				assert.NotEmpty(t, status.Convert(err).Details(), "RetryInfo")
				require.NoError(t, conn.Close())
			}

			// A name that the ingress does not have gets no certificate, and HTTP is redirected.
			_, err := tls.Dial("tcp", i.https, &tls.Config{RootCAs: i.roots, ServerName: "other.localhost"})
			assert.Error(t, err)
			resp, _ := i.do(i.client(right, false), http.MethodGet, "http://"+otlpHost+":"+port(i.plain)+"/", nil)
			assert.Equal(t, http.StatusPermanentRedirect, resp.StatusCode)
			resp, text := i.do(http.DefaultClient, http.MethodGet, "http://"+i.monitoring+"/metrics", nil)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Contains(t, text, "caddy_")
			r.drained()
			assert.NotContains(t, s.bodies(), "large")
			g.stop()
		})
	}
}
