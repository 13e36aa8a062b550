// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

// gatewayAudit reads the audit log of a gateway with tenantctl.
type gatewayAudit struct {
	t   *testing.T
	dir string
}

func (g gatewayAudit) run(args ...string) string {
	g.t.Helper()
	cmd := exec.Command(built(g.t, "tenantctl"), append(args, "--log", g.dir, "-o", "json")...)
	out, err := cmd.Output()
	require.NoError(g.t, err, string(out))
	return string(out)
}

// refused returns the number of rejected requests by reason.
func (g gatewayAudit) refused() map[string]int {
	g.t.Helper()
	var entries []struct {
		Refused *struct {
			Source  string
			Reasons map[string]int
		}
	}
	require.NoError(g.t, json.Unmarshal([]byte(g.run("audit", "list")), &entries))
	total := map[string]int{}
	for _, e := range entries {
		if e.Refused == nil {
			continue
		}
		assert.Equal(g.t, "127.0.0.1", e.Refused.Source)
		for reason, n := range e.Refused.Reasons {
			total[reason] += n
		}
	}
	return total
}

// whole requires that tenantctl finds no fault.
func (g gatewayAudit) whole() {
	g.t.Helper()
	assert.Contains(g.t, g.run("audit", "verify"), `"valid": true`)
}

// TestGatewayAudit_OutlivesKill9 runs the shipped gateway, kills it, and verifies what it
// recorded about clients without a valid key.
func TestGatewayAudit_OutlivesKill9(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "acme")
	goodID, good := reg.key("acme")
	unknown, _ := apikey.New()
	body, err := plogotlp.NewExportRequestFromLogs(marked()).MarshalProto()
	require.NoError(t, err)
	free := loopback.Addresses(t, 4)
	state := filepath.Join(t.TempDir(), "state")
	log := gatewayAudit{t, filepath.Join(state, "audit")}
	run := func() *collector {
		return start(t, map[string]string{
			"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(t.TempDir(), "data"), "STATE_DIR": state,
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"))
	}
	refuse := func(n int, headers map[string]string) {
		for range n {
			code, _ := postProto(t, free[1], "logs", body, headers)
			require.Equal(t, http.StatusUnauthorized, code)
		}
	}

	// A regular shutdown loses nothing.
	g := run()
	refuse(3, bearer(unknown))
	refuse(2, nil)
	code, _ := postProto(t, free[1], "logs", body, bearer(good))
	require.Equal(t, http.StatusOK, code)
	g.stop()
	log.whole()
	require.Equal(t, map[string]int{"unknown_key": 3, "no_key": 2}, log.refused())

	// The time at which the valid key was last used also survives all restarts below.
	used := func() {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(state, "key-use.json"))
		require.NoError(t, err)
		var uses map[string]map[string]time.Time
		require.NoError(t, json.Unmarshal(raw, &uses))
		assert.WithinDuration(t, time.Now(), uses["acme"][goodID], 10*time.Minute)
	}
	used()

	// A kill loses only the current minute.
	g = run()
	refuse(4, bearer(unknown))
	require.Eventually(t, func() bool { return log.refused()["unknown_key"] == 7 }, 2*time.Minute, 250*time.Millisecond)
	log.whole() // while the gateway runs
	refuse(1, nil)
	require.NoError(t, g.Kill())
	log.whole()
	require.Equal(t, 7, log.refused()["unknown_key"])
	require.LessOrEqual(t, log.refused()["no_key"], 3)

	g = run()
	refuse(5, bearer(unknown))
	metrics := string(get(t, "http://"+free[3]+"/metrics"))
	assert.Contains(t, metrics, "otelcol_extension_bearer_key_auth_audit_waiting_entries")
	g.stop()
	log.whole()
	assert.Equal(t, 12, log.refused()["unknown_key"])
	used()

	// It contains sources and reasons, but no content of requests.
	all := secrets{}
	all.addKey("an unknown key", unknown)
	all.addKey("the good key", good)
	all["the tenant"] = "acme"
	signer, err := os.ReadFile(log.dir + ".key")
	require.NoError(t, err)
	all["the key of the log"] = strings.TrimSpace(string(signer))
	all.assertNotIn(t, "the gateway's log", []byte(g.Output()))
	all.assertNotInFiles(t, log.dir)
	digestsOf(good, unknown).assertNotInFiles(t, state+"/audit")
	require.NotEmpty(t, log.refused())

	// It is not the registry's log, and neither command reads the other log.
	assert.Contains(t, reg.ctl("audit", "verify"), `"valid": true`)
}
