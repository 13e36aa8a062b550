// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// trace sets the trace context from the first fields that have one.
func (w *walker) trace(rec plog.LogRecord) {
	var c traceContext
	for set := w.roles[roleTrace]; set != 0; {
		f := &w.found[w.next(&set)]
		text, isText := w.str(f)
		if !isText {
			text = w.raw(f)
		}
		f.used = c.add(&rows[f.row], text, isText, rec)
	}
}

// traceContext is what the fields of a line have set of the trace context. It is used for
// one line.
type traceContext struct {
	hasTrace, hasSpan, hasFlags bool
	// family is the family of the field that set the trace.
	family family
}

// add sets what a field holds, unless an earlier field has set it. It reports whether the
// record now has all that the field holds. A span of another family than the trace is not
// set: the two may not belong together.
func (c *traceContext) add(r *row, text []byte, isText bool, rec plog.LogRecord) (used bool) {
	if len(text) == 0 {
		return false
	}
	switch r.kind {
	case kindTrace, kindDecimalTrace:
		decimal := r.kind == kindDecimalTrace
		if c.hasTrace || !isText && !decimal {
			return false
		}
		id, exact, ok := readTraceID(text, decimal)
		if ok {
			rec.SetTraceID(id)
			c.hasTrace, c.family = true, r.family
		}
		return ok && exact
	case kindSpan, kindDecimalSpan, kindTransaction:
		decimal := r.kind == kindDecimalSpan
		if c.hasSpan || c.hasTrace && c.family != r.family || !c.hasTrace && r.kind == kindTransaction || !isText && !decimal {
			return false
		}
		id, exact, ok := readSpanID(text, decimal)
		if ok {
			rec.SetSpanID(id)
			c.hasSpan = true
		}
		return ok && exact && r.kind != kindTransaction
	case kindB3, kindJaeger, kindXRay, kindCloud:
		if c.hasTrace || !isText {
			return false
		}
		if h, ok := readHeader(text, r.kind); ok {
			c.hasTrace, c.hasSpan, c.hasFlags = true, c.hasSpan || !h.span.IsEmpty(), c.hasFlags || h.flagged
			c.family = r.family
			h.set(rec)
		}
	case kindFlags:
		if flags, ok := traceFlags(text, isText); ok && !c.hasFlags {
			rec.SetFlags(flags)
			c.hasFlags = true
			return true
		}
	case kindSampled:
		if sampled, ok := readSampled(text); ok {
			if !c.hasFlags && sampled {
				rec.SetFlags(1)
			}
			c.hasFlags = true
			return true
		}
	case kindParent:
		if !c.hasTrace && isText {
			c.hasTrace = setParent(rec, text)
			return c.hasTrace
		}
	}
	return false
}

// readSampled reads whether a trace is sampled.
func readSampled(text []byte) (sampled, ok bool) {
	switch string(text) {
	case "true", "True", "1":
		return true, true
	case "false", "False", "0":
		return false, true
	}
	return false, false
}

// headerContext is what a header of a vendor says.
type headerContext struct {
	trace            pcommon.TraceID
	span             pcommon.SpanID
	sampled, flagged bool
}

func (c *headerContext) set(rec plog.LogRecord) {
	rec.SetTraceID(c.trace)
	if !c.span.IsEmpty() {
		rec.SetSpanID(c.span)
	}
	if c.sampled {
		rec.SetFlags(1)
	}
}

// readHeader reads the header of B3 and Sentry (trace-span-1-parent), Jaeger
// (trace:span:parent:flags), X-Ray (Root=…;Parent=…;Sampled=1) or Google
// (trace/span;o=1, the span in decimal). The field stays an attribute, since it says more
// than a record has fields for.
func readHeader(text []byte, k kind) (c headerContext, ok bool) {
	switch k {
	case kindXRay:
		for len(text) > 0 {
			var part []byte
			part, text, _ = bytes.Cut(text, []byte(";"))
			name, value, _ := bytes.Cut(bytes.TrimSpace(part), []byte("="))
			switch string(name) {
			case "Root":
				c.trace, _, ok = readTraceID(value, false)
			case "Parent":
				c.span, _, _ = readSpanID(value, false)
			case "Sampled":
				c.flagged, c.sampled = true, string(value) == "1"
			}
		}
		return c, ok
	case kindCloud:
		trace, rest, found := bytes.Cut(text, []byte("/"))
		span, options, _ := bytes.Cut(rest, []byte(";"))
		if c.trace, _, ok = readTraceID(trace, false); ok && found {
			c.span, _, _ = readSpanID(span, true)
		}
		c.flagged, c.sampled = len(options) > 0, string(options) == "o=1"
		return c, ok && len(trace) == 32
	case kindJaeger:
		var parts [4][]byte
		if !split(text, ':', parts[:], 4) {
			return c, false
		}
		if c.trace, _, ok = readTraceID(padded64(parts[0]), false); !ok {
			return c, false
		}
		c.span, _, ok = readSpanID(parts[1], false)
		flags, err := strconv.ParseUint(string(parts[3]), 16, 8)
		c.flagged, c.sampled = err == nil, flags&1 != 0
		return c, ok
	}
	var parts [4][]byte
	if !split(text, '-', parts[:], 2) {
		return c, false
	}
	if c.trace, _, ok = readTraceID(parts[0], false); !ok {
		return c, false
	}
	c.span, _, ok = readSpanID(parts[1], false)
	c.flagged, c.sampled = len(parts[2]) > 0, string(parts[2]) == "1" || string(parts[2]) == "d"
	return c, ok
}

// split cuts text at each sep into parts, of which there must be at least least.
func split(text []byte, sep byte, parts [][]byte, least int) bool {
	n := 0
	for ; n < len(parts); n++ {
		i := bytes.IndexByte(text, sep)
		if i < 0 {
			parts[n] = text
			return n+1 >= least
		}
		parts[n], text = text[:i], text[i+1:]
	}
	return false
}

// padded64 returns a trace of Jaeger, who leaves out zeros at the beginning, with them.
func padded64(b []byte) []byte {
	const zeros = "00000000000000000000000000000000"
	switch n := len(b); {
	case n == 0 || n == 16 || n >= 32:
		return b
	case n < 16:
		return append([]byte(zeros[:16-n]), b...)
	default:
		return append([]byte(zeros[:32-n]), b...)
	}
}

// traceFlags reads W3C's flags: two hexadecimal digits, or a number.
func traceFlags(text []byte, isText bool) (plog.LogRecordFlags, bool) {
	var flags [1]byte
	if isText && decodeHex(flags[:], text) {
		return plog.LogRecordFlags(flags[0]), true
	}
	if isText && len(text) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text), 10, 8)
	return plog.LogRecordFlags(n), err == nil
}

// setParent reads W3C's traceparent: version, trace, span and flags.
func setParent(rec plog.LogRecord, text []byte) bool {
	if len(text) < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' || len(text) > 55 && text[55] != '-' {
		return false
	}
	var version, flags [1]byte
	var t pcommon.TraceID
	var s pcommon.SpanID
	if !decodeHex(version[:], text[:2]) || version[0] == 0xff || !decodeHex(t[:], text[3:35]) || !decodeHex(s[:], text[36:52]) ||
		!decodeHex(flags[:], text[53:55]) || t.IsEmpty() || s.IsEmpty() {
		return false
	}
	rec.SetTraceID(t)
	rec.SetSpanID(s)
	rec.SetFlags(plog.LogRecordFlags(flags[0]))
	return true
}

// readTraceID reads a trace: 32 hexadecimal digits, 16 of them for one of 64 bits, X-Ray's
// form, Google's projects/…/traces/…, or Datadog's decimal number. exact says whether the
// text says no more than the ID.
func readTraceID(text []byte, decimal bool) (id pcommon.TraceID, exact, ok bool) {
	switch {
	case decodeHex(id[:], text):
		return id, !decimal, !id.IsEmpty()
	case decimal:
		n, err := strconv.ParseUint(string(text), 10, 64)
		binary.BigEndian.PutUint64(id[8:], n)
		return id, false, err == nil && n != 0
	case len(text) == 16 && decodeHex(id[8:], text):
		return id, true, !id.IsEmpty()
	case len(text) == 35 && text[0] == '1' && text[1] == '-' && text[10] == '-':
		return id, false, decodeHex(id[:4], text[2:10]) && decodeHex(id[4:], text[11:]) && !id.IsEmpty()
	}
	if at := bytes.LastIndex(text, []byte("/traces/")); at > 0 {
		return id, false, decodeHex(id[:], text[at+len("/traces/"):]) && !id.IsEmpty()
	}
	return pcommon.TraceID{}, false, false
}

// readSpanID reads a span: 16 hexadecimal digits, or Datadog's decimal number.
func readSpanID(text []byte, decimal bool) (id pcommon.SpanID, exact, ok bool) {
	if decimal {
		n, err := strconv.ParseUint(string(text), 10, 64)
		binary.BigEndian.PutUint64(id[:], n)
		return id, false, err == nil && n != 0
	}
	return id, true, decodeHex(id[:], text) && !id.IsEmpty()
}

func decodeHex(dst, src []byte) bool {
	if len(src) != 2*len(dst) {
		return false
	}
	for i := range dst {
		high, low := nibble[src[2*i]], nibble[src[2*i+1]]
		if high|low > 0xf0 {
			return false
		}
		dst[i] = (high-1)<<4 | (low - 1)
	}
	return true
}

// nibble holds one more than the value of each hexadecimal digit, and 0xff for
// everything else.
var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i) + 1
		t[bytes.ToUpper([]byte{c})[0]] = byte(i) + 1
	}
	return t
}()
