// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
)

// goroutinesOf returns how many goroutines a process has whose pprof extension listens at an address.
func goroutinesOf(t *testing.T, pprof string) int {
	t.Helper()
	found := goroutineTotal.FindStringSubmatch(string(get(t, "http://"+pprof+"/debug/pprof/goroutine?debug=1")))
	require.NotNil(t, found)
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return n
}

// TestStatus_SlowReadersOfALargeRegistry has 10,000 tenants, and clients of the status socket that
// ask for the largest answers and never read. Memory and goroutines of the gateway stay bounded,
// other clients get answers, and data is accepted.
func TestStatus_SlowReadersOfALargeRegistry(t *testing.T) {
	const tenants, readers = 10_000, 50
	r := newRig(t, "", "acme")
	raw, err := os.ReadFile(r.reg.path)
	require.NoError(t, err)
	var text strings.Builder
	text.Write(raw)
	for i := range tenants - 1 {
		fmt.Fprintf(&text, "  - id: t%05d\n    status: active\n    keys:\n      - {id: k%07d, sha256: %064x, scopes: [logs, metrics, traces], description: 'a machine of the tenant with a name of usual length'}\n", i, i, i+1)
	}
	require.NoError(t, os.WriteFile(r.reg.path, []byte(text.String()), 0o600))
	profiler := addresses(t, 1)[0]
	r.args = append(r.args, "--config", "yaml:extensions::pprof::endpoint: "+profiler,
		"--config", "yaml:service::extensions: [pprof, tenant_health, file_storage, tenant_registry, bearer_key_auth, request_guard]")
	g := r.run()
	socket := filepath.Join(r.env["STATE_DIR"], "status.sock")
	client := gatewaystatus.NewClient(socket)
	require.Eventually(t, func() bool {
		o, err := client.Overview(t.Context())
		return err == nil && o.Tenants.Total == tenants
	}, 30*time.Second, 50*time.Millisecond, g.Tail(2000))
	r.post("acme", logOf("before"))

	m := memory{g.Pid()}
	quiet, _ := m.read(t)
	idle := goroutinesOf(t, profiler)
	m.reset(t)
	paths := []string{gatewaystatus.PathKeys, gatewaystatus.PathTenants + "?limit=" + strconv.Itoa(gatewaystatus.MaxPage), gatewaystatus.PathOverview}
	for i := range readers {
		conn, err := net.Dial("unix", socket)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: gateway\r\n\r\n", paths[i%len(paths)])
		require.NoError(t, err)
	}
	most, slowest := 0, time.Duration(0)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		begin := time.Now()
		_, err := client.Tenant(t.Context(), "acme")
		require.NoError(t, err, "another client gets no answer")
		slowest = max(slowest, time.Since(begin))
		r.post("acme", logOf("meanwhile"))
		most = max(most, goroutinesOf(t, profiler))
	}
	_, peak := m.read(t)
	t.Logf("%d tenants, %d readers: memory %d MiB, at most %d MiB; goroutines %d, at most %d; slowest answer for others %v",
		tenants, readers, quiet>>20, peak>>20, idle, most, slowest)
	assert.LessOrEqual(t, most-idle, 3*16+8, "16 connections, and what serves them")
	assert.Less(t, peak-quiet, int64(160<<20))
	assert.Less(t, slowest, 3*time.Second)

	for _, args := range [][]string{{"status"}, {"status", "acme"}, {"status", "--all"}} {
		begin := time.Now()
		out, err := exec.CommandContext(t.Context(), built(t, "tenantctl"), append(args, "--socket", socket)...).CombinedOutput()
		t.Logf("tenantctl %s: %v, %d bytes", strings.Join(args, " "), time.Since(begin).Round(time.Millisecond), len(out))
		require.NoError(t, err, "%.300s", out)
	}
	g.stop()
}
