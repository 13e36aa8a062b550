// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
)

// acceptance skips a test that takes longer than CI should.
func acceptance(t *testing.T) {
	t.Helper()
	if os.Getenv("E2E_ACCEPTANCE") == "" {
		t.Skip("it takes minutes: make acceptance runs it")
	}
}

// noise is a log record of about this size that does not compress.
func noise(text string, size int) plog.Logs {
	padding := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(padding) // never fails
	ld := logOf(text)
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutEmptyBytes("noise").FromRaw(padding)
	return ld
}

// slowly is a body that arrives in pieces with pauses between them.
type slowly struct {
	ctx   context.Context
	body  []byte
	piece int
	every time.Duration
}

// Read implements io.Reader.
func (s *slowly) Read(b []byte) (int, error) {
	if len(s.body) == 0 {
		return 0, io.EOF
	}
	pause(s.ctx, s.every)
	n := copy(b, s.body[:min(s.piece, len(s.body))])
	s.body = s.body[n:]
	return n, s.ctx.Err()
}

// post sends a body through the proxy and returns the status, or the error if the
// connection was closed.
func (p *proxy) post(client *http.Client, key string, length int, body io.Reader) (int, string, error) {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "https://"+p.addr+"/v1/logs", body)
	if err != nil {
		return 0, "", err
	}
	req.ContentLength = int64(length)
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// TestProxy_SlowUploads sends bodies slowly through each proxy, with and without a length.
// Those above the minimum rate are accepted, however long they take. One below it is ended
// with a status that states the reason or by its connection, and never with the status of a
// malformed request.
func TestProxy_SlowUploads(t *testing.T) {
	t.Parallel()
	pieces := fromEnv(t, "E2E_UPLOAD_PIECES", 25) // ten of them in a second
	for name, newProxy := range proxyKinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRecorder(t)
			r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
			r.args = append(r.args, "--config", "yaml:extensions::request_guard::upload::window: 5s", // a loaded machine is slow, too
				"--config", "yaml:extensions::request_guard::upload::min_rate: 512")
			g := r.run()
			p := newProxy(t, r)
			const piece = 4096 // 40 KiB/s on an idle machine
			var uploads sync.WaitGroup
			want := []string{}
			for _, http2 := range []bool{false, true} {
				client := p.client(http2)
				for _, known := range []bool{true, false} {
					text := fmt.Sprintf("http2=%t known=%t", http2, known)
					want = append(want, text)
					_, body := encoded(t, noise(text, pieces*piece))
					length := -1
					if known {
						length = len(body)
					}
					uploads.Go(func() {
						code, answer, err := p.post(client, r.keys["acme"], length, &slowly{t.Context(), body, piece, 100 * time.Millisecond})
						assert.NoError(t, err, text)
						assert.Equal(t, http.StatusOK, code, "%s: %s", text, answer)
					})
				}
			}
			uploads.Go(func() {
				if name == "nginx" {
					return // receives the whole body before it contacts the gateway
				}
				_, body := encoded(t, noise("too slow", 50_000))
				client := p.client(false)
				client.Timeout = 20 * time.Second // Caddy passes the answer on when it has the body
				code, answer, err := p.post(client, r.keys["acme"], len(body), &slowly{t.Context(), body, 20, 200 * time.Millisecond})
				if err == nil {
					assert.Contains(t, []int{http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, code, answer)
				}
				t.Logf("%s: too slow: %d %v %s", name, code, err, answer)
			})
			uploads.Wait()
			r.drained()
			assert.ElementsMatch(t, want, s.bodies())
			g.stop()
		})
	}
}

// answered posts a body until it gets an answer. Over HTTP/1.1, a proxy that does not read
// ahead closes the connection of a client that is still sending when the gateway rejects
// the request. The client may notice that before it reads the answer, or with its next
// request.
func (p *proxy) answered(client *http.Client, key string, body []byte) (status int, text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		var err error
		status, text, err = p.post(client, key, len(body), bytes.NewReader(body))
		return err == nil
	}, time.Minute, 10*time.Millisecond, "no answer")
	return status, text
}

// TestProxy_BodyLimits sends bodies above the gateway's limit through each documented
// proxy. They are rejected with 413, and not with a status that clients retry without end,
// and later requests are accepted.
func TestProxy_BodyLimits(t *testing.T) {
	t.Parallel()
	for name, newProxy := range proxyKinds() {
		t.Run(name, func(t *testing.T) {
			s := newRecorder(t)
			r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
			g := r.run()
			p := newProxy(t, r)
			_, large := encoded(t, noise("large", 22<<20))
			_, small := encoded(t, noise("small", 900_000))
			accepted := 0
			for _, http2 := range []bool{false, true} {
				client := p.client(http2)
				for range 3 {
					code, answer := p.answered(client, r.keys["acme"], large)
					assert.Equal(t, http.StatusRequestEntityTooLarge, code, answer)
					code, answer = p.answered(client, r.keys["acme"], small)
					assert.Equal(t, http.StatusOK, code, answer)
					accepted++
				}
			}
			conn, err := grpc.NewClient(p.addr, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(p.roots, "")))
			require.NoError(t, err)
			defer conn.Close()
			export := func(ld plog.Logs) error {
				ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+r.keys["acme"])
				_, err := plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(ld))
				return err
			}
			err = export(noise("large", 22<<20))
			assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
			assert.Empty(t, status.Convert(err).Details(), "RetryInfo")
			assert.NoError(t, export(noise("small", 900_000)))
			accepted++
			r.drained()
			assert.GreaterOrEqual(t, len(s.bodies()), accepted, "each once, or again after a broken connection")
			g.stop()
		})
	}
}

// TestProxy_OwnBodyLimits uses proxies with their own limit of 1 MiB and checks the
// statements in docs/proxies.md: the status that each answers, and that an agent delivers
// everything.
func TestProxy_OwnBodyLimits(t *testing.T) {
	t.Parallel()
	kinds := proxyKinds()
	caddyfile := []string{"\thandle {\n", "\trequest_body {\n\t\tmax_size 1MiB\n\t}\n\thandle {\n"}
	for name, c := range map[string]struct {
		change []string
		status int
	}{
		"nginx":     {[]string{"client_max_body_size 64m;", ""}, http.StatusRequestEntityTooLarge},
		"caddy 2.6": {caddyfile, http.StatusBadGateway},
		"caddy":     {caddyfile, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRecorder(t)
			r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
			g := r.run()
			p := kinds[name](t, r, c.change...)
			_, body := encoded(t, noise("large", 3<<20))
			code, answer, err := p.post(p.client(false), r.keys["acme"], len(body), bytes.NewReader(body))
			require.NoError(t, err)
			assert.Equal(t, c.status, code, answer)
			want := agentThrough(t, r, p)
			if c.status == http.StatusRequestEntityTooLarge { // which the agent splits
				want = append(want, agentThrough(t, r, p, "--config", "yaml:exporters::tenant_routing: {destinations: {gateway: {max_batch_bytes: 32MiB}}, lane: {batch: {max_bytes: 16MiB}}}")...)
			}
			eventually(t, func() bool { return len(s.bodies()) >= len(want) }, "the agent's records are lost")
			assert.ElementsMatch(t, want, s.bodies())
			g.stop()
		})
	}
}

// agentThrough makes the shipped agent send more than 1 MiB of incompressible data through
// the proxy, in small requests and in a large one.
func agentThrough(t *testing.T, r *rig, p *proxy, args ...string) (bodies []string) {
	t.Helper()
	free := addresses(t, 4)
	start(t, map[string]string{
		"BUSINESS_ID": "acme", "TENANT_KEY": r.keys["acme"], "DEPLOY_ENV": "e2e", "GATEWAY_ENDPOINT": "https://" + p.addr,
		"PM2_HOME": t.TempDir(), "STATE_DIR": filepath.Join(t.TempDir(), "state"), "TZ": "UTC",
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
	}, append([]string{
		"--config", filepath.Join(root, "distributions", "agent", "config.yaml"),
		"--config", "yaml:exporters::tenant_routing::destinations::gateway::otlp_http::tls::ca_file: " + p.cert,
		"--config", "yaml:service::pipelines::metrics::receivers: [tenant_otlp]",
		"--config", "yaml:service::pipelines::logs::receivers: [tenant_otlp]",
	}, args...)...)
	for i := range 8 {
		text := fmt.Sprintf("through the agent %d", i)
		ld := noise(text, 300_000)
		for j := range 3 {
			more := fmt.Sprintf("%s.%d", text, j)
			noise(more, 200_000).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().MoveAndAppendTo(ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords())
			bodies = append(bodies, more)
		}
		bodies = append(bodies, text)
		_, body := encoded(t, ld)
		code, answer := postProto(t, free[1], "logs", body, nil)
		require.Equal(t, http.StatusOK, code, answer)
	}
	ld := noise("in a large request", 300_000)
	for j := range 9 {
		more := fmt.Sprintf("in a large request %d", j)
		noise(more, 300_000).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().MoveAndAppendTo(ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords())
		bodies = append(bodies, more)
	}
	_, body := encoded(t, ld)
	code, answer := postProto(t, free[1], "logs", body, nil)
	require.Equal(t, http.StatusOK, code, answer)
	return append(bodies, "in a large request")
}

// TestProxy_IdlePools leaves the connections of the proxies' pools idle for about as long
// as proxies and gateway keep them, several times, and then sends on all of them
// concurrently. Everything is accepted without a retry.
func TestProxy_IdlePools(t *testing.T) {
	t.Parallel()
	acceptance(t)
	for name, newProxy := range proxyKinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRecorder(t)
			r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
			g := r.run()
			p := newProxy(t, r)
			client, want := p.client(false), 0
			// The pools of the proxies time out after 60 s, the gateway's connections after
			// 90 s.
			for _, rest := range []time.Duration{0, 59_500, 59_900, 60_000, 60_100, 89_500, 90_000, 90_100, 120_000} {
				pause(t.Context(), rest*time.Millisecond)
				var work sync.WaitGroup
				for i := range 32 {
					_, body := encoded(t, logOf(fmt.Sprint(rest, i)))
					want++
					work.Go(func() {
						pause(t.Context(), time.Duration(i)*5*time.Millisecond)
						code, answer, err := p.post(client, r.keys["acme"], len(body), bytes.NewReader(body))
						assert.NoError(t, err, "after %d ms", rest)
						assert.Equal(t, http.StatusOK, code, "after %d ms: %s", rest, answer)
					})
				}
				work.Wait()
			}
			r.drained()
			assert.Len(t, s.bodies(), want)
			g.stop()
		})
	}
}

// forged sends a body with further headers and returns the status and the headers of the
// answer.
func (p *proxy) forged(client *http.Client, key string, body []byte, headers ...string) (int, http.Header) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "https://"+p.addr+"/v1/logs", bytes.NewReader(body))
	require.NoError(p.t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+key)
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	resp, err := client.Do(req)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	return resp.StatusCode, resp.Header
}

// TestProxy_PassesRefusals requires that rejections of the gateway reach the client
// unchanged through each proxy, with their retry delay, and that headers that name another
// tenant are rejected.
func TestProxy_PassesRefusals(t *testing.T) {
	t.Parallel()
	for name, newProxy := range proxyKinds() {
		t.Run(name, func(t *testing.T) {
			s := newRecorder(t)
			r := newRig(t, fmt.Sprintf(recorded, s.url), "acme", "rated")
			r.reg.ctl("tenant", "update", "rated", "--limit", "logs.records_per_second=1", "--limit", "burst=1s")
			g := r.run()
			p := newProxy(t, r)
			for _, http2 := range []bool{false, true} {
				client := p.client(http2)
				code, answer, err := p.post(client, "obs_kaaaaaaa_no", 0, http.NoBody)
				require.NoError(t, err)
				assert.Equal(t, http.StatusUnauthorized, code, answer)
				code, answer, err = p.post(client, r.keys["acme"], 3, strings.NewReader("\xff\xff\xff"))
				require.NoError(t, err)
				assert.Equal(t, http.StatusBadRequest, code, answer)
				ld := logOf("one of many")
				for range 50 {
					logOf("more").ResourceLogs().MoveAndAppendTo(ld.ResourceLogs())
				}
				_, body := encoded(t, ld)
				for range 3 {
					if code, answer, err = p.post(client, r.keys["rated"], len(body), bytes.NewReader(body)); code != http.StatusOK {
						break
					}
				}
				require.NoError(t, err)
				assert.Equal(t, http.StatusTooManyRequests, code, answer)
				status, header := p.forged(client, r.keys["rated"], body)
				assert.Equal(t, http.StatusTooManyRequests, status)
				seconds, err := strconv.Atoi(header.Get("Retry-After"))
				assert.NoError(t, err)
				assert.Positive(t, seconds)
				_, small := encoded(t, logOf("small"))
				for _, name := range []string{"X-Scope-OrgID", "X-Business-Id"} {
					status, _ = p.forged(client, r.keys["acme"], small, name, "rated")
					assert.Equal(t, http.StatusUnauthorized, status, name)
				}
			}
			g.stop()
		})
	}
}
