// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package apikey_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	_, err := apikey.ReadFile(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	for text, want := range map[string]string{" a key\r\n": "a key", strings.Repeat("x", 5000): strings.Repeat("x", 4096)} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		got, err := apikey.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	require.NoError(t, os.WriteFile(path, []byte(" \n"), 0o600))
	_, err = apikey.ReadFile(path)
	require.ErrorIs(t, err, apikey.ErrEmptyFile)
	_, err = apikey.ReadFile(filepath.Dir(path))
	require.Error(t, err)
}
