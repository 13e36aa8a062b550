// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package regularfile

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpen_DoesNotWaitForTheWriterOfANamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := Open(path)
	require.ErrorContains(t, err, "not a regular file")
}
