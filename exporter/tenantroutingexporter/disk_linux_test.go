// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// smallDisk mounts a disk of that size, or ends the test if it may not.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(dir, 0o700))
	err := syscall.Mount("otelcol-tenant-test", dir, "tmpfs", 0, "mode=0700,size="+size)
	if errors.Is(err, syscall.EPERM) {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("REQUIRE_REAL=1 and there is no right to mount a small disk")
		}
		t.Skip("no right to mount a small disk")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

func randomText(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + rand.IntN(64))
	}
	return string(b)
}

// Two tenants in turn fill the disk while their backend is down. The other tenant is not affected,
// the reserve remains free, and drained space is freed without a restart.
func TestDisk_SeparatesQueuesOfTenants(t *testing.T) {
	dir := smallDisk(t, "24m")
	server := newServer(t)
	board := &tenanttest.Board{}
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
	g := startGatewayWith(t, parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
destinations: {remote: {otlp_http: {endpoint: %q, compression: none}}}
routes: {logs: [remote]}
lane: {batch: {timeout: 1ms}}
retry: {initial_interval: 50ms, max_interval: 100ms}
circuit_breaker: {failures: 5, open: 100ms}
`, server.URL)), tenanttest.Host{registryID: registry, storageID: newStorage(t, dir), component.MustNewID("tenant_health"): board}, registry)
	health := func() *healthboard.Storage {
		h, ok := board.Lanes(component.NewID(metadata.Type))
		require.True(t, ok)
		require.NotNil(t, h.Storage)
		return h.Storage
	}
	require.False(t, health().Rejecting)
	accepted := 0
	for round, ids := range [][2]string{{"a", "b"}, {"b", "a"}, {"a", "b"}} {
		floods, other := ids[0], ids[1]
		server.set(http.StatusServiceUnavailable, "")
		first := accepted
		var rejected error
		for range 200 {
			if err := g.logs.ConsumeLogs(t.Context(), logsOf(floods, randomText(300_000))); err != nil {
				rejected = err
			} else {
				accepted++
			}
		}
		assert.Greater(t, accepted-first, 15, "round %d: a third of the disk at least", round)
		require.Equal(t, codes.Unavailable, status.Code(rejected))
		assert.Positive(t, retryDelay(rejected))
		assert.True(t, health().Rejecting)
		assert.Positive(t, sum(t, g.tel, "refused_requests", "reason=disk_full"))
		free, ok := diskspace.Of(dir)
		require.True(t, ok)
		assert.Greater(t, free.Bytes, free.Reserve())
		for range 20 {
			require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf(other, randomText(10_000))), "round %d", round)
			accepted++
		}
		server.set(http.StatusOK, "")
		require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 30*time.Second, 10*time.Millisecond)
		require.Eventually(t, func() bool { return filesTaken(t, dir) < 6<<20 }, 30*time.Second, 10*time.Millisecond, "the disk has its room again")
	}
	assert.EqualValues(t, accepted, sum(t, g.tel, "delivered_records"), "nothing that was accepted is lost")
	assert.Positive(t, sum(t, g.tel, "storage_compactions"))
	assert.Zero(t, sum(t, g.tel, "storage_faults"))
}

// A disk that others have filled rejects all, and the start works.
func TestDisk_AStartOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, "8m")
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	server := newServer(t)
	server.set(http.StatusServiceUnavailable, "")
	run := func() *gateway {
		return startGatewayWith(t, parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
destinations: {remote: {otlp_http: {endpoint: %q}}}
routes: {logs: [remote]}
retry: {initial_interval: 50ms, max_interval: 100ms}
circuit_breaker: {failures: 5, open: 100ms}
`, server.URL)), tenanttest.Host{registryID: registry, storageID: newStorage(t, dir)}, registry)
	}
	g := run()
	for i := range 10 {
		require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("a", fmt.Sprint(i))))
	}
	g.stop()
	everything, err := os.Create(filepath.Join(dir, "everything-else"))
	require.NoError(t, err)
	for size := 1 << 20; size > 0; {
		if _, err := everything.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	require.NoError(t, everything.Close())
	g = run()
	err = g.logs.ConsumeLogs(context.Background(), logsOf("a", "refused"))
	assert.Equal(t, codes.Unavailable, status.Code(err))
	server.set(http.StatusOK, "")
	require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 10 }, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, os.Remove(everything.Name()))
	require.Eventually(t, func() bool { return g.logs.ConsumeLogs(context.Background(), logsOf("a", "taken")) == nil }, 30*time.Second, 10*time.Millisecond)
}

// Kills on a disk that is about to be full, while files are compacted.
func TestCrash_OnASmallDisk(t *testing.T) {
	testCrash(t, smallDisk(t, "6m"), 5)
}
