// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Each folder of testdata/join is a case: a log file, and what is to come of it. A
// case without records.txt writes one and fails, so that it is looked at.
func TestDecoder_JoinsStackTraces(t *testing.T) {
	files, err := filepath.Glob("testdata/join/*/*.log")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			set := settings(file)
			set.Join = true
			golden := filepath.Join(dir, "records.txt")
			want, err := os.ReadFile(golden)
			if os.IsNotExist(err) {
				require.NoError(t, os.WriteFile(golden, []byte(render(decodeFile(t, set, file, 16<<20))), 0o644))
				require.FailNow(t, "wrote "+golden)
			}
			require.NoError(t, err)
			for _, size := range []int{1, 200, 16 << 20} {
				assert.Equal(t, string(want), render(decodeFile(t, set, file, size)), "blocks of %d", size)
			}
		})
	}
}

// render writes records as a reader would like to see them, process by process.
func render(all []plog.Logs) string {
	processes := map[string]*strings.Builder{}
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			id := "-"
			if v, ok := rl.Resource().Attributes().Get("pm2.process.id"); ok {
				id = v.AsString()
			}
			if processes[id] == nil {
				processes[id] = new(strings.Builder)
			}
			out := processes[id]
			for _, sl := range rl.ScopeLogs().All() {
				for _, rec := range sl.LogRecords().All() {
					stream, _ := rec.Attributes().Get("log.iostream")
					fmt.Fprintf(out, "process %s %s", id, stream.Str())
					if rec.SeverityText() != "" {
						fmt.Fprintf(out, " %s", rec.SeverityText())
					}
					fmt.Fprintf(out, "\n  body: %s\n", indent(rec.Body().AsString()))
					for _, name := range []string{"exception.type", "exception.message", "exception.stacktrace"} {
						if v, ok := rec.Attributes().Get(name); ok {
							fmt.Fprintf(out, "  %s: %s\n", name, indent(v.Str()))
						}
					}
					if v, ok := rec.Attributes().Get("log.record.original"); ok && v.Str() != rec.Body().AsString() && !strings.HasPrefix(v.Str(), "{") {
						fmt.Fprintf(out, "  original: %d lines\n", strings.Count(v.Str(), "\n")+1)
					}
				}
			}
		}
	}
	text := ""
	for _, id := range slices.Sorted(maps.Keys(processes)) {
		text += processes[id].String()
	}
	return text
}

func indent(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\x1b", "<ESC>"), "\n", "\n    | ")
}
