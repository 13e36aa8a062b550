package applog

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// trace sets the trace context from the first fields that have one.
func (w *walker) trace(rec plog.LogRecord) {
	var buf [maxFound]uint8
	hasTrace, hasSpan, hasFlags := false, false, false
	for _, i := range w.of(roleTrace, buf[:0]) {
		f := &w.found[i]
		text, isText := w.str(f)
		if !isText {
			text = w.raw(f)
		}
		switch k := rows[f.row].kind; k {
		case kindTrace, kindDecimalTrace:
			if hasTrace {
				continue
			}
			id, exact, ok := readTraceID(text, k == kindDecimalTrace)
			if ok && (isText || k == kindDecimalTrace) {
				rec.SetTraceID(id)
				hasTrace, f.used = true, exact
			}
		case kindSpan, kindDecimalSpan:
			if hasSpan {
				continue
			}
			id, exact, ok := readSpanID(text, k == kindDecimalSpan)
			if ok && (isText || k == kindDecimalSpan) {
				rec.SetSpanID(id)
				hasSpan, f.used = true, exact
			}
		case kindFlags:
			if flags, ok := traceFlags(text, isText); ok && !hasFlags {
				rec.SetFlags(flags)
				hasFlags, f.used = true, true
			}
		case kindSampled:
			if string(text) == "true" || string(text) == "True" || string(text) == "false" || string(text) == "False" {
				if !hasFlags && text[0]|0x20 == 't' {
					rec.SetFlags(1)
				}
				hasFlags, f.used = true, true
			}
		case kindParent:
			if !hasTrace && isText {
				f.used = setParent(rec, text)
				hasTrace = f.used
			}
		}
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
	n, err := strconv.ParseUint(arena.String(text), 10, 8)
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
		n, err := strconv.ParseUint(arena.String(text), 10, 64)
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
		n, err := strconv.ParseUint(arena.String(text), 10, 64)
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
