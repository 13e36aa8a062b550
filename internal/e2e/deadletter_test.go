// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestDeadLetterReplay has one of two backends reject a tenant's data permanently. The
// gateway sends it there later, once, and not to the backend that already has it. It uses
// the receivers only on request, and not with another tenant's key.
func TestDeadLetterReplay(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	keyFiles := map[string]string{}
	keys := map[string]string{}
	for _, id := range []string{"tenant-0001", "tenant-0002"} {
		reg.ctl("tenant", "create", id)
		_, keys[id] = reg.key(id)
		keyFiles[id] = filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(keyFiles[id], []byte(keys[id]), 0o600))
	}
	var refusing atomic.Bool
	refusing.Store(true)
	l := &ledger{got: map[entry]int{}, refuse: func(e entry) bool { return e.destination == "first" && refusing.Load() }}
	free := addresses(t, 4)
	backend := l.backend(t)
	dir := t.TempDir()
	letters := filepath.Join(dir, "dead-letters")
	overlay := filepath.Join(dir, "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(`
exporters:
  tenant_routing:
    destinations:
      first: {otlp_http: {endpoint: "`+backend+`/first/{tenant}", compression: none}}
      second: {otlp_http: {endpoint: "`+backend+`/second/{tenant}", compression: none}}
    routes: {logs: [first, second], metrics: [first, second], traces: [first, second]}
    retry: {initial_interval: 50ms}
    dead_letter: {directory: "`+letters+`"}
`), 0o600))
	run := func() *collector {
		return start(t, map[string]string{
			"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": filepath.Join(dir, "state"),
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", overlay)
	}
	list := func() (requests int) {
		var groups []struct{ Requests int }
		require.NoError(t, json.Unmarshal([]byte(reg.ctl("deadletter", "list", "--directory", letters, "--tenant", "tenant-0001")), &groups))
		for _, g := range groups {
			requests += g.Requests
		}
		return requests
	}

	g := run()
	c := newClients(t, free[0], free[1])
	for _, signal := range tenant.AllSignals() {
		require.Zero(t, c.send(3, bearer(keys["tenant-0001"]), payload(signal, 10, "tenant-0001", "tenant-0002")))
	}
	require.Eventually(t, func() bool { return list() == 3 }, 30*time.Second, 20*time.Millisecond, "nothing became a dead letter")
	g.stop()
	files, err := filepath.Glob(filepath.Join(letters, "*", "*", "*", "*.jsonl"))
	require.NoError(t, err)
	for _, file := range files { // as if they were old
		old := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(file, old, old))
	}

	refusing.Store(false)
	g = run()
	replay := func(more ...string) ([]byte, int) {
		cmd := exec.Command(built(t, "tenantctl"), append([]string{"deadletter", "replay", "--directory", letters, "--tenant", "tenant-0001"}, more...)...)
		out, err := cmd.CombinedOutput()
		if exit := new(exec.ExitError); !errors.As(err, &exit) {
			require.NoError(t, err)
		}
		return out, cmd.ProcessState.ExitCode()
	}
	through := []string{"--endpoint", "http://" + free[1], "--key-file", keyFiles["tenant-0002"]}
	out, code := replay(through...)
	assert.Equal(t, 2, code, "%s", out)
	assert.Contains(t, string(out), "to all destinations")
	out, code = replay(append(through, "--all-destinations")...)
	assert.Equal(t, 1, code, "with another tenant's key")
	assert.Contains(t, string(out), "401")
	assert.Equal(t, 3, list())
	refusing.Store(true)
	out, code = replay()
	assert.Equal(t, 1, code, "refused again")
	assert.Contains(t, string(out), "3 dead letters are left")
	assert.Equal(t, 3, list())
	refusing.Store(false)
	out, code = replay()
	require.Zero(t, code, "%s", out)
	assert.Zero(t, list())
	out, code = replay()
	require.Zero(t, code, "%s", out)
	g.stop() // delivers queued data

	want := map[entry]int{}
	for _, signal := range tenant.AllSignals() {
		want[entry{"first", "tenant-0001", signal}] = 10
		want[entry{"second", "tenant-0001", signal}] = 10
	}
	g = run() // remains in the store if the shutdown did not deliver it
	require.Eventually(t, func() bool {
		queued := 0
		for _, a := range accounts(t, free[3]) {
			queued += a.queued
		}
		return queued == 0
	}, 30*time.Second, 50*time.Millisecond)
	g.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	assert.Equal(t, want, l.got)
	assert.Empty(t, l.foreign)
}
