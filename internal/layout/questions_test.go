// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each document is in the overview once, so that readers do not compare two links.
func TestOverview_LinksEachDocumentOnce(t *testing.T) {
	text, err := os.ReadFile("../../docs/README.md")
	require.NoError(t, err)
	documents, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	require.Greater(t, len(documents), 15)
	for _, path := range documents {
		if name := filepath.Base(path); name != "README.md" {
			assert.Equal(t, 1, strings.Count(string(text), "]("+name+")"), name)
		}
	}
}

// Each question of the table leads to at least one file or folder.
func TestWhereIsWhat_LinksEachQuestion(t *testing.T) {
	text, err := os.ReadFile("../../docs/where-is-what.md")
	require.NoError(t, err)
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| question") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if assert.Len(t, cells, 2, line) {
			assert.Regexp(t, `\]\([^)\s]+\)`, cells[1], line)
		}
	}
	assert.GreaterOrEqual(t, rows, 30)
}
