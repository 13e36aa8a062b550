// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lines returns what the plain reassembler makes of a file of the corpus.
func lines(t *testing.T, file string) []Line {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	written := Reassemble(raw)
	if IsText(file) {
		written = TextLines(raw, strings.Contains(file, "-time-"))
	}
	got := make([]Line, len(written))
	for i := range written {
		got[i] = written[i].Line
	}
	return got
}

// TestCorpus makes sure that everything the expectations ask for can be had
// from the files, and that the smallest fault in what arrives is found.
func TestCorpus(t *testing.T) {
	files, err := Files(filepath.Join("..", "..", "testdata", "pm2"))
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			expected, err := Load(file)
			require.NoError(t, err)
			require.NotEmpty(t, expected)
			got := lines(t, file)
			r := Compare(expected, got)
			assert.True(t, r.OK(), r.String())

			// The middle line that is longer than nothing, and not the same as its
			// neighbors, so that each fault has one reading.
			at := slices.IndexFunc(got[len(got)/3:], func(l Line) bool { return len(l.Text) > 4 }) + len(got)/3
			for name, fault := range map[string][]Line{
				"missing": slices.Delete(slices.Clone(got), at, at+1),
				"twice":   slices.Insert(slices.Clone(got), at, got[at]),
				"wrong":   slices.Replace(slices.Clone(got), at, at+1, changed(got[at])),
				"cut":     slices.Replace(slices.Clone(got), at, at+1, halved(got[at])...),
				"nothing": nil,
			} {
				r := Compare(expected, fault)
				assert.False(t, r.OK(), "%s: %s", name, r.String())
				assert.NotEmpty(t, r.Faults, name)
			}
			if IsText(file) {
				return
			}
			other, none := got[at], got[at]
			other.Stream = map[string]string{"stdout": "stderr", "stderr": "stdout"}[other.Stream]
			id := 4711
			none.ProcessID = &id
			for name, fault := range map[string]Line{"stream": other, "process": none} {
				r := Compare(expected, slices.Replace(slices.Clone(got), at, at+1, fault))
				assert.False(t, r.OK(), "%s: %s", name, r.String())
			}
		})
	}
}

func changed(l Line) Line {
	_, n := utf8.DecodeLastRuneInString(l.Text)
	l.Text = l.Text[:len(l.Text)-n]
	return l
}

func halved(l Line) []Line {
	a, b := l, l
	_, n := utf8.DecodeRuneInString(l.Text)
	a.Text, b.Text = l.Text[:n], l.Text[n:]
	return []Line{a, b}
}
