// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// countOf returns how many records of a tenant were acknowledged.
func (l *crashLoad) countOf(name string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for body := range l.accepted {
		if strings.HasPrefix(body, name+" ") {
			n++
		}
	}
	return n
}

// taken returns the used share of a disk, from 0 to 1.
func taken(t *testing.T, dir string) float64 {
	t.Helper()
	var disk syscall.Statfs_t
	require.NoError(t, syscall.Statfs(dir, &disk))
	return 1 - float64(disk.Bavail)/float64(disk.Blocks)
}

// bulky is numbered with one record that does not compress.
func bulky(name string, overGRPC bool, n int) (plogotlp.ExportRequest, []string) {
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	body := fmt.Sprintf("%s grpc=%t %d", name, overGRPC, n)
	r.Body().SetStr(body)
	padding := make([]byte, 1000+rand.IntN(40_000))
	for i := range padding {
		padding[i] = byte(rand.Uint32())
	}
	r.Attributes().PutEmptyBytes("padding").FromRaw(padding)
	return plogotlp.NewExportRequestFromLogs(ld), []string{body}
}

// TestFullDisk_TenantsFillAndDrainItUnderKills lets two tenants fill the gateway's disk
// with data that their backend does not accept, and drains it, several times. The gateway
// is killed at random moments of both. Acknowledged data is delivered, both tenants are
// served again, and the disk space is released.
func TestFullDisk_TenantsFillAndDrainItUnderKills(t *testing.T) {
	rounds := fromEnv(t, "E2E_DISK_ROUNDS", 3)
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	smallDisk(t, disk, "12m")
	reg := newRegistry(t)
	names := []string{"tenant-0", "tenant-1"}
	keys := make([]string, len(names))
	for i, name := range names {
		reg.ctl("tenant", "create", name)
		_, keys[i] = reg.key(name)
	}
	b := newPlace(t, true)
	setBusy := func(busy bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.busy = busy
	}
	overlay := filepath.Join(dir, "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, fmt.Appendf(nil, `
exporters:
  tenant_routing:
    destinations: {fixed: {otlp_http: {endpoint: "%s/fixed/{tenant}", compression: gzip}}}
    routes: {logs: [fixed]}
    lane: {batch: {timeout: 20ms}}
    retry: {initial_interval: 50ms, max_interval: 200ms}
    circuit_breaker: {open: 200ms}
`, b.url), 0o600))
	free := addresses(t, 4)
	run := func() *collector {
		return start(t, map[string]string{
			"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(disk, "data"), "STATE_DIR": filepath.Join(disk, "state"),
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", overlay)
	}
	kill := func(g *collector, within int) *collector {
		t.Helper()
		pause(t.Context(), time.Duration(rand.IntN(within))*time.Millisecond)
		require.NoError(t, g.Kill())
		return run()
	}
	g := run()
	l := newCrashLoadOf(t, bulky, free[0], free[1], names, keys)
	for round := range rounds {
		setBusy(true)
		require.Eventually(t, func() bool {
			_, h, _ := askHealth(t, free[2])
			return slices.Contains(h.Reasons, "storage_full")
		}, time.Minute, 10*time.Millisecond, "the disk is not filled")
		full := taken(t, disk)
		g = kill(g, 300)
		waiting := l.result()
		setBusy(false)
		g = kill(g, 400) // while it drains
		require.Eventually(t, func() bool { return lacks(waiting, "fixed", b) == 0 }, time.Minute, 20*time.Millisecond, "what waits is not delivered")
		for _, name := range names {
			before := l.countOf(name)
			require.Eventually(t, func() bool { return l.countOf(name) > before+50 }, 30*time.Second, 10*time.Millisecond, "%s is not served again", name)
		}
		t.Logf("round %d: %.0f%% of the disk taken when it refused, %d records acknowledged", round, 100*full, l.count())
	}
	l.stop()
	accepted := l.result()
	require.Eventually(t, func() bool { return lacks(accepted, "fixed", b) == 0 }, time.Minute, 50*time.Millisecond, "acknowledged records are missing")
	require.Eventually(t, func() bool { return taken(t, disk) < 0.5 }, time.Minute, 50*time.Millisecond, "the disk does not get its room back")
	assert.Empty(t, b.misrouted())
	g.stop()
}
