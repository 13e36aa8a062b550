// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
