// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/ansi"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/quoted"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
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
		if f, rest, ok = p.nextPair(rest, mem); !ok || len(all) == maxPairs {
			return false
		}
		if f.row = known.of(f.name); f.row != 0 {
			switch r := &rows[f.row]; r.role {
			case roleLevel:
				if _, is := severity.FromText(mem.String(f.value)); is {
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
	// In the order of the table, as fields of JSON.
	timed := false
	var ctx traceContext
	for row := 1; row < len(rows); row++ {
		for i := range all {
			f := &all[i]
			if int(f.row) != row || f.used || len(f.value) == 0 {
				continue
			}
			switch r := &rows[row]; r.role {
			case roleTime:
				if !timed {
					timed = p.timePair(f, all, rec)
				}
			case roleTrace:
				f.used = ctx.add(r, f.value, true, rec)
			default:
				usePair(r, f, rec, mem)
			}
		}
		if rows[row].role > roleException {
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

// usePair sets the level, the message or the exception that a pair means, if no other pair
// has set it.
func usePair(r *row, f *pair, rec plog.LogRecord, mem *slab.Slab) {
	switch r.role {
	case roleLevel:
		if n, ok := severity.FromText(mem.String(f.value)); ok && rec.SeverityNumber() == 0 {
			rec.SetSeverityNumber(n)
			rec.SetSeverityText(severity.Clean(mem.String(f.value)))
			f.used = true
		}
	case roleBody:
		if rec.Body().Type() == pcommon.ValueTypeEmpty && (!r.weak || r.name == "event") {
			mem.SetStr(rec.Body(), mem.String(f.value))
			f.used = true
		}
	case roleException:
		if !r.mayBeStack() || rec.Attributes().Len() > 0 {
			return
		}
		var e thrown
		if e.text(f.value, r.kind == kindStack, mem) {
			e.put(rec.Attributes(), mem)
			f.used = true
		}
	}
}

// timePair sets the time of a record to that of a pair, and reports whether it did.
func (p *Parser) timePair(f *pair, all []pair, rec plog.LogRecord) bool {
	now := int64(rec.ObservedTimestamp())
	nanos, isNumber, ok := p.timeOf(f.row, f.value, true, now)
	if !ok || rows[f.row].weak && !p.near(nanos, int64(rec.Timestamp()), now) {
		return false
	}
	if isNumber && rows[f.row].kind == kindSeconds {
		for i := range all {
			g := &all[i]
			if rows[g.row].kind != kindNanos || len(g.value) == 0 {
				continue
			}
			if n, ok := integer(g.value); ok && n >= 0 && n < 1e9 {
				nanos += n
				g.used = true
			}
			break
		}
	}
	rec.SetTimestamp(pcommon.Timestamp(nanos))
	f.used = true
	return true
}

func keyLen(b []byte) int {
	n := 0
	for n < len(b) && (letter(b[n]) || b[n] == '_' || b[n] == '@' || n > 0 && (b[n]-'0' <= 9 || b[n] == '.' || b[n] == '-' || b[n] == '/')) {
		n++
	}
	return n
}

// nextPair reads key=value or key="value" and the blanks behind it.
func (p *Parser) nextPair(b []byte, mem *slab.Slab) (f pair, rest []byte, ok bool) {
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
			if f.value, ok = p.unquote(b[:end+2], mem); !ok {
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

// unquote decodes a quoted value with JSON's escapes, or else with Go's, which slog and
// logrus write. Bytes that are not UTF-8 are replaced. Colors are removed if the parser
// strips them.
func (p *Parser) unquote(b []byte, mem *slab.Slab) ([]byte, bool) {
	value, _, ok := quoted.Unquote(b[1:], mem.Text)
	if !ok {
		s, err := strconv.Unquote(string(b))
		if err != nil {
			return nil, false
		}
		value = mem.Text.Copy([]byte(strings.ToValidUTF8(s, "\uFFFD")))
	}
	if p.set.Strip && bytes.IndexByte(value, ansi.Escape) >= 0 {
		value = mem.Text.Keep(ansi.Strip(value, mem.Text.Reserve))
	}
	return value, true
}

// plainInteger reads a value that is an integer as a program writes it.
func plainInteger(f *pair) (int64, bool) {
	v := f.value
	if f.quoted || len(v) == 0 || len(v) > 18 || v[0] == '0' && len(v) > 1 || v[0] == '-' && (len(v) == 1 || v[1] == '0') {
		return 0, false
	}
	return integer(v)
}
