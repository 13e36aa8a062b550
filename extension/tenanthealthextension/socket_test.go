// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

func socketAt(path string) *socket {
	return &socket{path: path, logger: zap.NewNop(), recovery: recovery.New(zap.NewNop()), handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"gateway": {"version": "test"}}`))
	})}
}

// serving starts to serve, and returns how to stop.
func serving(t *testing.T, s *socket) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func answers(path string) bool {
	o, err := gatewaystatus.NewClient(path).Overview(context.Background())
	return err == nil && o.Gateway.Version == "test"
}

func TestSocket_IsForOwnerAndGroupAndEndsWithTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	stop := serving(t, socketAt(path))
	require.Eventually(t, func() bool { return answers(path) }, 20*time.Second, 5*time.Millisecond)
	info, err := os.Lstat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeSocket|0o660, info.Mode())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "the socket alone")
	stop()
	assert.NoFileExists(t, path)
}

func TestSocket_ReplacesTheSocketOfAProcessThatHasEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	old.SetUnlinkOnClose(false)
	require.NoError(t, old.Close())
	require.FileExists(t, path)
	serving(t, socketAt(path))
	require.Eventually(t, func() bool { return answers(path) }, 20*time.Second, 5*time.Millisecond)
}

func TestSocket_LeavesWhatBelongsToOthers(t *testing.T) {
	dir := t.TempDir()
	file, other, long := filepath.Join(dir, "file"), filepath.Join(dir, "other.sock"), filepath.Join(dir, strings.Repeat("x", 104))
	require.NoError(t, os.WriteFile(file, []byte("data"), 0o600))
	live, err := net.Listen("unix", other)
	require.NoError(t, err)
	defer live.Close()
	for path, want := range map[string]string{
		file: "is not a socket", other: "of another process that runs", long: "too long for a socket",
		filepath.Join(dir, "none", "s.sock"): "its folder must exist",
	} {
		_, _, err := socketAt(path).listen(t.Context())
		require.ErrorContains(t, err, want)
		assert.Contains(t, err.Error(), path)
	}
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "data", string(raw))
	conn, err := net.Dial("unix", other)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

// A cleaner of temporary files may remove the socket of a gateway that runs for weeks.
func TestSocket_IsCreatedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	serving(t, socketAt(path))
	require.Eventually(t, func() bool { return answers(path) }, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool { return answers(path) }, 30*time.Second, 50*time.Millisecond)
}
