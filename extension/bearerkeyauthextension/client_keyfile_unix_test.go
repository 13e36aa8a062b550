// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package bearerkeyauthextension

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// To open a named pipe waits for a writer, who may never come.
func TestClient_IgnoresANamedPipeAsKeyFile(t *testing.T) {
	text, _ := newKey()
	path := keyFile(t, text)
	s, logs := startClient(t, &ClientConfig{KeyFile: path})
	require.NoError(t, os.Remove(path))
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	eventuallyLogs(t, logs, "the last valid key remains in use")
	next, _ := newKey()
	require.NoError(t, os.WriteFile(path+".new", []byte(next), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
	eventuallySends(t, s, next)
}
