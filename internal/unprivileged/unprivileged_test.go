// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package unprivileged

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRerun(t *testing.T) {
	if Rerun(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0))
	_, err := os.ReadFile(path)
	require.ErrorIs(t, err, os.ErrPermission)
}
