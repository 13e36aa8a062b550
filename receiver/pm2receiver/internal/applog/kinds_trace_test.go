// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const (
	traceA, spanA = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	traceB, spanB = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	half          = "4bf92f3577b34da6"
	padded16      = "0000000000000000" + half
)

func TestTrace_SpellingsInText(t *testing.T) {
	for _, c := range []struct{ line, trace, span, flags string }{
		{"TRACE_ID=" + traceA + " SPAN_ID=" + spanA + " hi", traceA, spanA, "0"},
		{"TRACE-ID: " + traceA, traceA, "", "0"},
		{"x [TraceID: " + traceA + "] [SpanID: " + spanA + "]", traceA, spanA, "0"},
		{"x [TraceId=" + strings.ToUpper(traceA) + "]", traceA, "", "0"},
		{"x otelTraceID=" + traceA + " otelSpanID=" + spanA, traceA, spanA, "0"},
		{"x trace_id = " + traceA + ", span_id = " + spanA, traceA, spanA, "0"},
		{"x trace=" + traceA + " span=" + spanA, traceA, spanA, "0"},
		{"x trace: " + traceA, traceA, "", "0"},
		{"x trace.id=" + traceA + " span.id=" + spanA, traceA, spanA, "0"},
		{"x traceId:" + half, padded16, "", "0"},
		{`x "trace_id":"` + traceA + `","span_id":"` + spanA + `"`, traceA, spanA, "0"},
		{"x {trace_id=\"" + traceA + "\" span_id=\"" + spanA + "\"}", traceA, spanA, "0"},
		{"x logging.googleapis.com/trace=projects/p/traces/" + traceA, traceA, "", "0"},
		{"X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1", "67891233abcdef012345678912345678", "53995c3f42cd8ad8", "1"},
		{"x-amzn-trace-id=Root=1-67891233-abcdef012345678912345678", "67891233abcdef012345678912345678", "", "0"},
		{"x traceparent: 00-" + traceA + "-" + spanA + "-01 done", traceA, spanA, "1"},
		{"2026-11-21 14:08:36,735 INFO [app] [app.py:1] [trace_id=" + traceA + " span_id=" + spanA + " resource.service.name=shop trace_sampled=True] - hi", traceA, spanA, "1"},
		{"x trace_id=" + traceA + " trace_sampled=False", traceA, "", "0"},
		{"x trace_id=" + traceA + " span_id=" + spanA + " trace_flags=01", traceA, spanA, "1"},
		{"2026-11-21 14:08:36.735 ERROR [shop," + half + "," + spanA + ",true] 1 --- [main] x : y", padded16, spanA, "1"},
		{"2026-11-21 14:08:36.735 ERROR [shop," + half + "," + spanA + "] 1 --- [main] x : y", padded16, spanA, "0"},
		{"2026-11-21 14:08:36.735 ERROR [shop," + traceA + "," + spanA + ",false] 1 --- [main] x : y", traceA, spanA, "0"},
		{"2026-11-21 14:08:36.735 ERROR [" + traceA + "-" + spanA + "] x : y", traceA, spanA, "0"},
		{"x dd.trace_id=1234567890123456789 dd.span_id=987654321", "0000000000000000112210f47de98115", "000000003ade68b1", "0"},
		{"x trace_id=" + traceA + " dd.trace_id=1234567890123456789 dd.span_id=987654321", traceA, "", "0"},

		// The trace of a client, of a sample, and what is no trace.
		{"GET /orders?trace_id=" + traceA + " 200 3.456 ms - 512", "", "", "0"},
		{" GET /x?a=1&trace_id=" + traceA + " 200 in 12ms", "", "", "0"},
		{"[2026-11-21T02:08:36.735] [INFO] http - GET /x?traceId=" + traceA + " 200 3ms", "", "", "0"},
		{"curl http://j/?a=b&traceID=" + traceA, "", "", "0"},
		{`foo_bucket{le="0.1"} 8 # {trace_id="` + traceA + `"} 0.054`, "", "", "0"},
		{"x parent_trace_id_of=" + traceA, "", "", "0"},
		{"x trace=on span=wide", "", "", "0"},
		{"x trace: " + half, "", "", "0"},
		{"x backtrace=" + traceA, "", "", "0"},
		{"2026-11-21 14:08:36.735 ERROR [shop," + half + "," + spanA + ",maybe] x : y", "", "", "0"},
		{"2026-11-21 14:08:36.735 ERROR [" + half + "-" + spanA + "] x : y", "", "", "0"},
	} {
		rec := parseAt(newParser(), c.line, time.Time{})
		assert.Equal(t, c.trace, rec.TraceID().String(), c.line)
		assert.Equal(t, c.span, rec.SpanID().String(), c.line)
		assert.Equal(t, c.flags, fmt.Sprint(rec.Flags()), c.line)
	}
}

func TestTrace_SpellingsInJSONAndLogfmt(t *testing.T) {
	both := `"traceId":"` + traceA + `","spanId":"` + spanA + `","traceFlags":1`
	for _, c := range []struct{ fields, trace, span, flags, rest string }{
		{`"trace":"` + traceA + `","span":"` + spanA + `"`, traceA, spanA, "0", `{}`},
		{`"trace":"projects/p/traces/` + traceA + `"`, traceA, "", "0", `{"trace":"projects/p/traces/` + traceA + `"}`},
		{`"trace":"on","span":"wide"`, "", "", "0", `{"span":"wide","trace":"on"}`},
		{`"trace":"` + half + `"`, "", "", "0", `{"trace":"` + half + `"}`},
		{`"spanContext":{` + both + `}`, traceA, spanA, "1", `{}`},
		{`"trace_context":{` + both + `}`, traceA, spanA, "1", `{}`},
		{`"trace":{` + both + `}`, traceA, spanA, "1", `{}`},
		{`"otel":{` + both + `}`, traceA, spanA, "1", `{}`},
		{`"meta":{` + both + `,"user":7}`, traceA, spanA, "1", `{"meta":{"user":7}}`},
		{`"extra":{` + both + `}`, traceA, spanA, "1", `{}`},
		{`"X-Trace-Id":"` + traceA + `","x-span-id":"` + spanA + `"`, traceA, spanA, "0", `{}`},
		{`"headers":{"traceparent":"00-` + traceA + `-` + spanA + `-01","host":"a"}`, traceA, spanA, "1", `{"headers":{"host":"a"}}`},
		{`"context":{"traceparent":"00-` + traceA + `-` + spanA + `-01"}`, traceA, spanA, "1", `{}`},
		{`"headers":{"X-B3-TraceId":"` + traceA + `","X-B3-SpanId":"` + spanA + `","X-B3-Sampled":"1"}`, traceA, spanA, "1", `{}`},

		// Spans of other propagations.
		{`"trace_id":"` + traceA + `","dd.trace_id":"1234567890123456789","dd.span_id":"987654321"`, traceA, "", "0", `{"dd.span_id":"987654321","dd.trace_id":"1234567890123456789"}`},
		{`"dd":{"trace_id":"1234567890123456789","span_id":"987654321"},"trace_id":"` + traceA + `"`, traceA, "", "0", `{"dd":{"span_id":"987654321","trace_id":"1234567890123456789"}}`},
		{`"dd":{"trace_id":"1234567890123456789","span_id":"987654321"}`, "0000000000000000112210f47de98115", "000000003ade68b1", "0", `{"dd":{"span_id":"987654321","trace_id":"1234567890123456789"}}`},
		{`"trace_id":"` + traceA + `","x-b3-traceid":"` + traceB + `","x-b3-spanid":"` + spanB + `"`, traceA, "", "0", `{"x-b3-spanid":"` + spanB + `","x-b3-traceid":"` + traceB + `"}`},
		{`"x-b3-traceid":"` + traceB + `","x-b3-spanid":"` + spanB + `","span_id":"` + spanA + `"`, traceB, spanB, "0", `{"span_id":"` + spanA + `"}`},
	} {
		line := `{"level":30,"msg":"m",` + c.fields + `}`
		rec := parseAt(newParser(), line, time.Time{})
		assert.Equal(t, c.trace, rec.TraceID().String(), line)
		assert.Equal(t, c.span, rec.SpanID().String(), line)
		assert.Equal(t, c.flags, fmt.Sprint(rec.Flags()), line)
		assert.JSONEq(t, c.rest, jsonOf(t, rec), line)
	}
	for _, c := range []struct{ fields, trace, span, flags string }{
		{"trace_id=" + traceA + " span_id=" + spanA + " trace_sampled=True", traceA, spanA, "1"},
		{"traceID=" + traceA + " spanID=" + spanA + " trace_flags=01", traceA, spanA, "1"},
		{"trace_id=" + traceA + " dd.trace_id=1234567890123456789 dd.span_id=987654321", traceA, "", "0"},
		{"dd.trace_id=1234567890123456789 dd.span_id=987654321", "0000000000000000112210f47de98115", "000000003ade68b1", "0"},
		{"trace_id=1234567890123456 span_id=1234567890123456", "00000000000000001234567890123456", "1234567890123456", "0"},
		{"traceparent=00-" + traceA + "-" + spanA + "-01", traceA, spanA, "1"},
	} {
		line := "level=info msg=m " + c.fields
		rec := parseAt(newParser(), line, time.Time{})
		assert.Equal(t, c.trace, rec.TraceID().String(), line)
		assert.Equal(t, c.span, rec.SpanID().String(), line)
		assert.Equal(t, c.flags, fmt.Sprint(rec.Flags()), line)
	}
}
