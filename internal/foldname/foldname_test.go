// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package foldname

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEncode(t *testing.T) {
	seen := make(map[string]string)
	for _, name := range []string{"acme", "Acme", "ACME", "aCme", "tenant=Acme-2/destination=Loki", "!_.*'()-", "Z", "z"} {
		got := Encode(name)
		assert.Equal(t, strings.ToLower(got), got)
		assert.Equal(t, name, Decode(got))
		require.Empty(t, seen[got], "%q and %q have the same name", name, seen[got])
		seen[got] = name
	}
	assert.Equal(t, "%41cme", Encode("Acme"))
	assert.Equal(t, "100%", Decode("100%"))
}

func TestInsensitive(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "name"), nil, 0o600))
	_, err := os.Stat(filepath.Join(dir, "NAME"))
	want := err == nil
	got, err := Insensitive(dir)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "the probe is gone")
	_, err = Insensitive(filepath.Join(dir, "none"))
	assert.Error(t, err)
}
