// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// liveLoggers are cases of apps/loggers.mjs: loggers from npm, several of them in their
// most common forms.
var liveLoggers = []string{
	"pino", "pino-iso", "pino-labels", "pino-severity", "pino-pretty", "pino-pretty-colour", "pino-ecs", "pino-trace-spellings",
	"winston-json", "winston-simple", "winston-colour-json", "winston-printf", "winston-ecs",
	"bunyan", "log4js-basic", "log4js-coloured", "nest", "nest-json", "debug", "consola", "tslog-json", "tslog-pretty", "signale",
	"loglevel-prefix", "roarr", "morgan-combined", "morgan-dev", "fastify", "logfmt", "npmlog",
}

// loggerCall is the input of a logger: severity, text in the body, and more.
type loggerCall struct {
	severity, body string
	more           struct {
		Error, Trace, Notime, Simple, Noseverity, Nohttp bool
		Status                                           int
	}
}

func (c *loggerCall) UnmarshalJSON(raw []byte) error {
	fields := []any{&c.severity, &c.body, &c.more}
	return json.Unmarshal(raw, &fields)
}

// TestPM2Loggers runs real loggers in a real PM2. Each record in the tenant's archive has
// the severity, time, trace context and exception that the logger was called with.
func TestPM2Loggers(t *testing.T) {
	t.Parallel()
	p := newPM2(t)
	p.env = map[string]string{"LOGGERS": strings.Join(liveLoggers, ",")}
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg, inOrder()...)
	startAgent(t, g, reg, "shop", p.home, "--config", "yaml:receivers::pm2::daemon_log::enabled: false")
	from := time.Now().Add(-time.Second)
	p.run("start", "loggers.config.js")

	want := map[string][]loggerCall{}
	total := 0
	for _, name := range liveLoggers {
		var calls []loggerCall
		require.Eventually(t, func() bool {
			raw, err := os.ReadFile(filepath.Join(p.truth, name+".json"))
			return err == nil && json.Unmarshal(raw, &calls) == nil
		}, 120*time.Second, 100*time.Millisecond, "%s has not ended", name)
		require.NotEmpty(t, calls, name)
		want[name] = calls
		total += len(calls)
	}
	reader := archive.NewReader(g.data)
	got := map[string][]plog.LogRecord{}
	require.Eventually(t, func() bool {
		require.NoError(t, reader.Poll(archive.Handler{Logs: func(_, _ string, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				name, _ := rl.Resource().Attributes().Get("service.name")
				if !slices.Contains(liveLoggers, name.Str()) {
					continue
				}
				for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
					if file, _ := rec.Attributes().Get("log.file.name"); file.Str() == "pm2.log" {
						continue // PM2's messages about the application
					}
					if strings.HasPrefix(rec.Body().Str(), "(node:") || strings.HasPrefix(rec.Body().Str(), "(Use `node") {
						continue
					}
					kept := plog.NewLogRecord()
					rec.CopyTo(kept)
					got[name.Str()] = append(got[name.Str()], kept)
				}
			}
			return nil
		}}))
		return !slices.ContainsFunc(liveLoggers, func(name string) bool { return len(got[name]) < len(want[name]) })
	}, 120*time.Second, 100*time.Millisecond, "not everything has arrived")
	to := time.Now().Add(time.Second)

	for _, name := range liveLoggers {
		t.Run(name, func(t *testing.T) {
			records := got[name]
			assert.Len(t, records, len(want[name]))
			for i, call := range want[name] {
				at := slices.IndexFunc(records, func(rec plog.LogRecord) bool { return strings.Contains(rec.Body().AsString(), call.body) })
				if !assert.GreaterOrEqual(t, at, 0, "%q is missing", call.body) {
					continue
				}
				checkCall(t, call, i, records[at], from, to)
				records = slices.Delete(records, at, at+1)
			}
		})
	}
	t.Logf("%d records of %d applications", total, len(liveLoggers))
}

func checkCall(t *testing.T, want loggerCall, i int, rec plog.LogRecord, from, to time.Time) {
	t.Helper()
	line := rec.Body().AsString()
	assert.NotContains(t, line, "\x1b")
	simple := want.more.Simple && i == 0                                 // recognized from the second line on
	protocol := want.more.Nohttp && strings.HasSuffix(want.body, "http") // more often a number than a level
	if !simple && !protocol && !want.more.Noseverity {
		assert.Equal(t, want.severity, severity.Name(rec.SeverityNumber()), line)
	}
	if !want.more.Notime || rec.Timestamp() != 0 {
		at := rec.Timestamp().AsTime()
		assert.True(t, !at.Before(from.Truncate(time.Second)) && !at.After(to), "%s at %s", line, at)
	}
	if want.more.Trace {
		assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", rec.TraceID().String(), line)
		assert.Equal(t, "00f067aa0ba902b7", rec.SpanID().String(), line)
	} else {
		assert.True(t, rec.TraceID().IsEmpty() && rec.SpanID().IsEmpty(), line)
	}
	if want.more.Error {
		assert.Equal(t, "TypeError", attributeText(rec.Attributes(), "exception.type"), line)
		assert.Equal(t, "card refused", attributeText(rec.Attributes(), "exception.message"), line)
		assert.Contains(t, attributeText(rec.Attributes(), "exception.stacktrace"), "loggers.mjs:", line)
	} else {
		assert.Empty(t, attributeText(rec.Attributes(), "exception.type"), line)
	}
	if want.more.Status != 0 {
		assert.Equal(t, strconv.Itoa(want.more.Status), attributeText(rec.Attributes(), "http.response.status_code"), line)
	}
}

func attributeText(attrs pcommon.Map, name string) string {
	v, ok := attrs.Get(name)
	if !ok {
		return ""
	}
	return v.AsString()
}
