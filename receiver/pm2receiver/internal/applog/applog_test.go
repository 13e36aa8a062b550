// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

func parse(line string, json bool) plog.LogRecord { return parseBytes([]byte(line), json) }

func parseBytes(line []byte, json bool) plog.LogRecord {
	rec := plog.NewLogRecord()
	p := New(Settings{JSON: json, Location: time.UTC})
	p.simple = 1 // a line of winston's simple form has been seen
	p.Parse(line, line, rec, slab.New(slab.Usage{}))
	return rec
}

func parseWith(p *Parser, line string) plog.LogRecord {
	rec := plog.NewLogRecord()
	p.Parse([]byte(line), []byte(line), rec, slab.New(slab.Usage{}))
	return rec
}

// record is what a test expects of a line.
type record struct {
	body   any
	level  string
	number plog.SeverityNumber
	time   string
	trace  string
	span   string
	flags  plog.LogRecordFlags
	attrs  map[string]any
}

func (r record) equal(t *testing.T, got plog.LogRecord, line string) {
	t.Helper()
	if r.attrs == nil {
		r.attrs = map[string]any{}
	}
	stamp := ""
	if got.Timestamp() != 0 {
		stamp = got.Timestamp().AsTime().Format(time.RFC3339Nano)
	}
	trace, span := "", ""
	if !got.TraceID().IsEmpty() {
		trace = got.TraceID().String()
	}
	if !got.SpanID().IsEmpty() {
		span = got.SpanID().String()
	}
	have := record{got.Body().AsRaw(), got.SeverityText(), got.SeverityNumber(), stamp, trace, span, got.Flags(), got.Attributes().AsRaw()}
	assert.Equal(t, r, have, line)
}

const (
	traceID = "a1f06f297967a6038be6e6a606291de9"
	spanID  = "ec69282dd974bfb3"
)

func TestParser_ReadsJSONLoggers(t *testing.T) {
	for line, want := range map[string]record{
		// pino
		`{"level":30,"time":1795226915324,"pid":43,"hostname":"web-01","trace_id":"` + traceID + `","span_id":"` + spanID + `","trace_flags":"01","msg":"done"}`: {
			body: "done", level: "info", number: 9, time: "2026-11-21T02:08:35.324Z", trace: traceID, span: spanID, flags: 1,
			attrs: map[string]any{"pid": int64(43), "hostname": "web-01"},
		},
		`{"level":35,"time":1795226915.25,"msg":"custom level, seconds"}`: {body: "custom level, seconds", level: "35", number: 11, time: "2026-11-21T02:08:35.25Z"},
		`{"level":50,"err":{"type":"PaymentError","message":"declined","stack":"PaymentError: declined\n    at a","code":"E_DECLINED"},"msg":"failed"}`: {
			body: "failed", level: "error", number: 17, attrs: map[string]any{
				"exception.type": "PaymentError", "exception.message": "declined", "exception.stacktrace": "PaymentError: declined\n    at a",
				"err": map[string]any{"code": "E_DECLINED"},
			},
		},
		// bunyan
		`{"name":"catalog","level":60,"err":{"message":"disk full","name":"Error","stack":"Error: disk full"},"msg":"down","time":"2026-11-21T02:08:44.118Z","v":0}`: {
			body: "down", level: "fatal", number: 21, time: "2026-11-21T02:08:44.118Z", attrs: map[string]any{
				"name": "catalog", "v": int64(0), "exception.type": "Error", "exception.message": "disk full", "exception.stacktrace": "Error: disk full",
			},
		},
		// winston json(), syslog levels, logstash()
		`{"level":"http","message":"PUT /x","timestamp":"2026-11-21T02:08:36.924Z","ms":0.5}`: {
			body: "PUT /x", level: "http", number: 7, time: "2026-11-21T02:08:36.924Z", attrs: map[string]any{"ms": 0.5},
		},
		`{"level":"error","message":"ledger","stack":"TypeError: ledger\n    at a (b:1:2)"}`: {
			body: "ledger", level: "error", number: 17, attrs: map[string]any{
				"exception.type": "TypeError", "exception.message": "ledger", "exception.stacktrace": "TypeError: ledger\n    at a (b:1:2)",
			},
		},
		`{"@message":"from logstash","@timestamp":"2026-11-21T02:08:36.924Z","@fields":{"level":"warn","user":"x"}}`: {
			body: "from logstash", level: "warn", number: 13, time: "2026-11-21T02:08:36.924Z", attrs: map[string]any{"user": "x"},
		},
		`{"level":"notice","message":"text time","timestamp":"2026-11-21 02:08:36.735"}`: {body: "text time", level: "notice", number: 10, time: "2026-11-21T02:08:36.735Z"},
		`{"severity":"ERROR","msg":"as cloud loggers name it"}`:                          {body: "as cloud loggers name it", level: "ERROR", number: 17},
		`{"level":"deafening","msg":"unknown level"}`:                                    {body: "unknown level", level: "deafening"},
		` {"level":"40","msg":"number as text"} `:                                        {body: "number as text", level: "40", number: 13},
	} {
		want.equal(t, parse(line, true), line)
	}
}

func TestParser_KeepsWhatItCannotUse(t *testing.T) {
	for line, want := range map[string]record{
		`{}`:                            {body: `{}`},
		`{"a":1}`:                       {body: `{"a":1}`, attrs: map[string]any{"a": int64(1)}},
		`{"msg":{"not":"text"}}`:        {body: `{"msg":{"not":"text"}}`, attrs: map[string]any{"msg": map[string]any{"not": "text"}}},
		`{"msg":"one","message":"two"}`: {body: "one", attrs: map[string]any{"message": "two"}},
		`{"msg":"x","time":"yesterday","level":[1],"trace_id":"123","span_id":"zz","trace_flags":300}`: {body: "x", attrs: map[string]any{
			"time": "yesterday", "level": []any{int64(1)}, "trace_id": "123", "span_id": "zz", "trace_flags": int64(300),
		}},
		`{"msg":"x","trace_id":"00000000000000000000000000000000"}`:   {body: "x", attrs: map[string]any{"trace_id": "00000000000000000000000000000000"}},
		`{"msg":"x","time":3,"timestamp":"2026-11-21T02:08:36Z"}`:     {body: "x", time: "2026-11-21T02:08:36Z", attrs: map[string]any{"time": int64(3)}},
		`{"msg":"x","err":"text","error":{"name":"E","message":"m"}}`: {body: "x", attrs: map[string]any{"err": "text", "exception.type": "E", "exception.message": "m"}},
		`{"msg":"x","stack":"mean"}`:                                  {body: "x", attrs: map[string]any{"stack": "mean"}},
	} {
		want.equal(t, parse(line, true), line)
	}
}

func TestParser_ReadsTextLoggers(t *testing.T) {
	for line, want := range map[string]record{
		"2026-11-21 02:08:36.735 [notifier] info: ready trace_id=" + traceID + " span_id=" + spanID: {level: "info", number: 9, time: "2026-11-21T02:08:36.735Z", trace: traceID, span: spanID},
		"2026-11-21 02:08:44.067 [notifier] \x1b[32minfo\x1b[39m: \x1b[32mready\x1b[39m":            {level: "info", number: 9, time: "2026-11-21T02:08:44.067Z"},
		"2026-11-21T02:08:36Z ERROR: capital":                                                       {level: "ERROR", number: 17, time: "2026-11-21T02:08:36Z"},
		"[2026-11-21T02:08:36.735] [INFO] default - log4js":                                         {level: "INFO", number: 9, time: "2026-11-21T02:08:36.735Z"},
		"\x1b[91m[2026-11-21T02:08:36.735] [ERROR] default - \x1b[39mcoloured":                      {level: "ERROR", number: 17, time: "2026-11-21T02:08:36.735Z"},
		"info: simple":                                    {level: "info", number: 9},
		"\x1b[31merror\x1b[39m: simple":                   {level: "error", number: 17},
		"silly: simple {\"a\":1}":                         {level: "silly", number: 1},
		"request done trace_id=" + traceID:                {trace: traceID},
		"trace_id=" + traceID + "00 too long":             {},
		"[2026-11-21T02:08:36.735Z] INFO  user logged in": {level: "INFO", number: 9, time: "2026-11-21T02:08:36.735Z"},
		"WARN: slow query":                                {level: "WARN", number: 13},
		// A time without a level.
		"2026-11-21 02:08:36 plain words: follow":    {time: "2026-11-21T02:08:36Z"},
		"[21/Nov/2026:02:09:22 +0000] \"GET /\" 200": {time: "2026-11-21T02:09:22Z"},
		// Not the forms of a logger.
		"note: nothing": {},
		"":              {},
		"[":             {},
		"\x1b":          {},
	} {
		want.body = line
		want.equal(t, parse(line, true), line)
	}
}

func TestParser_BelievesTheSimpleFormFromTheSecondLineOn(t *testing.T) {
	p := New(Settings{JSON: true, Location: time.UTC})
	for i, want := range []plog.SeverityNumber{plog.SeverityNumberUnspecified, plog.SeverityNumberInfo, plog.SeverityNumberInfo} {
		rec := plog.NewLogRecord()
		p.Parse([]byte("info: by chance?"), []byte("info: by chance?"), rec, slab.New(slab.Usage{}))
		assert.Equal(t, want, rec.SeverityNumber(), i)
	}
}

func TestParser_KeepsJSONAsTextIfConfigured(t *testing.T) {
	line := `{"level":30,"msg":"x"}`
	rec := parse(line, false)
	assert.Equal(t, line, rec.Body().Str())
	assert.Equal(t, pcommon.NewMap().AsRaw(), rec.Attributes().AsRaw())
}
