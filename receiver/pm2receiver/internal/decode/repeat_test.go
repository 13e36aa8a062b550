// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// Six times the same line are six times the same record: what a decoder learns from a file
// does not change what it reads.
func TestDecoder_TheSameLineIsTheSameRecord(t *testing.T) {
	read := func(line string, n int) (out []string) {
		set := settings("app-out.log")
		set.Log.Strip = true
		each(decodeAll(set, "app-out.log", []byte(strings.Repeat(line+"\n", n)), 1<<20), func(r plog.LogRecord) {
			attrs := r.Attributes().AsRaw()
			delete(attrs, attributeUID)
			out = append(out, fmt.Sprint(r.SeverityNumber(), r.SeverityText(), r.Timestamp(), r.TraceID(), r.Body().AsString(), attrs))
		})
		return out
	}
	checked := 0
	for _, file := range corpora(t) {
		if strings.HasPrefix(filepath.Base(file), "date-") {
			continue // what its lines begin with is PM2's, which the second one shows
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		seen := map[string]bool{}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
			if seen[line] || len(seen) > 500 || strings.HasPrefix(line, `{"message":`) {
				continue
			}
			seen[line] = true
			one, many := read(line, 1), read(line, 6)
			if !assert.Len(t, one, 1) || !assert.Len(t, many, 6) {
				continue
			}
			for _, other := range many {
				if !assert.Equal(t, one[0], other, file) {
					break
				}
			}
			checked++
		}
	}
	assert.Greater(t, checked, 1000)
	t.Logf("%d lines", checked)
}

// Each line six times in a row: the learned date of PM2 takes nothing of a logger's head.
func TestDecoder_LevelsBehindDates(t *testing.T) {
	for line, want := range map[string]string{
		"[14:08:36.735] INFO (4242): order 1":                                             "info",
		"[2026-11-21 14:08:36.735 +0100] ERROR (4242): x":                                 "error",
		"[2026-11-21 14:08:36 +0100] [4242] [ERROR] Worker (pid:7): boom":                 "error",
		"2026/11/21 14:08:36 [error] 7#7: *1 open() failed":                               "error",
		"[2026-11-21 14:08:36,735: ERROR/MainProcess] Task app.pay raised: x":             "error",
		"2026-11-21T13:08:36.735Z\tERROR\tapp/main.go:10\torder 1: x":                     "error",
		"2026-11-21 14:08:36,735 - app - ERROR - order 17: x":                             "error",
		"14:08:36.735 [http-nio-8080-exec-1] ERROR c.e.App - order 1: x":                  "error",
		"[2026-11-21T14:08:36.735] [ERROR] default - order 17: refused":                   "error",
		"2026/11/21 14:08:36 ERROR order 17: refused":                                     "error",
		"2026-11-21T14:08:36.735+01:00 ERROR 4242 --- [shop] [main] c.e.App2 : x":         "error",
		"2026-11-21 14:08:36.735 | ERROR    | app.main:f:10 - order 17: x":                "error",
		"2026-11-21 14:08:36.735 [shop] error: order 1: x":                                "error",
		"[2026-11-21 14:08:36.735] \x1b[31merror\x1b[39m: order 1: x":                     "error",
		"\x1b[31m[2026-11-21T14:08:36.735] [ERROR] default - \x1b[39morder 17: refused":   "error",
		"[\x1b[90m14:08:36.735\x1b[39m] \x1b[32mINFO\x1b[39m (4242): \x1b[36mx: y\x1b[0m": "info",
		"2026-11-21 12:30:01 worker 3: started job":                                       "",
		"Nov 21 14:08:36 host app[4242]: x":                                               "",
		"2026-11-21T13:08:36.735Z app:db2: connected":                                     "",
	} {
		for _, size := range []int{1, 1 << 20} {
			n := 0
			for _, r := range fieldRecords(decodeAll(joining(), "app-out.log", []byte(strings.Repeat(line+"\n", 6)), size)) {
				assert.Equal(t, want, severity.Name(r.record.SeverityNumber()), line)
				assert.NotContains(t, r.record.Attributes().AsRaw(), attributeDate, line)
				n++
			}
			assert.Equal(t, 6, n, line)
		}
	}
}
