// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/quoted"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// maxPairs bounds the pairs of a logfmt line.
const maxPairs = 128

// pair is a field of a logfmt line.
type pair struct {
	name, value []byte
	quoted      bool
	row         uint8
	used        bool
}

// logfmt reads a line that is nothing but key=value, of which two are a level that is
// known, a time and a message. It reports false for any other.
func (p *Parser) logfmt(line []byte, rec plog.LogRecord, mem *slab.Slab) bool {
	n := keyLen(line)
	if n == 0 || n >= len(line) || line[n] != '=' {
		return false
	}
	// What cannot be it is not read to its end.
	if bytes.IndexByte(line[n:], ' ') < 0 {
		return false
	}
	var space [32]pair
	all := space[:0]
	levels, times, messages := 0, 0, 0
	for rest := line; len(rest) > 0; {
		var f pair
		var ok bool
		if f, rest, ok = nextPair(rest, mem); !ok || len(all) == maxPairs {
			return false
		}
		if f.row = known.of(f.name); f.row != 0 {
			switch r := &rows[f.row]; r.role {
			case roleLevel:
				if _, is := severity.FromText(string(f.value)); is {
					levels++
				}
			case roleTime:
				times++
			case roleBody:
				if !r.weak || r.name == "event" {
					messages++
				}
			}
		}
		all = append(all, f)
	}
	if min(levels, 1)+min(times, 1)+min(messages, 1) < 2 {
		return false
	}
	now := int64(rec.ObservedTimestamp())
	// In the order of the table, as fields of JSON.
	for row := 1; row < len(rows); row++ {
		for i := range all {
			if f := &all[i]; int(f.row) == row && !f.used {
				p.usePair(f, now, rec, mem)
			}
		}
		if rows[row].role > roleTrace {
			break
		}
	}
	attrs := rec.Attributes()
	for i := range all {
		f := &all[i]
		if f.used {
			continue
		}
		if n, ok := plainInteger(f); ok {
			mem.PutInt(attrs, mem.String(f.name), n)
		} else {
			mem.PutStr(attrs, mem.String(f.name), mem.String(f.value))
		}
	}
	return true
}

// usePair sets what a pair means, if nothing has set it yet.
func (p *Parser) usePair(f *pair, now int64, rec plog.LogRecord, mem *slab.Slab) {
	value := f.value
	if len(value) == 0 {
		return
	}
	switch r := &rows[f.row]; r.role {
	case roleLevel:
		if n, ok := severity.FromText(string(value)); ok && rec.SeverityNumber() == 0 {
			rec.SetSeverityNumber(n)
			rec.SetSeverityText(severity.Clean(mem.String(value)))
			f.used = true
		}
	case roleTime:
		if rec.Timestamp() != 0 && f.used {
			return
		}
		t, ok := timeparse.Parse(value, p.set.Location)
		if ok = ok && t.Len == len(value) && t.Nanos != 0; !ok && value[0]-'0' <= 9 && len(value) < 32 {
			t.Nanos, ok = number(value)
			ok = ok && timeparse.Plausible(t.Nanos, now, true)
		}
		if ok && timeparse.Plausible(t.Nanos, now, false) {
			rec.SetTimestamp(pcommon.Timestamp(t.Nanos))
			f.used = true
		}
	case roleBody:
		if rec.Body().Type() == pcommon.ValueTypeEmpty && (!r.weak || r.name == "event") {
			mem.SetStr(rec.Body(), mem.String(value))
			f.used = true
		}
	case roleTrace:
		f.used = tracePair(r.kind, value, rec)
	}
}

func tracePair(k kind, value []byte, rec plog.LogRecord) bool {
	switch k {
	case kindTrace, kindDecimalTrace:
		id, exact, ok := readTraceID(value, k == kindDecimalTrace)
		if ok && rec.TraceID().IsEmpty() {
			rec.SetTraceID(id)
			return exact
		}
	case kindSpan, kindDecimalSpan:
		id, exact, ok := readSpanID(value, k == kindDecimalSpan)
		if ok && rec.SpanID().IsEmpty() {
			rec.SetSpanID(id)
			return exact
		}
	case kindTransaction:
		if id, _, ok := readSpanID(value, false); ok && !rec.TraceID().IsEmpty() && rec.SpanID().IsEmpty() {
			rec.SetSpanID(id)
		}
	case kindB3, kindJaeger, kindXRay, kindCloud:
		if c, ok := readHeader(value, k); ok && rec.TraceID().IsEmpty() {
			c.set(rec)
		}
	case kindFlags:
		if flags, ok := traceFlags(value, true); ok {
			rec.SetFlags(flags)
			return true
		}
	case kindParent:
		return rec.TraceID().IsEmpty() && setParent(rec, value)
	}
	return false
}

func keyLen(b []byte) int {
	n := 0
	for n < len(b) && (letter(b[n]) || b[n] == '_' || b[n] == '@' || n > 0 && (b[n]-'0' <= 9 || b[n] == '.' || b[n] == '-' || b[n] == '/')) {
		n++
	}
	return n
}

// nextPair reads key=value or key="value" and the blanks behind it.
func nextPair(b []byte, mem *slab.Slab) (f pair, rest []byte, ok bool) {
	n := keyLen(b)
	if n == 0 || n > 128 || n >= len(b) || b[n] != '=' {
		return f, nil, false
	}
	f.name = b[:n:n]
	b = b[n+1:]
	if len(b) > 0 && b[0] == '"' {
		end, escaped := quoted.End(b[1:])
		if end < 0 {
			return f, nil, false
		}
		f.value, f.quoted = b[1:end+1:end+1], true
		if escaped {
			if f.value, _, ok = quoted.Unquote(b[1:end+2], mem.Text); !ok {
				return f, nil, false
			}
		}
		b = b[end+2:]
	} else {
		end := bytes.IndexByte(b, ' ')
		if end < 0 {
			end = len(b)
		}
		f.value = bytes.TrimRight(b[:end:end], "\r")
		if bytes.IndexByte(f.value, '"') >= 0 {
			return f, nil, false
		}
		b = b[end:]
	}
	if len(b) > 0 && b[0] != ' ' && b[0] != '\r' {
		return f, nil, false
	}
	return f, bytes.Trim(b, " \r"), true
}

// plainInteger reads a value that is an integer as a program writes it.
func plainInteger(f *pair) (int64, bool) {
	v := f.value
	if f.quoted || len(v) == 0 || len(v) > 18 || v[0] == '0' && len(v) > 1 || v[0] == '-' && (len(v) == 1 || v[1] == '0') {
		return 0, false
	}
	return integer(v)
}
