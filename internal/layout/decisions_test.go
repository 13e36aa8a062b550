// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDecisions_AreListedInOrder compares the list of decisions with the files: each is listed
// once, in the order of their numbers.
func TestDecisions_AreListedInOrder(t *testing.T) {
	folder := filepath.Join("..", "..", "docs", "adr")
	files, err := filepath.Glob(filepath.Join(folder, "[0-9]*.md"))
	require.NoError(t, err)
	require.Greater(t, len(files), 40)
	var want, got []string
	for _, f := range files { // Glob sorts them
		want = append(want, filepath.Base(f))
	}
	list, err := os.ReadFile(filepath.Join(folder, "README.md"))
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)^\| \[(\d{3})\]\(([^)]+)\) \|`).FindAllSubmatch(list, -1) {
		got = append(got, string(m[2]))
		assert.Regexp(t, "^"+string(m[1])+"-", string(m[2]), "number and file")
	}
	assert.Equal(t, want, got)
}
