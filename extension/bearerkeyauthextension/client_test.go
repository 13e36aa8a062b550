// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// startClient returns a started sender that polls its key file often.
func startClient(t *testing.T, cfg *ClientConfig) (*clientAuth, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	s := newClientAuth(zap.New(core), cfg)
	s.pollInterval = time.Millisecond
	require.NoError(t, s.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		require.NoError(t, s.Shutdown(context.Background()))
		require.NoError(t, s.Shutdown(context.Background()))
	})
	return s, logs
}

func keyFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func eventuallySends(t *testing.T, s *clientAuth, key string) {
	t.Helper()
	require.Eventually(t, func() bool { return s.current.Load().key == key }, 10*time.Second, time.Millisecond)
}

func eventuallyLogs(t *testing.T, logs *observer.ObservedLogs, message string) {
	t.Helper()
	require.Eventually(t, func() bool { return logs.FilterMessageSnippet(message).Len() > 0 }, 10*time.Second, time.Millisecond)
}

func TestClient_TrimsTheKeyFile(t *testing.T) {
	text, _ := newKey()
	for _, content := range []string{text, text + "\n", text + "\r\n", "\n " + text + " \n"} {
		s, _ := startClient(t, &ClientConfig{KeyFile: keyFile(t, content)})
		assert.Equal(t, "Bearer "+text, s.current.Load().metadata["authorization"])
	}
}

func TestClient_DoesNotStartWithoutAKey(t *testing.T) {
	text, _ := newKey()
	for name, tt := range map[string]struct{ path, want string }{
		"no file":      {filepath.Join(t.TempDir(), "missing"), "client::key_file: open "},
		"empty file":   {keyFile(t, "\n"), "client::key_file: the file is empty"},
		"no key in it": {keyFile(t, "supersecret"), "client::key_file: the file has other content than one API key"},
		"two keys":     {keyFile(t, text+"\n"+text), "client::key_file: the file has other content than one API key"},
		"huge":         {keyFile(t, strings.Repeat("x", 1<<20)), "client::key_file: the file has other content than one API key"},
		"a directory":  {t.TempDir(), "is not a regular file"},
	} {
		s := newClientAuth(zap.NewNop(), &ClientConfig{KeyFile: tt.path})
		err := s.Start(context.Background(), componenttest.NewNopHost())
		assert.ErrorContains(t, err, tt.want, name)
		assert.NotContains(t, err.Error(), "supersecret", name)
		assert.NotContains(t, err.Error(), text, name)
		require.NoError(t, s.Shutdown(context.Background()))
	}
}

func TestClient_FollowsTheKeyFile(t *testing.T) {
	first, _ := newKey()
	second, _ := newKey()
	third, _ := newKey()
	path := keyFile(t, first)
	s, logs := startClient(t, &ClientConfig{KeyFile: path, BusinessID: "tenant-a"})

	require.NoError(t, os.WriteFile(path, []byte(second), 0o600))
	eventuallySends(t, s, second)
	assert.Equal(t, map[string]string{"authorization": "Bearer " + second, "x-business-id": "tenant-a"}, s.current.Load().metadata)

	next := path + ".next"
	require.NoError(t, os.WriteFile(next, []byte(third), 0o600))
	require.NoError(t, os.Rename(next, path))
	eventuallySends(t, s, third)
	for _, entry := range logs.All() {
		for _, key := range []string{first, second, third} {
			assert.NotContains(t, entry.Message, key)
		}
	}
}

func TestClient_FollowsSymlinksThatAreSwapped(t *testing.T) {
	// This is how a mounted secret changes: key -> ..data/key, ..data -> ..v1.
	first, _ := newKey()
	second, _ := newKey()
	dir := t.TempDir()
	for version, text := range map[string]string{"..v1": first, "..v2": second} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, version, "key"), []byte(text), 0o600))
	}
	require.NoError(t, os.Symlink("..v1", filepath.Join(dir, "..data")))
	require.NoError(t, os.Symlink(filepath.Join("..data", "key"), filepath.Join(dir, "key")))
	s, _ := startClient(t, &ClientConfig{KeyFile: filepath.Join(dir, "key")})
	require.Equal(t, first, s.current.Load().key)

	require.NoError(t, os.Symlink("..v2", filepath.Join(dir, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	eventuallySends(t, s, second)
}

func TestClient_KeepsTheLastGoodKey(t *testing.T) {
	first, _ := newKey()
	second, _ := newKey()
	path := keyFile(t, first)
	s, logs := startClient(t, &ClientConfig{KeyFile: path})
	const remains = "the last valid key remains in use"

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	eventuallyLogs(t, logs, remains)
	assert.Equal(t, first, s.current.Load().key)
	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool { return logs.FilterMessageSnippet(remains).Len() == 2 }, 10*time.Second, time.Millisecond)
	assert.Equal(t, first, s.current.Load().key)

	require.NoError(t, os.WriteFile(path, []byte(first), 0o600))
	eventuallyLogs(t, logs, "can be used again")
	require.NoError(t, os.WriteFile(path, []byte(second), 0o600))
	eventuallySends(t, s, second)
}

func TestClient_LogsAFaultOnce(t *testing.T) {
	text, _ := newKey()
	path := keyFile(t, text)
	core, logs := observer.New(zap.InfoLevel)
	s := newClientAuth(zap.New(core), &ClientConfig{KeyFile: path})
	s.use(text)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	fault := ""
	for range 100 {
		fault = s.reload(fault)
	}
	assert.Equal(t, 1, logs.Len())
}

func TestClient_RereadsWithinASecond(t *testing.T) {
	assert.LessOrEqual(t, keyFilePollInterval, time.Second)
}
