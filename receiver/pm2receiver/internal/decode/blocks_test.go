// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// joining are the settings of a receiver that joins.
func joining() Settings {
	return Settings{
		Lines: lines.Settings{MaxLine: 1 << 20, Location: time.UTC, App: "app", ProcessID: envelope.NoProcess},
		Log:   applog.Settings{JSON: true, Strip: true, Location: time.UTC},
		Join:  true, Original: true, Host: "web-01", Scope: "pm2", Arenas: &arena.Pool{Overwrite: true},
	}
}

// corpora returns the logs that the decoder is tested with.
func corpora(t *testing.T) (files []string) {
	for _, pattern := range []string{fieldDir + "/*.log", loggersDir + "/*.log", corpusDir + "/*.log", "testdata/join/*/*.log"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		files = append(files, found...)
	}
	return files
}

// rendered returns everything of the records of a log that is decoded in blocks of about
// size bytes, in the order of the lines.
func rendered(set Settings, data []byte, size int) (out []string) {
	for _, r := range fieldRecords(decodeAll(set, "app-out.log", data, size)) {
		out = append(out, fmt.Sprint(r.place, r.record.SeverityText(), r.resource, r.String(), r.record.Attributes().AsRaw()["log.record.original"]))
	}
	return out
}

// The same bytes make the same records, wherever blocks end.
func TestDecoder_RecordsDoNotDependOnTheBlocks(t *testing.T) {
	for _, file := range corpora(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		if len(data) > 64<<10 {
			data = data[:bytes.LastIndexByte(data[:64<<10], '\n')+1]
		}
		want := rendered(joining(), data, 1<<20)
		for _, size := range []int{1, 200, 3000} {
			if len(data) > 16<<10 && size == 1 {
				continue
			}
			if got := rendered(joining(), data, size); !assert.Equal(t, want, got, "%s in blocks of %d", file, size) {
				break
			}
		}
	}
}

// A logger's head and the fields below it are one record in blocks of every size, and every
// record has its level.
func TestDecoder_RecordsOfALongLogDoNotDependOnTheBlocks(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "[14:08:%02d.%03d] INFO (4242): order %d\n    order: %d\n    user: {\n      \"id\": 3\n    }\n", i/100, i%1000, i, i)
	}
	for _, size := range []int{1 << 26, 64 << 10, 4096, 300} {
		n := 0
		for _, r := range fieldRecords(decodeAll(joining(), "app-out.log", []byte(b.String()), size)) {
			assert.Equal(t, "INFO", r.record.SeverityText())
			n++
		}
		assert.Equal(t, 3000, n, "blocks of %d", size)
	}
}
