// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smallDisk mounts a disk of this size at dir, or skips the test without the permission.
func smallDisk(t *testing.T, dir, size string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o700))
	err := syscall.Mount("otelcol-tenant-test", dir, "tmpfs", 0, "size="+size+",mode=0700")
	if errors.Is(err, syscall.EPERM) {
		missing(t, "right to mount a small disk")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
}

// fill uses all free space on the disk of dir and returns a function that releases it.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "everything-else")
	f, err := os.Create(path)
	require.NoError(t, err)
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			size /= 2
		}
	}
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(path)) }
}

// TestFullDisk fills the disk with the agent's checkpoints, which does not hold its queue.
// The agent must keep running and delivering, report that it cannot save checkpoints, save
// them once there is space again, and resume from them after a kill.
func TestFullDisk(t *testing.T) {
	e := newEdge(t)
	e.sink = newSink(t)
	smallDisk(t, e.state, "4m")
	elsewhere := t.TempDir()
	queue := []string{
		"--config", "yaml:extensions::file_storage/queue: {directory: " + elsewhere + "}",
		"--config", "yaml:exporters::tenant_routing::storage: file_storage/queue",
		"--config", "yaml:service::extensions: [tenant_health, storage_check, file_storage, file_storage/queue, bearer_key_auth, request_guard]",
	}
	c := e.start(e.sink.http, queue...)
	e.appendLines(1, 100)
	e.await(1, 100)

	free := fill(t, e.state)
	const files = 400 // whose checkpoints exceed the space in what was already allocated
	for i := range files {
		name := filepath.Join(e.home, "logs", fmt.Sprintf("app%d-out.log", i))
		require.NoError(t, os.WriteFile(name, []byte(edgeLines(101+i, 101+i)), 0o600))
	}
	e.await(1, 100+files)
	require.Eventually(t, func() bool {
		return strings.Contains(c.Output(), "Failed to save checkpoints") && e.metric("otelcol_receiver_pm2_checkpoint_age") > 1
	}, 30*time.Second, 20*time.Millisecond)
	assert.Contains(t, c.Output(), "no space left on device")
	select {
	case <-c.Done():
		require.Fail(t, "a full disk ended the agent")
	default:
	}
	free()
	require.Eventually(t, func() bool { return e.metric("otelcol_receiver_pm2_checkpoint_age") < 1 }, 30*time.Second, 20*time.Millisecond)
	require.NoError(t, c.Kill())
	require.NoError(t, os.RemoveAll(elsewhere)) // only checkpoints decide what is sent again
	require.NoError(t, os.Mkdir(elsewhere, 0o700))

	c = e.start(e.sink.http, queue...)
	e.appendLines(1001, 1010)
	e.await(1001, 1010)
	for line, times := range e.arrived() {
		assert.Equal(t, 1, times, "line %d", line)
	}
	assert.NotContains(t, c.Output(), "was set aside")
}

// TestFullDisk_OfTheGateway fills the disk with the gateway's queue and archive. The
// gateway must reject data, still reload its configuration and start after a kill, deliver
// its data, and accept data once there is space again.
func TestFullDisk_OfTheGateway(t *testing.T) {
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	smallDisk(t, disk, "4m")
	reg := newRegistry(t)
	names := []string{"tenant-0", "tenant-1", "tenant-2"}
	keys := make([]string, len(names))
	for i, name := range names {
		reg.ctl("tenant", "create", name)
		_, keys[i] = reg.key(name)
	}
	b := newPlace(t, true)
	overlay := filepath.Join(dir, "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, fmt.Appendf(nil, `
exporters:
  tenant_routing:
    destinations: {fixed: {otlp_http: {endpoint: "%s/fixed/{tenant}", compression: gzip}}}
    routes: {logs: [fixed, local]}
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
	g := run()
	l := newCrashLoad(t, free[0], free[1], names, keys)
	require.Eventually(t, func() bool { return l.count() > 50 }, 30*time.Second, time.Millisecond, "nothing is accepted")
	release := fill(t, disk)
	require.Eventually(t, func() bool { return strings.Contains(g.Output(), "Storage does not take data") }, 30*time.Second, 10*time.Millisecond)

	require.NoError(t, g.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return strings.Count(g.Output(), "Everything is ready") == 2 }, 30*time.Second, 10*time.Millisecond,
		"a full disk ends a gateway that reloads its configuration")
	require.NoError(t, g.Kill())
	b.mu.Lock()
	b.busy = false
	b.mu.Unlock()
	waiting := l.result()
	g = run()
	require.Eventually(t, func() bool { return lacks(waiting, "fixed", b) == 0 }, time.Minute, 20*time.Millisecond, "what waits is not delivered")

	release()
	before := l.count()
	require.Eventually(t, func() bool { return l.count() > before+50 }, time.Minute, time.Millisecond, "nothing is accepted any more")
	l.stop()
	accepted := l.result()
	require.Eventually(t, func() bool {
		for _, a := range accounts(t, free[3]) {
			if a.queued > 0 {
				return false
			}
		}
		return lacks(accepted, "fixed", b) == 0
	}, time.Minute, 50*time.Millisecond, "acknowledged records are missing")
	for lane, a := range accounts(t, free[3]) {
		assert.Equal(t, a.accepted+a.recovered, a.delivered+a.queued+a.deadLettered+a.dropped, lane)
	}
	assert.Empty(t, b.misrouted())
	g.stop()
}
