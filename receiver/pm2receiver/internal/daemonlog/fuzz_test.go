// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package daemonlog

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

// FuzzDecoder reads arbitrary files in blocks of different sizes: no line is lost, and
// where none are joined the records are the same.
func FuzzDecoder(f *testing.F) {
	files, err := filepath.Glob("testdata/records/*/pm2.log")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text[:min(len(text), 1500)], 100, true)
	}
	f.Add([]byte("Error: a\n\n    at b\n  c {\n}\n\xff\n"), 1, true)
	f.Fuzz(func(t *testing.T, text []byte, size int, join bool) {
		if size < 1 || size > 1<<20 {
			return
		}
		set := settings()
		set.Join, set.MaxLine = join, 100
		whole := decodeFile(t, set, text, len(text)+1)
		pieces := decodeFile(t, set, text, size)
		if !join {
			assert.Equal(t, render(whole), render(pieces))
		}
		if len(text) > 0 && !strings.Contains(string(text), "\x00") {
			want := strings.TrimSuffix(string([]rune(string(text))), "\n") + "\n"
			assert.Equal(t, want, originals(whole))
			assert.Equal(t, want, originals(pieces))
		}
		for _, logs := range whole {
			for _, rl := range logs.ResourceLogs().All() {
				for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
					require.True(t, utf8.ValidString(rec.Body().AsString()))
				}
			}
		}
	})
}

// FuzzEvent holds the forms against regular expressions.
func FuzzEvent(f *testing.F) {
	oracle := make([]*regexp.Regexp, len(forms))
	for i, form := range forms {
		parts := make([]string, len(form.parts))
		for k, part := range form.parts {
			parts[k] = regexp.QuoteMeta(part)
		}
		oracle[i] = regexp.MustCompile(`(?s)^` + strings.Join(parts, "(.*)") + `$`)
	}
	raw, err := os.ReadFile("testdata/records/events/pm2.log")
	require.NoError(f, err)
	for line := range strings.Lines(string(raw)) {
		_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": PM2 log: ")
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) { // as all lines are by then
			return
		}
		for i, form := range forms {
			got, ok := fields(text, form.parts)
			want := oracle[i].FindStringSubmatch(text)
			require.Equal(t, want != nil, ok, form.parts)
			if ok {
				assert.Equal(t, want[1:], got)
			}
		}
		e := ParseEvent(text)
		assert.GreaterOrEqual(t, e.ID, int64(envelope.NoProcess))
		for _, a := range e.Attributes {
			assert.NotEmpty(t, a.Key)
		}
	})
}
