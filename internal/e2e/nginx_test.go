// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// TestNginxBesidePM2 runs the shipped agent with its example for nginx. Its logs and PM2's
// pass through one pipeline, also over a rotation.
func TestNginxBesidePM2(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg, inOrder()...)
	home, logs := t.TempDir(), t.TempDir()
	add := func(path, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	const (
		fine    = `203.0.113.9 - - [21/Nov/2026:02:08:36 +0100] "GET /orders?page=2 HTTP/1.1" 200 512 "-" "curl/8.5"`
		broken  = `2001:db8::1 - ann [21/Nov/2026:02:08:37 +0000] "POST /pay HTTP/2.0" 502 0 "https://shop.example/" "Mozilla/5.0 (X11)"`
		strange = `203.0.113.9 - - [21/Nov/2026:02:08:38 +0000] "\x16\x03\x01" 400 157 "-" "-"`
		problem = `2026/11/21 02:08:37 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.9`
		crit    = `2026/11/21 02:08:38 [crit] 31#31: *8 SSL_do_handshake() failed`
	)
	access, errors := filepath.Join(logs, "access.log"), filepath.Join(logs, "error.log")
	add(access, fine+"\n"+broken+"\n")
	add(errors, problem+"\n")
	add(filepath.Join(home, "logs", "shop-out.log"), "from PM2\n")
	startAgent(t, g, reg, "shop", home, append(exact(), "--config", filepath.Join(root, "distributions", "agent", "nginx.yaml"),
		"--config", "yaml:receivers::file_log/nginx_access::include: ["+access+"]", "--config", "yaml:receivers::file_log/nginx_error::include: ["+errors+"]")...)

	type record struct {
		service    string
		severity   plog.SeverityNumber
		time       string
		attributes map[string]any
	}
	reader, got := archive.NewReader(g.data), map[string]record{}
	await := func(n int) {
		t.Helper()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(60 * time.Second); len(got) < n && time.Now().Before(deadline); <-tick.C {
			require.NoError(t, reader.Poll(archive.Handler{Logs: func(_, _ string, ld plog.Logs) error {
				for _, rl := range ld.ResourceLogs().All() {
					name, _ := rl.Resource().Attributes().Get("service.name")
					for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
						attrs := rec.Attributes().AsRaw()
						maps.DeleteFunc(attrs, func(key string, _ any) bool { return key == "log.record.uid" || key == "log.record.original" })
						got[rec.Body().Str()] = record{name.Str(), rec.SeverityNumber(), rec.Timestamp().AsTime().Format(time.RFC3339), attrs}
					}
				}
				return nil
			}}))
		}
	}
	await(4)
	require.NoError(t, os.Rename(access, access+".1"))
	add(access, strange+"\n")
	add(errors, crit+"\n")
	await(6)

	assert.Equal(t, "shop", got["from PM2"].service)
	for body, want := range map[string]record{
		fine: {"nginx", plog.SeverityNumberInfo, "2026-11-21T01:08:36Z", map[string]any{
			"client.address": "203.0.113.9", "http.request.method": "GET", "url.path": "/orders", "url.query": "page=2",
			"http.response.status_code": int64(200), "http.response.body.size": int64(512), "log.file.name": "access.log",
		}},
		broken: {"nginx", plog.SeverityNumberError, "2026-11-21T02:08:37Z", map[string]any{
			"client.address": "2001:db8::1", "http.request.method": "POST", "url.path": "/pay",
			"http.response.status_code": int64(502), "http.response.body.size": int64(0), "log.file.name": "access.log",
		}},
		strange: {"nginx", plog.SeverityNumberUnspecified, "1970-01-01T00:00:00Z", map[string]any{"log.file.name": "access.log"}},
		problem: {"nginx", plog.SeverityNumberError, "2026-11-21T02:08:37Z", map[string]any{"log.file.name": "error.log"}},
		crit:    {"nginx", plog.SeverityNumberFatal2, "2026-11-21T02:08:38Z", map[string]any{"log.file.name": "error.log"}},
	} {
		assert.Equal(t, want, got[body], body)
	}
}
