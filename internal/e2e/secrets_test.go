// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/metadata"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

// payloadMark is in every record. If it is not found, the search had no data.
const payloadMark = "a line that must arrive somewhere"

// secrets are the forms in which a secret would leak, by what they belong to.
type secrets map[string]string

func (s secrets) add(name, text string) {
	s[name] = text
	s[name+" in base64"] = base64.StdEncoding.EncodeToString([]byte(text))
}

// addKey adds a bearer key, and its secret part alone.
func (s secrets) addKey(name, key string) {
	s.add(name, key)
	s.add(name+", secret part", key[strings.LastIndexByte(key, '_')+1:])
}

func (s secrets) assertNotIn(t *testing.T, where string, data []byte) {
	t.Helper()
	for name, text := range s {
		if at := bytes.Index(data, []byte(text)); at >= 0 {
			before := data[max(0, at-120):at]
			assert.Failf(t, "a secret is in clear", "%s is in %s after %q", name, where, before)
		}
	}
}

// digestsOf returns the SHA-256 of keys, which only the registry and its copy contain.
func digestsOf(keys ...string) secrets {
	s := secrets{}
	for n, key := range keys {
		sum := sha256.Sum256([]byte(key))
		s[fmt.Sprintf("digest of key %d", n)] = hex.EncodeToString(sum[:])
	}
	return s
}

// assertNotInFiles searches everything below dir and returns how many files contain the
// payload.
func (s secrets) assertNotInFiles(t *testing.T, dir string) (withPayload int) {
	t.Helper()
	assert.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		var raw []byte
		if err == nil && d.Type().IsRegular() {
			raw, err = os.ReadFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // does not exist yet, or no longer
		}
		if err != nil {
			return err
		}
		s.assertNotIn(t, path, raw)
		s.assertNotIn(t, "the name of a file", []byte(path))
		if bytes.Contains(raw, []byte(payloadMark)) {
			withPayload++
		}
		return nil
	}))
	return withPayload
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url) //nolint:noctx // a test's own loopback server
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	return raw
}

func marked() plog.Logs {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(payloadMark)
	return ld
}

// TestSecrets runs agent, gateway and tenantctl with the most detailed logs, a backend that
// repeats its token, a missing Redis, and callers that send keys in wrong places. Then it
// searches everything that was written.
func TestSecrets_AreNowhereInWhatIsWritten(t *testing.T) {
	t.Parallel()
	const backendToken, redisPassword = "backend-token-Zx81qLm0", "redis-password-Yw72pKn9"
	all := secrets{}
	all.add("backend token", backendToken)
	all.add("Redis password", redisPassword)
	var asked atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, backendToken, r.Header.Get("X-Token"))
		asked.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, "the token %s is not known, nor %s\x1b[31m\u202e", r.Header.Get("X-Token"), r.URL)
	}))
	defer backend.Close()

	tokenFile := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(tokenFile, []byte(backendToken), 0o600))
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "acme", "--var", "backend_token=${file:"+tokenFile+"}", "--route", "logs=local,backend")
	_, good := reg.key("acme")
	_, agents := reg.key("acme")
	revokedID, revoked := reg.key("acme")
	reg.ctl("key", "revoke", revokedID)
	unknown, _ := apikey.New()
	keys := []string{good, agents, revoked, unknown}
	for n, key := range keys {
		all.addKey(fmt.Sprintf("key %d", n), key)
	}
	digests := digestsOf(keys...)

	free := addresses(t, 8)
	grpcAddr, httpAddr, gatewayMetrics, gatewayHealth := free[0], free[1], free[2], free[3]
	data, gatewayState, agentState := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "state")
	const talkative = "yaml:service::telemetry::logs::level: debug"
	g := start(t, map[string]string{
		"TENANTS_FILE": reg.path, "DATA_DIR": data, "STATE_DIR": gatewayState, "REDIS_PASSWORD": redisPassword,
		"OTLP_GRPC_ENDPOINT": grpcAddr, "OTLP_HTTP_ENDPOINT": httpAddr, "HEALTH_ENDPOINT": gatewayHealth, "METRICS_PORT": port(gatewayMetrics),
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", talkative,
		"--config", "yaml:exporters::tenant_routing::destinations::backend: {otlp_http: {logs_endpoint: '"+backend.URL+"/in/{vars.backend_token}?token={vars.backend_token}', headers: {X-Token: '{vars.backend_token}'}}}",
		"--config", "yaml:exporters::tenant_routing::references::directories: ['"+filepath.Dir(tokenFile)+"']",
		"--config", "yaml:processors::tenant::limits: {storage: file_storage, scope: shared, redis: {endpoint: '127.0.0.1:1', password: '${env:REDIS_PASSWORD}'}}",
		"--config", "yaml:extensions::bearer_key_auth::key_use: {file: '"+filepath.Join(gatewayState, "key-use.json")+"', metric: true}")
	reg.ctl("tenant", "update", "acme", "--limit", "daily_records=1000000")
	a := start(t, map[string]string{
		"BUSINESS_ID": "acme", "TENANT_KEY": agents, "GATEWAY_ENDPOINT": "http://" + httpAddr, "PM2_HOME": t.TempDir(), "STATE_DIR": agentState,
		"OTLP_GRPC_ENDPOINT": free[4], "OTLP_HTTP_ENDPOINT": free[5], "HEALTH_ENDPOINT": free[6], "METRICS_PORT": port(free[7]),
	}, "--config", filepath.Join(root, "distributions", "agent", "config.yaml"), "--config", talkative)

	body, err := plogotlp.NewExportRequestFromLogs(marked()).MarshalProto()
	require.NoError(t, err)
	toGateway, toAgent := newClients(t, grpcAddr, httpAddr), newClients(t, free[4], free[5])
	require.Zero(t, toAgent.send(0, nil, marked()))
	for n := range 6 {
		require.Zero(t, toGateway.send(n, bearer(good), marked()))
	}
	// Every answer is kept, including that of the accepted request.
	var answers bytes.Buffer
	for name, headers := range map[string]map[string]string{
		"good":                  bearer(good),
		"unknown":               bearer(unknown),
		"revoked":               bearer(revoked),
		"malformed":             bearer(good + "x"),
		"without a scheme":      {"Authorization": good},
		"basic":                 {"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(good))},
		"in a tenant's header":  {"Authorization": "Bearer " + good, "x-business-id": good},
		"in Loki's header":      {"Authorization": "Bearer " + good, "X-Scope-OrgID": good},
		"in a page":             {"Authorization": "Bearer " + good, "Origin": "https://" + good},
		"in a header of no use": {"X-Api-Key": good},
	} {
		code, text := postProto(t, httpAddr, "logs", body, headers)
		require.Equal(t, name == "good", code == http.StatusOK, "%s: %d", name, code)
		answers.WriteString(text + "\n")
		md := metadata.MD{}
		for k, v := range headers {
			md.Append(strings.ToLower(k), v)
		}
		_, err := plogotlp.NewGRPCClient(toGateway.conn).Export(metadata.NewOutgoingContext(t.Context(), md), plogotlp.NewExportRequestFromLogs(marked()))
		require.Equal(t, name == "good", err == nil, "%s: %v", name, err)
		fmt.Fprintln(&answers, err)
	}
	all.assertNotIn(t, "an answer", answers.Bytes())
	digests.assertNotIn(t, "an answer", answers.Bytes())

	// Both the archive and the waiting lane contain the payload before the search.
	require.Eventually(t, func() bool {
		return all.assertNotInFiles(t, data) > 0 && asked.Load() > 0
	}, 30*time.Second, 100*time.Millisecond)
	assert.Positive(t, all.assertNotInFiles(t, gatewayState), "the lane of the backend that refuses is on disk")
	for where, raw := range map[string][]byte{
		"the gateway's metrics": get(t, "http://"+gatewayMetrics+"/metrics"), "the gateway's health": get(t, "http://"+gatewayHealth+"/health"),
		"the agent's metrics": get(t, "http://"+free[7]+"/metrics"), "the agent's health": get(t, "http://"+free[6]+"/health"),
	} {
		all.assertNotIn(t, where, raw)
		digests.assertNotIn(t, where, raw)
	}
	assert.Contains(t, string(get(t, "http://"+gatewayMetrics+"/metrics")), "otelcol_extension_bearer_key_auth_key_last_use", "the metrics with key IDs are among them")

	searchTenantctl(t, reg, revokedID, all, digests)

	require.Eventually(t, func() bool { return strings.Contains(g.Output(), "Redis cannot be used") }, 30*time.Second, 20*time.Millisecond,
		"the password was in use")

	// The agent's queue fills while the gateway is down.
	g.stop()
	require.Zero(t, toAgent.send(0, nil, marked()))
	require.Eventually(t, func() bool { return all.assertNotInFiles(t, agentState) > 0 }, 30*time.Second, 100*time.Millisecond)
	a.stop()
	assert.Contains(t, g.Output(), "is not known, nor", "what the backend says is logged")
	for _, char := range []string{"\x1b", "\u202e", "\u009b", "\u2028"} {
		assert.NotContains(t, g.Output(), char)
	}
	for where, output := range map[string]string{"the gateway's log": g.Output(), "the agent's log": a.Output()} {
		require.Contains(t, output, "debug", "logs are at their most talkative")
		all.assertNotIn(t, where, []byte(output))
		digests.assertNotIn(t, where, []byte(output))
	}
	assert.Contains(t, g.Output(), "Rejected requests without a valid API key")
	for _, dir := range []string{data, gatewayState, agentState, filepath.Dir(reg.path)} {
		all.assertNotInFiles(t, dir)
	}
	for _, dir := range []string{data, agentState} {
		digests.assertNotInFiles(t, dir)
	}
}

// searchTenantctl runs the commands that print a registry, and commands that fail.
func searchTenantctl(t *testing.T, reg *registry, revokedID string, all, digests secrets) {
	t.Helper()
	for _, args := range [][]string{
		{"tenant", "list"},
		{"tenant", "show", "acme"},
		{"key", "list"},
		{"key", "list", "acme"},
		{"onboard", "acme", "--endpoint", "https://gw.example"},
		{"registry", "validate"},
		{"key", "revoke", revokedID},
		{"key", "revoke", "knobody2"},
		{"tenant", "show", "nobody"},
	} {
		for _, format := range []string{"json", "table"} {
			cmd := exec.Command(built(t, "tenantctl"), append([]string{"--registry", reg.path, "-o", format}, args...)...)
			out, _ := cmd.CombinedOutput() // some are expected to fail
			require.NotEmpty(t, out, args)
			all.assertNotIn(t, fmt.Sprintf("the output of tenantctl %v", args), out)
			digests.assertNotIn(t, fmt.Sprintf("the output of tenantctl %v", args), out)
		}
	}
}
