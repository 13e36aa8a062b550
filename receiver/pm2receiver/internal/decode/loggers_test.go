// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

const loggersDir = "../../../../testdata/loggers"

// expectation is what apps/loggers.mjs of the end-to-end tests passed to a real logger.
type expectation struct {
	From, To time.Time
	Records  []struct {
		Severity, Body string
		Error, Trace   bool
		Notime, Simple bool
		Status         int
		Nohttp         bool
		Multi, Stderr  bool
		Noseverity     bool
	}
}

// Each file of the folder is the output of a real logger, and the file beside it is what was
// passed to the logger.
func TestDecoder_ReadsWhatRealLoggersWrite(t *testing.T) {
	files, err := filepath.Glob(loggersDir + "/*.log")
	require.NoError(t, err)
	require.Greater(t, len(files), 50)
	records := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".log"), func(t *testing.T) {
			data, err := os.ReadFile(strings.TrimSuffix(file, ".log") + ".want.json")
			require.NoError(t, err)
			var want expectation
			require.NoError(t, json.Unmarshal(data, &want))
			set := Settings{
				Lines: lines.Settings{MaxLine: 1 << 20, Location: time.UTC, App: "app", ProcessID: envelope.NoProcess},
				Log:   applog.Settings{JSON: true, Strip: true, Location: time.UTC},
				Join:  true, Original: true, Host: "web-01", Scope: "pm2", Arenas: &arena.Pool{Overwrite: true},
			}
			var got []plog.LogRecord
			each(decodeFile(t, set, file, 1<<20), func(rec plog.LogRecord) { got = append(got, rec) })
			if !assert.Len(t, got, len(want.Records)) {
				for _, rec := range got {
					t.Logf("%.100q", rec.Body().AsString())
				}
				return
			}
			var original strings.Builder
			for i, rec := range got {
				expected(t, want, i, rec)
				line, _ := rec.Attributes().Get("log.record.original")
				original.WriteString(line.Str() + "\n")
				records++
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(text), original.String(), "nothing may be lost")
		})
	}
	t.Logf("%d records of %d loggers", records, len(files))
}

func expected(t *testing.T, all expectation, i int, rec plog.LogRecord) {
	want := all.Records[i]
	line := rec.Body().AsString()
	assert.Contains(t, line, want.Body)
	assert.NotContains(t, line, "\x1b")
	attrs := rec.Attributes()
	switch {
	case want.Simple && i == 0, want.Noseverity:
	case want.Nohttp && strings.HasSuffix(want.Body, "http"): // HTTP is a protocol more often than a level
	default:
		assert.Equal(t, want.Severity, severity.Name(rec.SeverityNumber()), line)
	}
	if !want.Notime {
		at := rec.Timestamp().AsTime()
		assert.True(t, !at.Before(all.From.Truncate(time.Second)) && !at.After(all.To.Add(time.Second)), "%s at %s", line, at)
	}
	if want.Trace {
		assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", rec.TraceID().String(), line)
		assert.Equal(t, "00f067aa0ba902b7", rec.SpanID().String(), line)
	} else {
		assert.True(t, rec.TraceID().IsEmpty() && rec.SpanID().IsEmpty(), line)
	}
	text := func(name string) string {
		v, ok := attrs.Get(name)
		if !ok {
			return ""
		}
		return v.AsString()
	}
	if want.Error {
		assert.Equal(t, "TypeError", text("exception.type"), line)
		assert.Equal(t, "card refused", text("exception.message"), line)
		assert.Contains(t, text("exception.stacktrace"), ".mjs:", line)
	} else {
		assert.Empty(t, text("exception.type")+text("exception.message")+text("exception.stacktrace"), line)
	}
	if want.Status != 0 {
		assert.Equal(t, strconv.Itoa(want.Status), text("http.response.status_code"), line)
	}
}
