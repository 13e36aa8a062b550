// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

func jsonOf(t *testing.T, rec plog.LogRecord) string {
	data, err := json.Marshal(rec.Attributes().AsRaw())
	require.NoError(t, err)
	return string(data)
}

func TestText_LevelsOfMoreLoggers(t *testing.T) {
	at := "2026-11-21T14:08:36Z"
	for _, c := range []struct {
		line  string
		level plog.SeverityNumber
		time  string
	}{
		{"2026-11-21 14:08:36,735 app          ERROR    failed", 17, "2026-11-21T14:08:36.735Z"},
		{"2026-11-21 14:08:36,735 app.module ERROR failed", 17, "2026-11-21T14:08:36.735Z"},
		{"2026-11-21 14:08:36,735 werkzeug WARNING  failed", 13, "2026-11-21T14:08:36.735Z"},
		{"2026-11-21 14:08:36,735 received ERROR from upstream", 0, "2026-11-21T14:08:36.735Z"},
		{"2026-11-21 14:08:36 https://x.example.com ERROR page", 0, at},
		{"[Sat Nov 21 14:08:36.735 2026] [core:error] [pid 1] msg", 17, "2026-11-21T14:08:36.735Z"},
		{"[Sat Nov 21 14:08:36.735 2026] [mpm_event:notice] [pid 1:tid 2] msg", 10, "2026-11-21T14:08:36.735Z"},
		{"[Sat Nov 21 14:08:36.735 2026] [:trace8] msg", 1, "2026-11-21T14:08:36.735Z"},
		{"[Sat Nov 21 14:08:36.735 2026] [user:alice] msg", 0, "2026-11-21T14:08:36.735Z"},
		{" warn --- http address - http://localhost:4873/", 13, ""},
		{"info --- plugin loaded", 9, ""},
		{" http <-- 200, user: null, req: 'GET /-/ping'", 7, ""},
		{"[2026-11-21T14:08:36.735] [MARK] default - x", 9, "2026-11-21T14:08:36.735Z"},
		{"(2026-11-21 14:08:36) ERROR: x", 17, at},
		{"<2026-11-21 14:08:36> ERROR: x", 17, at},
		{"<2026-11-21 14:08:36> [warn] x", 13, at},
		{"(see chapter 2) ERROR: x", 0, ""},
		{"api-1  | ERROR: x", 17, ""},
		{"web-frontend-12 | 2026-11-21 14:08:36 ERROR x", 17, at},
		{"api-1 | error is a word", 0, ""},
		{"ERRO[0003] x", 17, ""},
		{"WARN[2026-11-21T14:08:36Z] x", 13, at},
		{"INFO[yesterday] x", 0, ""},
		{"1.795270116735e+09\terror\tapp/main.go:10\tx", 17, "2026-11-21T14:08:36.735Z"},
		{"2026-11-21 14:08:36 -10 degrees outside", 0, at},
		{"2026-11-21 14:08:36 +03 [4242] ERROR: x", 17, "2026-11-21T11:08:36Z"},
		{"[2026-11-21 14:08:36 +0100] [4242] [ERROR] x", 17, "2026-11-21T13:08:36Z"},
		{"2026-02-31 10:00:00 INFO x", 0, ""},
		{"2026-11-31 10:00:00 INFO x", 0, ""},
		{"2025-02-29 10:00:00 INFO x", 0, ""},
		{"2026/02/30 10:00:00 INFO x", 0, ""},
		{"[31/Apr/2026:10:00:00 +0000] ERROR x", 0, ""},
	} {
		rec := parseAt(newParser(), c.line, time.Time{})
		assert.Equal(t, c.level, rec.SeverityNumber(), c.line)
		got := ""
		if rec.Timestamp() != 0 {
			got = rec.Timestamp().AsTime().Format(time.RFC3339Nano)
		}
		assert.Equal(t, c.time, got, c.line)
		assert.Equal(t, c.line, rec.Body().Str())
	}
}

func TestText_LeapDaysExist(t *testing.T) {
	for _, day := range []string{"2024-02-29", "2000-02-29", "2026-01-31", "2026-04-30"} {
		rec := parseAt(newParser(), day+" 10:00:00 INFO x", time.Time{})
		assert.Equal(t, day, rec.Timestamp().AsTime().Format(time.DateOnly), day)
	}
}

func TestAccess_DatesBeforeAndTargetsWithHosts(t *testing.T) {
	for _, c := range []struct {
		line, path string
		status     int64
		level      plog.SeverityNumber
		time       string
	}{
		{"2026-11-21 14:08:36 GET /orders 500 12ms", "/orders", 500, 17, "2026-11-21T14:08:36Z"},
		{"[2026-11-21 14:08:36] GET /orders 404 12 ms", "/orders", 404, 13, "2026-11-21T14:08:36Z"},
		{"2026-11-21T14:08:36.735Z POST /orders HTTP/1.1 201 512 - 3.4 ms", "/orders", 201, 9, "2026-11-21T14:08:36.735Z"},
		{`2026-11-21 14:08:36 10.0.0.7 "GET /x HTTP/1.1" 200 512`, "/x", 200, 9, "2026-11-21T14:08:36Z"},
		{`10.0.0.7 - - [21/Nov/2026:13:08:36 +0000] "GET http://example.com/x?y=1 HTTP/1.1" 200 512 "-" "curl/8"`, "/x", 200, 9, "2026-11-21T13:08:36Z"},
		{`10.0.0.7 - - [21/Nov/2026:13:08:36 +0000] "GET https://example.com HTTP/1.1" 200 512 "-" "curl/8"`, "/", 200, 9, "2026-11-21T13:08:36Z"},
		{`10.0.0.7 - - [21/Nov/2026:13:08:36 +0000] "GET /to/http://example.com/ HTTP/1.1" 200 512 "-" "curl/8"`, "/to/http://example.com/", 200, 9, "2026-11-21T13:08:36Z"},
	} {
		rec := parseAt(newParser(), c.line, time.Time{})
		attrs := rec.Attributes().AsRaw()
		assert.Equal(t, c.path, attrs[attributePath], c.line)
		assert.Equal(t, c.status, attrs[attributeStatus], c.line)
		assert.Equal(t, c.level, rec.SeverityNumber(), c.line)
		assert.Equal(t, c.time, rec.Timestamp().AsTime().Format(time.RFC3339Nano), c.line)
	}
	for _, line := range []string{"2026-11-21 14:08:36 GET ready for 200 guests", "2026-11-21 14:08:36 10.0.0.7 connected", "GET /error is documented"} {
		assert.Zero(t, parseAt(newParser(), line, time.Time{}).Attributes().Len(), line)
	}
}

func TestJSON_LevelsOfMoreLoggers(t *testing.T) {
	for _, c := range []struct {
		line  string
		level plog.SeverityNumber
		text  string
		body  string
	}{
		{`{"@t":"2026-11-21T13:08:36.735Z","@mt":"Hello {Name}","Name":"x"}`, 9, "", "Hello {Name}"},
		{`{"@t":"2026-11-21T13:08:36.735Z","@m":"Hello x","@i":"abc"}`, 9, "", "Hello x"},
		{`{"@t":"2026-11-21T13:08:36.735Z","@l":"Warning","@m":"Hello x"}`, 13, "Warning", "Hello x"},
		{`{"timestamp":"2026-11-21T13:08:36.735Z","level":"INFO","fields":{"message":"hello","a":1},"target":"app"}`, 9, "INFO", "hello"},
		{`{"level":"Level.INFO","msg":"m"}`, 9, "Level.INFO", "m"},
		{`{"level":"LogLevel.Warning","msg":"m"}`, 13, "LogLevel.Warning", "m"},
		{`{"level":"loglevel.information","msg":"m"}`, 9, "loglevel.information", "m"},
		{`{"level":40,"levelname":"ERROR","msg":"m"}`, 17, "ERROR", "m"},
		{`{"level":40,"levelname":"odd","msg":"m"}`, 13, "warn", "m"},
		{`{"level":20,"level_name":"INFO","msg":"m"}`, 9, "INFO", "m"},
	} {
		rec := parseAt(newParser(), c.line, time.Time{})
		assert.Equal(t, c.level, rec.SeverityNumber(), c.line)
		assert.Equal(t, c.text, rec.SeverityText(), c.line)
		assert.Equal(t, c.body, rec.Body().AsString(), c.line)
	}
}

func TestJSON_ANegativeLevelIsNoReasonToReadAllAsGo(t *testing.T) {
	level := func(p *Parser, n int) plog.SeverityNumber {
		return parseAt(p, `{"level":`+strconv.Itoa(n)+`,"msg":"m"}`, time.Time{}).SeverityNumber()
	}
	p := newParser()
	assert.Equal(t, plog.SeverityNumber(8), level(p, -1))
	assert.Equal(t, plog.SeverityNumber(17), level(p, 3), "syslog")
	assert.Equal(t, plog.SeverityNumber(9), level(p, 6), "syslog")
	assert.Equal(t, plog.SeverityNumber(5), level(p, -4))
	assert.Equal(t, plog.SeverityNumber(13), level(p, 4), "slog")
	assert.Equal(t, plog.SeverityNumber(9), level(p, 30), "pino")
	assert.Equal(t, plog.SeverityNumber(17), level(p, 3), "syslog again")
}

func TestLogfmt_EscapesOfGo(t *testing.T) {
	for value, want := range map[string]string{
		"\x1b[31mred\x1b[0m": "red", "bell\a": "bell\a", "\v\x00\f": "\v\x00\f", "a\u200bb": "a\u200bb", "\U0001f600\u0301": "\U0001f600\u0301",
		"tab\tnew\nline": "tab\tnew\nline", "quote\"s": "quote\"s", "\xff\xfe": "\uFFFD", "\u2028": "\u2028", "\x7f": "\x7f",
	} {
		line := "time=2026-11-21T14:08:36.735Z level=ERROR msg=" + strconv.Quote(value) + " user=7"
		rec := parseAt(newParser(), line, time.Time{})
		assert.Equal(t, plog.SeverityNumberError, rec.SeverityNumber(), line)
		assert.Equal(t, want, rec.Body().Str(), line)
		assert.Equal(t, int64(7), rec.Attributes().AsRaw()["user"], line)
	}
	rec := parseAt(newParser(), `time=2026-11-21T14:08:36.735Z level=ERROR msg="\u001b[31mred\u001b[0m"`, time.Time{})
	assert.Equal(t, "red", rec.Body().Str())
	rec = parseAt(New(Settings{Location: time.UTC}), `time=2026-11-21T14:08:36.735Z level=ERROR msg="\u001b[31mred\u001b[0m"`, time.Time{})
	assert.Equal(t, "\x1b[31mred\x1b[0m", rec.Body().Str(), "ansi: keep")
}

func TestLogfmt_StackTraces(t *testing.T) {
	rec := parseAt(newParser(), `level=error msg=failed stack="TypeError: boom\n    at f (/srv/a.js:1:2)" code=7`, time.Time{})
	assert.Equal(t, map[string]any{
		"exception.type": "TypeError", "exception.message": "boom", "exception.stacktrace": "TypeError: boom\n    at f (/srv/a.js:1:2)", "code": int64(7),
	}, rec.Attributes().AsRaw())
	rec = parseAt(newParser(), `level=error msg=failed error="no such file"`, time.Time{})
	assert.Equal(t, map[string]any{"error": "no such file"}, rec.Attributes().AsRaw())
}
