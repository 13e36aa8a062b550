// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana/grafanatest"
)

// smokeRig is what the smoke test of a stack runs against: the gateway with two tenants, each
// with an organization in Grafana.
type smokeRig struct {
	*rig
	store   *scopedStore
	grafana *grafanatest.Server
	env     []string
}

// newSmokeRig routes all signals to the store, and also to these destinations. It does not
// start the gateway.
func newSmokeRig(t *testing.T, destinations, logs, metrics string) *smokeRig {
	t.Helper()
	s := &smokeRig{store: newScopedStore(t), grafana: grafanatest.New(t)}
	s.rig = newRig(t, fmt.Sprintf(`    destinations:
      loki: {profile: loki, otlp_http: {endpoint: %[1]q}}
      mimir: {profile: mimir, otlp_http: {endpoint: %[1]q}}
      tempo: {profile: tempo, otlp_http: {endpoint: %[1]q}}
%[2]s
    routes: {logs: [loki, local%[3]s], metrics: [mimir, local%[4]s], traces: [tempo, local]}
extensions: {bearer_key_auth: {trusted_proxies: [127.0.0.1/32]}}
`, s.store.url, destinations, logs, metrics))
	admin := filepath.Join(t.TempDir(), "grafana-admin")
	require.NoError(t, os.WriteFile(admin, []byte(s.grafana.Password+"\n"), 0o600)) // without a user, as Grafana's container takes it
	s.env = append(os.Environ(), "TENANT_A=smoke-a", "TENANT_B=smoke-b", "ACCOUNT_A=1", "ACCOUNT_B=2", "SMOKE_TIMEOUT=20",
		"GRAFANA_URL="+s.grafana.URL, "GRAFANA_CREDENTIALS_FILE="+admin,
		"LOKI_URL="+s.store.url, "MIMIR_URL="+s.store.url, "TEMPO_URL="+s.store.url, "ARCHIVE_DIR="+s.rig.env["DATA_DIR"])
	for n, name := range []string{"A", "B"} {
		id := "smoke-" + strings.ToLower(name)
		s.reg.ctl("tenant", "create", id, "--var", fmt.Sprint("account_id=", n+1), "--grafana-url", s.grafana.URL, "--grafana-credentials-file", admin,
			"--grafana-source", "loki="+s.store.url, "--grafana-source", "mimir="+s.store.url, "--grafana-source", "tempo="+s.store.url)
		_, key := s.reg.key(id)
		file := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(file, []byte(key+"\n"), 0o600))
		s.env = append(s.env, "KEY_"+name+"_FILE="+file, "ORG_"+name+"="+strconv.FormatInt(s.grafana.Org(id).ID, 10))
	}
	return s
}

// smoke runs the smoke test of a stack and returns its output and whether it passed.
func (s *smokeRig) smoke(stack string, env ...string) (string, bool) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(stacks, stack, "scripts", "smoke-test.sh"))
	cmd.Env = append(append([]string{}, s.env...), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// secret returns the key of the tenant A or B.
func (s *smokeRig) secret(name string) string {
	s.t.Helper()
	for _, e := range s.env {
		if file, ok := strings.CutPrefix(e, "KEY_"+name+"_FILE="); ok {
			key, err := os.ReadFile(file)
			require.NoError(s.t, err)
			return strings.TrimSpace(string(key))
		}
	}
	return ""
}

// direct is the environment of a smoke test that needs no ingress.
func (s *smokeRig) direct() []string {
	return []string{
		"GATEWAY_URL=http://" + s.http, "GRPC_URL=http://" + s.grpc, "REMOTE_WRITE_URL=http://" + s.remoteWrite + "/api/v1/write", "LOKI_PUSH_URL=http://" + s.loki,
	}
}

// TestStack_Smoke runs the smoke test of the stack with Grafana through its ingress, against the
// gateway and every store that is there.
func TestStack_Smoke(t *testing.T) {
	t.Parallel()
	destinations, logs, metrics, env := "", "", "", []string{}
	for name, into := range map[string]struct {
		routes   *string
		variable string
		flags    []string
	}{
		"victoria-logs": {&logs, "VICTORIALOGS_URL", nil}, "victoria-metrics": {&metrics, "VICTORIAMETRICS_URL", []string{"-opentelemetry.usePrometheusNaming"}},
	} {
		if _, err := os.Stat(filepath.Join(root, "_build", "backends", name)); err != nil {
			continue // a test of the store itself skips or fails for it
		}
		v := newVictoria(t, name, into.flags...)
		profile := strings.ReplaceAll(name, "-", "")
		destinations += fmt.Sprintf("      %s: {profile: %s, otlp_http: {endpoint: %q}}\n", profile, profile, "http://"+v.addr)
		*into.routes += ", " + profile
		env = append(env, into.variable+"=http://"+v.addr)
	}
	caddy := caddies()["caddy 2.6"](t)
	s := newSmokeRig(t, destinations, logs, metrics)
	g := s.run()
	i := newIngress(t, caddy, s.rig, strings.TrimPrefix(s.grafana.URL, "http://"), nil)
	env = append(env, "GATEWAY_URL=https://"+otlpHost+":"+port(i.https), "GRPC_URL=https://"+otlpHost+":"+port(i.otlpGRPC), "CA_FILE="+i.ca)
	out, ok := s.smoke("grafana", env...)
	assert.True(t, ok, out)
	t.Log(out)
	for _, line := range []string{
		"ok    loki: tenant a sees its data, and not that of tenant b", "ok    tempo: tenant b sees", "ok    mimir: tenant a sees",
		"ok    grafana logs: tenant a sees", "ok    grafana metrics: tenant b sees", "ok    grafana traces: tenant a sees", "ok    archive: tenant a sees",
		"ok    gRPC with the key a: status 0", "ok    gRPC with the key wrong: status 16", "not checked: prometheus (PROMETHEUS_URL is not set)", "all checks passed",
	} {
		assert.Contains(t, out, line)
	}
	if strings.Contains(destinations, "victorialogs") {
		assert.Contains(t, out, "ok    victorialogs: tenant a sees")
	}
	s.drained()
	g.stop()
}

// TestStack_SmokeFindsFaults runs the smoke test against what is wrong. It must fail and name
// it.
func TestStack_SmokeFindsFaults(t *testing.T) {
	t.Parallel()
	s := newSmokeRig(t, "", "", "")
	g := s.run()
	out, ok := s.smoke("local", s.direct()...)
	require.True(t, ok, out)

	s.store.mu.Lock()
	s.store.shared = true
	s.store.mu.Unlock()
	out, ok = s.smoke("local", append(s.direct(), "SMOKE_TIMEOUT=5")...)
	assert.False(t, ok, out)
	for _, line := range []string{"FAIL  loki: tenant a sees data of tenant b", "FAIL  mimir: tenant", "FAIL  tempo: tenant", "FAIL  grafana logs: tenant", "ok    archive: tenant a", "checks failed"} {
		assert.Contains(t, out, line)
	}

	none := []string{"LOKI_URL=", "MIMIR_URL=", "TEMPO_URL=", "GRAFANA_URL=", "ARCHIVE_DIR="}
	out, ok = s.smoke("local", append(s.direct(), none...)...)
	assert.False(t, ok, "a test that checks no backend proves nothing: %s", out)
	assert.Contains(t, out, "no backend was checked")

	out, ok = s.smoke("local", append(append(s.direct(), none...), "ARCHIVE_DIR="+t.TempDir(), "SMOKE_TIMEOUT=1")...)
	assert.False(t, ok, out)
	assert.Contains(t, out, "archive: tenant a does not see its data after 1 s")

	s.reg.ctl("tenant", "suspend", "smoke-b")
	_, body := encoded(t, logOf("x"))
	require.Eventually(t, func() bool {
		code, _ := postProto(t, s.http, "logs", body, bearer(s.secret("B")))
		return code == http.StatusForbidden
	}, 30*time.Second, 50*time.Millisecond)
	out, ok = s.smoke("local", append(append(s.direct(), none...), "ARCHIVE_DIR="+s.rig.env["DATA_DIR"])...)
	assert.False(t, ok, out)
	assert.Contains(t, out, "FAIL  tenant b: logs are accepted: status 403 instead of 200")
	g.stop()

	out, ok = s.smoke("local", append(append(s.direct(), none...), "ARCHIVE_DIR="+s.rig.env["DATA_DIR"], "SMOKE_TIMEOUT=1")...)
	assert.False(t, ok, out)
	assert.Contains(t, out, "status 000 instead of 200")
	assert.NotContains(t, out, "obs_", "no output has a key")
}
