// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for n := range Names() {
		assert.Regexp(t, `^[a-z0-9]+(_[a-z0-9]+)+$`, n.String())
		assert.False(t, seen[n.String()], n)
		seen[n.String()] = true
		for _, text := range []string{n.Meaning(), n.Fix()} {
			assert.True(t, strings.HasSuffix(text, "."), "%s: %q is no sentence", n, text)
			assert.LessOrEqual(t, len(text), maxFix)
			assert.NotContains(t, text, "|", "it is a cell of a table")
		}
	}
	assert.Len(t, seen, int(numNames))
	assert.Equal(t, "unknown", numNames.String())
}

// Every document that lists the conditions lists all of them, with these texts.
func TestNames_AreDocumented(t *testing.T) {
	for _, path := range []string{"../../distributions/agent/README.md"} {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		var rows, want []string
		for line := range strings.Lines(string(raw)) {
			if regexp.MustCompile("^\\| `[a-z0-9_]+` \\| .* \\| .* \\|$").MatchString(strings.TrimSpace(line)) {
				rows = append(rows, strings.TrimSpace(line))
			}
		}
		for n := range Names() {
			want = append(want, fmt.Sprintf("| `%s` | %s | %s |", n, n.Meaning(), n.Fix()))
		}
		for _, row := range want {
			if !slices.Contains(rows, row) {
				t.Errorf("%s lacks the row\n%s", path, row)
			}
		}
		assert.Len(t, rows, len(want), path)
	}
}
