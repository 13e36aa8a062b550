// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

// health is the JSON body of the gateway's /health.
type health struct {
	Status     string
	Reasons    []string
	Registries map[string]struct {
		Loaded  bool
		Hash    string
		Source  string
		Age     *float64 `json:"age_seconds"`
		Failure *struct {
			Class    string
			Rejected int `json:"rejected_entries"`
			Faults   []struct {
				Line  int
				Field string
			}
		}
	}
	Lanes map[string]struct {
		Idle, Active, Waiting, Open int
		Queued                      int64 `json:"queued_bytes"`
		Max                         int64 `json:"max_bytes"`
	}
	Components map[string]string
}

// askHealth returns the status code, the state, and the text of an answer.
func askHealth(t *testing.T, addr string) (int, health, string) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/health") //nolint:noctx // a test's own loopback server
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var h health
	require.NoError(t, json.Unmarshal(raw, &h), string(raw))
	return resp.StatusCode, h, string(raw)
}

// TestHealth_OfTheShippedGateway follows /health of the shipped gateway through changes of
// the registry and of backends, and searches it for tenants.
func TestHealth_OfTheShippedGateway(t *testing.T) {
	t.Parallel()
	const name = "a-tenant-with-a-name"
	var answers string // everything it ever reported
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer down.Close()
	reg := newRegistry(t)
	free := loopback.Addresses(t, 4)
	start(t, map[string]string{
		"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(t.TempDir(), "data"), "STATE_DIR": filepath.Join(t.TempDir(), "state"),
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"),
		"--config", "yaml:exporters::tenant_routing::destinations::down: {otlp_http: {endpoint: '"+down.URL+"'}}",
		"--config", "yaml:exporters::tenant_routing::circuit_breaker: {failures: 1, open: 1h}")
	eventually := func(code int, good func(health) bool) health {
		t.Helper()
		var last health
		require.Eventually(t, func() bool {
			got, h, text := askHealth(t, free[2])
			answers += text
			last = h
			return got == code && good(h)
		}, 30*time.Second, 50*time.Millisecond)
		return last
	}

	// Without a registry, valid and invalid keys cannot be distinguished.
	h := eventually(http.StatusServiceUnavailable, func(h health) bool {
		return slices.Contains(h.Reasons, "registry_not_loaded") && h.Registries["tenant_registry"].Failure != nil
	})
	assert.Equal(t, "unavailable", h.Status)
	assert.Equal(t, "missing", h.Registries["tenant_registry"].Failure.Class)
	assert.Empty(t, get(t, "http://"+free[2]+"/health/live"), "it lives all the same")

	// With a registry it is ready, and reports the registry's age and revision.
	reg.ctl("tenant", "create", name, "--route", "logs=down")
	reg.ctl("tenant", "create", "other")
	_, key := reg.key(name)
	_, other := reg.key("other")
	h = eventually(http.StatusOK, func(h health) bool { return h.Status == "ok" })
	r := h.Registries["tenant_registry"]
	assert.True(t, r.Loaded)
	assert.Equal(t, "file", r.Source)
	assert.Len(t, r.Hash, 12)
	require.NotNil(t, r.Age)
	assert.Less(t, *r.Age, 30.0)
	require.Contains(t, h.Lanes, "tenant_routing")
	assert.EqualValues(t, 2<<30, h.Lanes["tenant_routing"].Max)
	assert.Empty(t, h.Components)

	// A backend that rejects data opens the breaker of its lane and changes nothing for the
	// others.
	to := newClients(t, free[0], free[1])
	for _, k := range []string{key, other} {
		require.Eventually(t, func() bool { return to.send(0, bearer(k), marked()) == 0 }, 30*time.Second, 50*time.Millisecond)
	}
	h = eventually(http.StatusOK, func(h health) bool { return h.Lanes["tenant_routing"].Open == 1 })
	assert.Equal(t, "ok", h.Status)
	assert.Positive(t, h.Lanes["tenant_routing"].Queued)

	// If the registry is invalid, the last valid one stays in effect, and the faults are
	// reported.
	good, err := os.ReadFile(reg.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(reg.path, fmt.Appendf(good, "  - id: %s-2\n    status: nonsense\n", name), 0o600))
	h = eventually(http.StatusOK, func(h health) bool { // written by the test first, then reported by the component
		f := h.Registries["tenant_registry"].Failure
		return h.Status == "degraded" && f != nil && f.Class == "invalid" && len(h.Components) > 0
	})
	f := h.Registries["tenant_registry"].Failure
	assert.Equal(t, 1, f.Rejected)
	require.Len(t, f.Faults, 1)
	assert.Equal(t, "status", f.Faults[0].Field)
	assert.Positive(t, f.Faults[0].Line)
	assert.Equal(t, map[string]string{"extension/tenant_registry": "recoverable_error"}, h.Components)
	require.Zero(t, to.send(0, bearer(other), marked()))

	require.NoError(t, os.WriteFile(reg.path, good, 0o600))
	eventually(http.StatusOK, func(h health) bool { return h.Status == "ok" })
	for _, never := range []string{name, "other", "acme", down.URL, "127.0.0.1", reg.path} {
		assert.NotContains(t, answers, never)
	}
}
