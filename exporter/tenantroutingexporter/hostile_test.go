// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// planted are the secrets of a tenant, by the name of the variable that refers to
// them. The first are short.
var planted = map[string]string{
	"short": "q7z", "pin": "k9w2", "path": "PathZx81qLm0", "query": "QueryTr9Kw2Yp5+/=", "header": "HeaderVn3Bs7Hd4Jf6", "bearer": "BearerGc1Mx8Qa5Re2",
}

// hostileAnswers are what backends do with what they were sent. Each gets the head
// of the request: the path with the query, and all headers.
var hostileAnswers = map[string]func(head string) string{
	"text":         func(head string) string { return answerOf(400, "text/plain", "bad request: "+head) },
	"401":          func(head string) string { return answerOf(401, "text/plain", "denied: "+head) },
	"JSON":         func(head string) string { return answerOf(400, "application/json", `{"message":`+quoted(head)+`}`) },
	"JSON in text": func(head string) string { return answerOf(422, "text/plain", quoted(quoted(head))) },
	"URL":          func(head string) string { return answerOf(400, "text/plain", url.QueryEscape(head)) },
	"URL lower":    func(head string) string { return answerOf(400, "text/plain", strings.ToLower(url.QueryEscape(head))) },
	"base64": func(head string) string {
		return answerOf(400, "text/plain", base64.StdEncoding.EncodeToString([]byte(head)))
	},
	"cut": func(head string) string {
		return answerOf(400, "text/plain", strings.Repeat("x ", 140)+head[:len(head)/2])
	},
	"lines": func(head string) string {
		return answerOf(400, "text/plain", strings.Join(strings.Split(head, "Zx"), "Z\r\nx"))
	},
	"redirect": func(head string) string {
		return "HTTP/1.1 307 " + oneLine(head) + "\r\nLocation: http://127.0.0.1:1/?" + url.QueryEscape(head) + "\r\nContent-Length: 0\r\n\r\n"
	},
	"status line":         func(head string) string { return "HTTP/1.1 400 " + oneLine(head) + "\r\nContent-Length: 0\r\n\r\n" },
	"no HTTP":             func(head string) string { return "NOPE " + oneLine(head) + "\r\n\r\n" },
	"bad header":          func(head string) string { return "HTTP/1.1 200 OK\r\n" + oneLine(head) + "\r\n\r\n" },
	"bad length":          func(head string) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + oneLine(head) + "\r\n\r\n" },
	"bad encoding":        func(head string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + oneLine(head) + "\r\n\r\n" },
	"more than announced": func(head string) string { return answerOf(400, "text/plain", "") + head },
	"content type":        func(head string) string { return answerOf(400, "text/"+oneLine(head), "x") },
	"retry after": func(head string) string {
		return "HTTP/1.1 503 X\r\nRetry-After: " + oneLine(head) + "\r\nContent-Length: 0\r\n\r\n"
	},
	"404":       func(head string) string { return answerOf(404, "text/plain", head) },
	"web page":  func(head string) string { return answerOf(200, "text/html", "<html>"+head) },
	"200":       func(head string) string { return answerOf(200, "text/plain", head) },
	"200 typed": func(head string) string { return answerOf(200, oneLine(head), head) },
	"terminal": func(string) string {
		return answerOf(400, "text/plain", "x\r\n2026-11-30T00:00:00Z\tERROR\tfake \x1b[31m \u202e evil\u009b31m \u2028line\u200b")
	},
}

func answerOf(status int, contentType, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, contentType, len(body), body)
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// hostileServer answers each request with raw bytes.
func hostileServer(t *testing.T, answer func(head string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Second))
				r := bufio.NewReader(c)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				var head bytes.Buffer
				fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", req.Method, req.URL.RequestURI(), req.Host)
				_ = req.Header.Write(&head)
				_, _ = c.Write([]byte(answer(head.String())))
			})
		}
	})
	return l.Addr().String()
}

// plant writes the secrets to files and returns variables that refer to them.
func plant(t *testing.T) (dir string, vars map[string]string) {
	t.Helper()
	dir, vars = t.TempDir(), make(map[string]string)
	for name, secret := range planted {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(secret+"\n"), 0o600))
		vars[name] = "${file:" + filepath.Join(dir, name) + "}"
	}
	return dir, vars
}

// assertNoSecret looks for secrets in the forms that a reader recognizes, and for
// their parts.
func assertNoSecret(t *testing.T, where, text string) {
	t.Helper()
	lower := strings.ToLower(text)
	for name, secret := range planted {
		forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))}
		if len(secret) > 8 {
			forms = append(forms, secret[:8], secret[len(secret)-8:])
		}
		for _, form := range forms {
			assert.NotContains(t, lower, strings.ToLower(form), "%s in %s", name, where)
		}
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			assert.Failf(t, "a character that a terminal obeys", "%U in %s", r, where)
			return
		}
	}
}

// lockedBuffer takes the log.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func filesBelow(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all.WriteString(path + "\n" + string(data) + "\n")
		return err
	}))
	return all.String()
}

// metricsText returns names and attributes of everything that was measured.
func metricsText(t *testing.T, tel *componenttest.Telemetry) string {
	t.Helper()
	var rm metricdata.ResourceMetrics
	require.NoError(t, tel.Reader.Collect(context.Background(), &rm))
	text, err := json.Marshal(rm)
	require.NoError(t, err)
	return string(text)
}

// TestSecrets_FromReferencesAreNowhere sends to hostile backends with secrets in
// header, path and query, and searches log, dead letters and metrics.
func TestSecrets_FromReferencesAreNowhere(t *testing.T) {
	for name, answer := range hostileAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := hostileServer(t, answer)
			secrets, vars := plant(t)
			vars["base"] = "http://" + address
			letters := t.TempDir()
			cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
allow_private_endpoints: [127.0.0.0/8]
references: {directories: [%q]}
destinations:
  d:
    otlp_http:
      logs_endpoint: "{vars.base}/v1/logs/{vars.pin}?p={vars.path}&token={vars.short}"
      traces_endpoint: "http://%s/in/{vars.path}"
      metrics_endpoint: "{vars.base}"
      timeout: 2s
      headers: {X-Auth: "{vars.header}", X-Short: "{vars.short}", X-Query: "{vars.query}", Authorization: "Bearer {vars.bearer}"}
routes: {logs: [d], metrics: [d], traces: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 10ms, max_interval: 10ms}
circuit_breaker: {failures: 2, open: 10ms}
metrics: {tenant: true}
dead_letter: {directory: %q}
`, secrets, address, letters))
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars})
			var log lockedBuffer
			g := startLoggedGateway(t, cfg, tenanttest.Host{registryID: registry}, &log)
			ctx := context.Background()
			require.NoError(t, g.logs.ConsumeLogs(ctx, logsOf("a", "1")))
			require.NoError(t, g.metrics.ConsumeMetrics(ctx, metricsOf("a")))
			require.NoError(t, g.traces.ConsumeTraces(ctx, tracesOf("a")))
			require.Eventually(t, func() bool {
				return sum(t, g.tel, "send_attempts", "signal=logs") > 1 || sum(t, g.tel, "dead_lettered_records")+sum(t, g.tel, "delivered_records") >= 3
			}, 30*time.Second, 5*time.Millisecond)
			measured := metricsText(t, g.tel)
			g.stop()
			require.Contains(t, log.String(), "destination", "the rejections were logged")
			assertNoSecret(t, "the log", log.String())
			assertNoSecret(t, "the metrics", measured)
			assertNoSecret(t, "the dead letters", filesBelow(t, letters))
		})
	}
}

// TestSecrets_InSettingsThatCannotWork has secrets where nothing is sent.
func TestSecrets_InSettingsThatCannotWork(t *testing.T) {
	for name, destination := range map[string]string{
		"host":             `otlp_http: {endpoint: "http://{vars.path}.invalid"}`,
		"host alone":       `otlp_http: {endpoint: "{vars.header}"}`,
		"query as a host":  `otlp_http: {endpoint: "http://{vars.query}"}`,
		"user":             `otlp_http: {endpoint: "{vars.user}"}`,
		"port":             `otlp_http: {endpoint: "http://127.0.0.1:{vars.pin}"}`,
		"certificate":      `otlp_http: {endpoint: "https://127.0.0.1:1", tls: {ca_pem: "{vars.header}"}}`,
		"key":              `otlp_http: {endpoint: "https://127.0.0.1:1", tls: {cert_pem: "{vars.header}", key_pem: "{vars.bearer}"}}`,
		"path of a file":   `otlp_http: {endpoint: "https://127.0.0.1:1", tls: {ca_file: "{vars.header}"}}`,
		"file in a folder": `otlp_http: {endpoint: "https://127.0.0.1:1", tls: {ca_file: "/certs/{vars.header}"}}`,
		"proxy":            `otlp_http: {endpoint: "http://127.0.0.1:1", proxy_url: "http://{vars.path}.invalid:3128"}`,
		"server name":      `otlp_http: {endpoint: "https://127.0.0.1:1", tls: {server_name_override: "{vars.path}"}}`,
		"Host header":      `otlp_http: {endpoint: "http://127.0.0.1:1", headers: {Host: "{vars.path}"}}`,
		"gRPC target":      `otlp_grpc: {endpoint: "{vars.path}:4317", tls: {insecure: true}}`,
		"gRPC host":        `otlp_grpc: {endpoint: "{vars.path}.invalid:4317", tls: {insecure: true}}`,
		"gRPC certificate": `otlp_grpc: {endpoint: "127.0.0.1:1", tls: {ca_pem: "{vars.header}"}}`,
		"gRPC metadata":    `otlp_grpc: {endpoint: "127.0.0.1:1", tls: {insecure: true}, headers: {x-token: "{vars.header}"}}`,
		"gRPC authority":   `otlp_grpc: {endpoint: "127.0.0.1:1", tls: {insecure: true}, authority: "{vars.path}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secrets, vars := plant(t)
			require.NoError(t, os.WriteFile(filepath.Join(secrets, "user"), []byte("http://"+planted["header"]+":"+planted["bearer"]+"@127.0.0.1:1"), 0o600))
			vars["user"] = "${file:" + filepath.Join(secrets, "user") + "}"
			var log lockedBuffer
			cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
allow_private_endpoints: [127.0.0.0/8]
references: {directories: [%q]}
destinations: {d: {%s}}
routes: {logs: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 10ms, max_interval: 10ms}
`, secrets, strings.TrimSuffix(destination, "}")+", timeout: 500ms}"))
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: vars})
			g := startLoggedGateway(t, cfg, tenanttest.Host{registryID: registry}, &log)
			require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
			require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts") > 0 }, 30*time.Second, 5*time.Millisecond)
			measured := metricsText(t, g.tel)
			g.stop()
			require.Contains(t, log.String(), "; its lane waits")
			assertNoSecret(t, "the log", log.String())
			assertNoSecret(t, "the metrics", measured)
		})
	}
}

// startLoggedGateway is startGatewayWith with a log at its most talkative.
func startLoggedGateway(t *testing.T, cfg *Config, host tenanttest.Host, out *lockedBuffer) *gateway {
	t.Helper()
	g := &gateway{tb: t, tel: componenttest.NewTelemetry()}
	set := exportertest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	set.TelemetrySettings = g.tel.NewTelemetrySettings()
	set.TelemetrySettings.Logger = zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(out), zapcore.DebugLevel))
	f := NewFactory()
	ctx := context.Background()
	var err error
	g.logs, err = f.CreateLogs(ctx, set, cfg)
	require.NoError(t, err)
	g.metrics, err = f.CreateMetrics(ctx, set, cfg)
	require.NoError(t, err)
	g.traces, err = f.CreateTraces(ctx, set, cfg)
	require.NoError(t, err)
	require.NoError(t, g.logs.Start(ctx, host))
	require.NoError(t, g.metrics.Start(ctx, host))
	require.NoError(t, g.traces.Start(ctx, host))
	t.Cleanup(g.stop)
	return g
}
