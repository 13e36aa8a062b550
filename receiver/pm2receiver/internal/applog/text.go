// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/ansi"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// headSize is how much of a line is searched for the time and level of a text
// logger.
const headSize = 192

// text reads a line of a text logger, which has no colours any more, and says whether it
// is logfmt. Only then it sets the body, and attributes whose names are in the line.
func (p *Parser) text(line []byte, rec plog.LogRecord, mem *slab.Slab) (isLogfmt bool) {
	if len(line) == 0 {
		return false
	}
	now := int64(rec.ObservedTimestamp())
	c := line[0]
	if letter(c) && p.logfmt(line, rec, mem) {
		return true
	}
	h := head{}
	shown := shown(line)
	if len(shown) > 0 && headFirst[shown[0]] {
		h = p.head(shown[:min(len(shown), headSize)])
		p.use(&h, now, rec, mem)
	}
	if (accessFirst[c] || h.at > 0) && p.access(shown, &h, rec, mem) {
		// What is in quotes is the client's.
		textTrace(shown[bytes.LastIndexByte(shown, '"')+1:], rec)
		return false
	}
	textTrace(line, rec)
	if h.timed && h.number != 0 && rec.TraceID().IsEmpty() {
		bracketTrace(shown, rec)
	}
	return false
}

// shown returns what a terminal shows of a line: what follows the last carriage
// return, but for one at the end.
func shown(line []byte) []byte {
	b := line[:min(len(line), maxShown)]
	if bytes.IndexByte(b, '\r') < 0 {
		return line
	}
	if n := len(b); len(line) == n && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return line[bytes.LastIndexByte(b, '\r')+1:]
}

// maxShown is how far a line is searched for carriage returns.
const maxShown = 4 << 10

// use sets what the head of a line says.
func (p *Parser) use(h *head, now int64, rec plog.LogRecord, mem *slab.Slab) {
	if h.nanos != 0 && (h.number != 0 || h.seconds) && timeparse.Plausible(h.nanos, now, false) {
		setTime(rec, h.nanos)
	}
	if h.simple {
		if p.simple == 0 && string(h.word) == "http" { // a key of settings more often
			return
		}
		if p.simple++; p.simple < 2 {
			return
		}
	}
	if h.number != 0 {
		rec.SetSeverityNumber(h.number)
		rec.SetSeverityText(mem.String(h.word))
	}
}

// setTime sets the time of a line of text, unless it has no fraction of a second and PM2's
// time is within that second.
func setTime(rec plog.LogRecord, nanos int64) {
	if behind := int64(rec.Timestamp()) - nanos; nanos%second != 0 || behind < 0 || behind >= second {
		rec.SetTimestamp(pcommon.Timestamp(nanos))
	}
}

const second = int64(1e9)

// Leads reports whether a line is a logger's warning or error, which a trace may follow, and
// whether it is an error with a time, so that such a trace can only belong to that line.
func (p *Parser) Leads(line []byte) (leads, surely bool) {
	if len(line) == 0 || !headFirst[line[0]] && line[0] != ansi.Escape {
		return false, false
	}
	h := p.plainHead(line)
	leads = h.number >= plog.SeverityNumberWarn && (!h.simple || p.simple > 0)
	return leads, leads && h.timed && h.number >= plog.SeverityNumberError
}

// Starts says whether a line is a logger's: it has a level, or the second that it was
// written.
func (p *Parser) Starts(line []byte) bool {
	if len(line) == 0 || !headFirst[line[0]] && line[0] != ansi.Escape {
		return false
	}
	h := p.plainHead(line)
	return h.number != 0 && (!h.simple || p.simple > 0) || h.seconds
}

// plainHead reads the head of a line that may have colours.
func (p *Parser) plainHead(line []byte) head {
	line = line[:min(len(line), headSize)]
	if bytes.IndexByte(line, ansi.Escape) >= 0 {
		var space [headSize]byte
		if line = ansi.Append(space[:0], line, headSize); len(line) == 0 {
			return head{}
		}
	}
	return p.head(line)
}

// textTrace finds trace_id=… and what is spelled like it.
func textTrace(line []byte, rec plog.LogRecord) {
	hasTrace := false
	for from, tries := 0, 0; tries < maxTries; tries++ {
		i := bytes.Index(line[from:], race)
		if i < 0 {
			break
		}
		at := from + i
		from = at + len(race)
		if at == 0 || line[at-1]|0x20 != 't' {
			continue
		}
		decimal, ok := keyBegins(line, at-1)
		if !ok {
			continue
		}
		rest := line[from:]
		if bytes.HasPrefix(rest, parent) && !decimal {
			if value := valueOf(rest[len(parent):], false); len(value) > 0 && setParent(rec, value) {
				return
			}
			continue
		}
		if rest, ok = idEnds(rest); !ok {
			continue
		}
		value := valueOf(rest, decimal)
		if id, _, read := readTraceID(value, decimal); read {
			rec.SetTraceID(id)
			hasTrace = true
			break
		}
	}
	if !hasTrace {
		return
	}
	for from, tries := 0, 0; tries < maxTries; tries++ {
		i := bytes.Index(line[from:], pan)
		if i < 0 {
			break
		}
		at := from + i
		from = at + len(pan)
		if at == 0 || line[at-1]|0x20 != 's' {
			continue
		}
		decimal, ok := keyBegins(line, at-1)
		if !ok {
			continue
		}
		rest, ok := idEnds(line[from:])
		if !ok {
			continue
		}
		if id, _, read := readSpanID(valueOf(rest, decimal), decimal); read {
			rec.SetSpanID(id)
			break
		}
	}
	if i := bytes.Index(line, flagsKey); i >= 0 {
		if _, ok := keyBegins(line, i); ok {
			if flags, ok := traceFlags(valueOf(line[i+len(flagsKey):], false), true); ok {
				rec.SetFlags(flags)
			}
		}
	}
}

// maxTries bounds the search for a key in a line.
const maxTries = 16

var (
	race     = []byte("race")
	pan      = []byte("pan")
	parent   = []byte("parent")
	flagsKey = []byte("trace_flags")
	dd       = []byte("dd.")
)

// keyBegins says whether a key begins at i, and whether it is Datadog's.
func keyBegins(line []byte, i int) (datadog, ok bool) {
	if bytes.HasSuffix(line[:i], dd) {
		i -= len(dd)
		datadog = true
	}
	return datadog, i == 0 || !inKey(line[i-1])
}

func inKey(c byte) bool {
	return letter(c) || c-'0' <= 9 || c == '_' || c == '.' || c == '-' || c >= 0x80
}

// idEnds passes over _id, Id and what is like it.
func idEnds(b []byte) ([]byte, bool) {
	if len(b) > 0 && (b[0] == '_' || b[0] == '.' || b[0] == '-') {
		b = b[1:]
	}
	if len(b) < 3 || b[0]|0x20 != 'i' || b[1]|0x20 != 'd' {
		return nil, false
	}
	return b[2:], true
}

// valueOf returns the number after a key and = or a colon. Key and number may be quoted.
func valueOf(b []byte, decimal bool) []byte {
	if len(b) > 0 && (b[0] == '"' || b[0] == '\'') {
		b = b[1:]
	}
	if len(b) == 0 || b[0] != '=' && b[0] != ':' {
		return nil
	}
	b = b[1:]
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if len(b) > 0 && (b[0] == '"' || b[0] == '\'') {
		b = b[1:]
	}
	n := 0
	for n < len(b) && n <= 55 && (nibble[b[n]] != 0xff || b[n] == '-') {
		n++
	}
	if n < len(b) && (letter(b[n]) || b[n]-'0' <= 9 || b[n] == '_') {
		return nil
	}
	value := b[:n]
	for len(value) > 0 && value[len(value)-1] == '-' {
		value = value[:len(value)-1]
	}
	if decimal && len(value) > 32 {
		return nil
	}
	return value
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
