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

// smallDisk mounts a disk of a few MiB at dir, or ends the test if it may not.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o700))
	err := syscall.Mount("otelcol-tenant-test", dir, "tmpfs", 0, "size=4m,mode=0700")
	if errors.Is(err, syscall.EPERM) {
		missing(t, "right to mount a small disk")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
}

// fill takes all room on the disk of dir and returns what gives it back.
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

// TestFullDisk fills the disk that holds the agent's checkpoints, not its queue. It
// must keep running and delivering, say that checkpoints cannot be saved, save them
// once there is room again, and start from those after a kill.
func TestFullDisk(t *testing.T) {
	e := newEdge(t)
	e.sink = newSink(t)
	smallDisk(t, e.state)
	elsewhere := t.TempDir()
	queue := []string{
		"--config", "yaml:extensions::file_storage/queue: {directory: " + elsewhere + "}",
		"--config", "yaml:exporters::otlp_http::sending_queue::storage: file_storage/queue",
		"--config", "yaml:service::extensions: [storage_check, health_check, file_storage, file_storage/queue, bearer_key_auth]",
	}
	c := e.start(e.sink.http, queue...)
	e.appendLines(1, 100)
	e.await(1, 100)

	free := fill(t, e.state)
	const files = 400 // whose checkpoints are more than the room in what has been written
	for i := range files {
		name := filepath.Join(e.home, "logs", fmt.Sprintf("app%d-out.log", i))
		require.NoError(t, os.WriteFile(name, []byte(edgeLines(101+i, 101+i)), 0o600))
	}
	e.await(1, 100+files)
	require.Eventually(t, func() bool {
		return strings.Contains(c.Output(), "cannot save checkpoints") && e.metric("otelcol_receiver_pm2_checkpoint_age") > 1
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
	require.NoError(t, os.RemoveAll(elsewhere)) // so that only checkpoints decide what is sent again
	require.NoError(t, os.Mkdir(elsewhere, 0o700))

	c = e.start(e.sink.http, queue...)
	e.appendLines(1001, 1010)
	e.await(1001, 1010)
	for line, times := range e.arrived() {
		assert.Equal(t, 1, times, "line %d", line)
	}
	assert.NotContains(t, c.Output(), "was set aside")
}
