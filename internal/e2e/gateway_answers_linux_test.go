// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/remedy"
)

// ask is a request to the gateway.
type ask struct {
	method, path string // empty: POST to /v1/logs
	header       map[string]string
	body         string // empty: a request without data
}

// send returns the status and the message of the answer.
func (a ask) send(t *testing.T, address string) (status int, message string) {
	t.Helper()
	method, path, body := a.method, a.path, a.body
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/v1/logs"
	}
	if body == "" {
		body = "{}"
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for name, value := range a.header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var answer struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &answer) == nil && answer.Message != "" {
		return resp.StatusCode, answer.Message
	}
	return resp.StatusCode, string(data)
}

// keyHeader is the header of a key.
func keyHeader(key string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + key}
}

// otlpLines is an OTLP request with log records of a size.
func otlpLines(records, size int) string {
	record := fmt.Sprintf(`{"body":{"stringValue":%q}}`, strings.Repeat("x", size))
	return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.TrimSuffix(strings.Repeat(record+",", records), ",") + `]}]}]}`
}

// otlpNested is an OTLP request with a list in a list, and so on.
func otlpNested(depth int) string {
	value := strings.Repeat(`{"arrayValue":{"values":[`, depth) + `{"stringValue":"x"}` + strings.Repeat(`]}}`, depth)
	return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + value + `}]}]}]}`
}

// otlpEmpty is an OTLP request with log records that have nothing in them.
func otlpEmpty(records int) string {
	return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.TrimSuffix(strings.Repeat("{},", records), ",") + `]}]}]}`
}

// TestGatewayAnswers_AreRecognized sends the shipped gateway what it rejects. The agent must know each answer, and
// what helps first.
func TestGatewayAnswers_AreRecognized(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	smallDisk(t, state, "24m")
	reg, other := newRegistry(t), newRegistry(t)
	for _, tenant := range []string{"acme", "other", "asleep", "slow", "poor", "stuck", "astray"} {
		reg.ctl("tenant", "create", tenant)
	}
	key := func(r *registry, tenant string, args ...string) string {
		_, text := r.key(tenant, args...)
		return text
	}
	other.ctl("tenant", "create", "acme")
	good, unknown := key(reg, "acme"), key(other, "acme")
	revokedID, revoked := reg.key("acme")
	reg.ctl("key", "revoke", revokedID)
	expired := key(reg, "acme", "--expires", "1s")
	early, elsewhere, onlyLogs := key(reg, "acme", "--not-before", "1h"), key(reg, "acme", "--source-cidr", "192.0.2.0/24"), key(reg, "acme", "--scopes", "logs")
	asleep, slow, poor, stuck, astray := key(reg, "asleep"), key(reg, "slow"), key(reg, "poor"), key(reg, "stuck"), key(reg, "astray")
	reg.ctl("tenant", "suspend", "asleep")
	reg.ctl("tenant", "update", "slow", "--limit", "logs.records_per_second=1")
	reg.ctl("tenant", "update", "poor", "--limit", "daily_records=1")
	reg.ctl("tenant", "update", "stuck", "--route", "logs=down")
	reg.ctl("tenant", "update", "astray", "--route", "logs=nowhere")

	free := addresses(t, 6)
	env := map[string]string{
		"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": state, "OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1],
		"REMOTE_WRITE_ENDPOINT": free[2], "LOKI_PUSH_ENDPOINT": free[3], "HEALTH_ENDPOINT": free[4], "METRICS_PORT": port(free[5]),
	}
	shipped := filepath.Join(root, "distributions", "gateway", "config.yaml")
	overlay := filepath.Join(dir, "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(`
extensions: {request_guard: {max_elements: 1000}}
exporters:
  tenant_routing:
    destinations: {down: {otlp_http: {endpoint: "http://127.0.0.1:1"}}}
    lane: {max_bytes: 8MiB}
`), 0o600))
	start(t, env, "--config", shipped, "--config", overlay)

	with := func(key string, headers ...string) map[string]string {
		all := keyHeader(key)
		for i := 0; i < len(headers); i += 2 {
			all[headers[i]] = headers[i+1]
		}
		return all
	}
	type row struct {
		name   string
		ask    ask
		repeat bool // until it is rejected
		want   rejection.Reason
		fix    string
	}
	check := func(t *testing.T, address string, c row) {
		t.Helper()
		var status int
		var message string
		require.Eventually(t, func() bool {
			status, message = c.ask.send(t, address)
			return status >= 300 || !c.repeat
		}, 30*time.Second, 10*time.Millisecond, "it is accepted")
		got := remedy.Of(status, message)
		t.Logf("%d %s: %s. %s", status, message, got.Meaning, got.Fix)
		assert.Equal(t, c.want.String(), got.Reason.String(), "%d %s", status, message)
		assert.Equal(t, c.want.HTTPStatus(), status, message)
		assert.True(t, strings.HasPrefix(got.Fix, c.fix), got.Fix)
	}
	rows := []row{
		{"no key", ask{}, false, rejection.NoKey, "Send the key"},
		{"no scheme", ask{header: map[string]string{"Authorization": good}}, false, rejection.NoScheme, "Send the key"},
		{"quoted", ask{header: keyHeader(`"` + good + `"`)}, false, rejection.QuotedKey, "Send the key"},
		{"cut off", ask{header: keyHeader(good[:30])}, false, rejection.MalformedKey, "Copy the key again"},
		{"unknown", ask{header: keyHeader(unknown)}, false, rejection.UnknownKey, "Copy the key again"},
		{"revoked", ask{header: keyHeader(revoked)}, false, rejection.RevokedKey, "Install a new key"},
		{"expired", ask{header: keyHeader(expired)}, true, rejection.ExpiredKey, "Install a new key"},
		{"not yet valid", ask{header: keyHeader(early)}, false, rejection.NotYetValid, "Wait until the key is valid"},
		{"another address", ask{header: keyHeader(elsewhere)}, false, rejection.SourceAddress, "Create a key"},
		{"from a page", ask{header: with(good, "Origin", "https://app.example")}, false, rejection.Origin, "Use a key without origins"},
		{"another tenant", ask{header: with(good, "X-Business-Id", "other")}, false, rejection.TenantHeader, "Use the key and the BUSINESS_ID"},
		{"suspended", ask{header: keyHeader(asleep)}, false, rejection.Suspended, "Run `tenantctl tenant resume"},
		{"scope", ask{path: "/v1/metrics", header: keyHeader(onlyLogs)}, false, rejection.Scope, "Use a key with this signal"},
		{"rate", ask{header: keyHeader(slow), body: otlpLines(100, 1)}, true, rejection.Rate, "Send less"},
		{"quota", ask{header: keyHeader(poor), body: otlpLines(100, 1)}, true, rejection.Quota, "Ask the gateway's operator to raise the quota"},
		{"full lane", ask{header: keyHeader(stuck), body: otlpLines(1, 50_000)}, true, rejection.LaneFull, "Ask the gateway's operator to run `tenantctl status TENANT`"},
		{"no such destination", ask{header: keyHeader(astray), body: otlpLines(1, 1)}, false, rejection.UnknownDestination, "Ask the gateway's operator to run"},
		{"larger than the queue", ask{header: keyHeader(good), body: otlpLines(1, 9<<20)}, false, rejection.TooLarge, "Lower max_batch_bytes"},
		{"larger than a body", ask{header: keyHeader(good), body: otlpLines(1, 22_000_000)}, false, rejection.TooLarge, "Lower max_batch_bytes"},
		{"path", ask{path: "/otlp/v1/logs", header: keyHeader(good)}, false, rejection.Path, "Check the port and the path"},
		{"path of another receiver", ask{path: "/api/v1/write", header: keyHeader(good)}, false, rejection.Path, "Check the port and the path"},
		{"method", ask{method: http.MethodPut, header: keyHeader(good)}, false, rejection.Method, "Check the port and the path"},
		{"type", ask{header: with(good, "Content-Type", "text/plain")}, false, rejection.ContentType, "Check that proxies"},
		{"encoding", ask{header: with(good, "Content-Encoding", "br")}, false, rejection.Encoding, "Check that proxies"},
		{"no JSON", ask{header: keyHeader(good), body: `{"x`}, false, rejection.Malformed, "Check that proxies"},
		{"two documents", ask{header: keyHeader(good), body: `{} {}`}, false, rejection.Malformed, "Check that proxies"},
		{"no gzip", ask{header: with(good, "Content-Encoding", "gzip")}, false, rejection.Malformed, "Check that proxies"},
		{"no protobuf", ask{header: with(good, "Content-Type", "application/x-protobuf"), body: "\x0a\xff"}, false, rejection.Malformed, "Check that proxies"},
		{"nested too deeply", ask{header: keyHeader(good), body: otlpNested(guard.DefaultDepth + 1)}, false, rejection.Depth, "Send values with fewer lists"},
		{"too many elements", ask{header: keyHeader(good), body: otlpEmpty(2000)}, false, rejection.Elements, "Lower max_batch_bytes"},
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) { check(t, free[1], c) })
	}

	another := func(t *testing.T, folder, tenants string, configs ...string) (address string) {
		t.Helper()
		more := addresses(t, 6)
		start(t, map[string]string{
			"TENANTS_FILE": tenants, "DATA_DIR": filepath.Join(dir, folder, "data"), "STATE_DIR": filepath.Join(dir, folder, "state"),
			"OTLP_GRPC_ENDPOINT": more[0], "OTLP_HTTP_ENDPOINT": more[1], "REMOTE_WRITE_ENDPOINT": more[2], "LOKI_PUSH_ENDPOINT": more[3],
			"HEALTH_ENDPOINT": more[4], "METRICS_PORT": port(more[5]),
		}, append([]string{"--config", shipped}, configs...)...)
		return more[1]
	}
	t.Run("out of memory", func(t *testing.T) {
		limit := filepath.Join(dir, "memory.yaml")
		require.NoError(t, os.WriteFile(limit, []byte("processors: {memory_limiter: {limit_mib: 4, spike_limit_mib: 2, limit_percentage: 0, spike_limit_percentage: 0}}\n"), 0o600))
		address := another(t, "memory", reg.path, "--config", limit)
		ld := plog.NewLogs()
		ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("x")
		data, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
		require.NoError(t, err)
		check(t, address, row{ask: ask{header: with(good, "Content-Type", "application/x-protobuf"), body: string(data)}, repeat: true, want: rejection.Memory, fix: "Wait, and look at /health"})
		check(t, address, row{ask: ask{header: keyHeader(good), body: otlpLines(1, 1)}, repeat: true, want: rejection.Downstream, fix: "Look at /health"})
	})
	fill(t, state)
	t.Run("full disk", func(t *testing.T) {
		check(t, free[1], row{ask: ask{header: keyHeader(good), body: otlpLines(1, 100_000)}, repeat: true, want: rejection.DiskFull, fix: "Ask the gateway's operator to free or enlarge the disk"})
	})
	t.Run("registry not loaded", func(t *testing.T) {
		address := another(t, "absent", filepath.Join(dir, "absent.yaml"))
		check(t, address, row{ask: ask{header: keyHeader(good)}, want: rejection.NotLoaded, fix: "Ask the gateway's operator to look at /health"})
	})
}
