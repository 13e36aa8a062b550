// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package boltfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Inspect runs while the collector starts, before it listens to signals. To open a named
// pipe would block until another process writes to it.
func TestInspect_OpensRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	pipe, folder, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "folder"), filepath.Join(dir, "link")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Symlink(pipe, link))
	for _, path := range []string{link, pipe, folder} {
		_, err := Inspect(path)
		require.ErrorIs(t, err, ErrDamaged)
		assert.EqualError(t, err, filepath.Base(path)+": damaged: it is not a regular file")
		_, err = SetAside(path)
		require.NoError(t, err)
		_, err = os.Lstat(path)
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}
