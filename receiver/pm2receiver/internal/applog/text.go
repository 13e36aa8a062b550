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

// text reads a line of a text logger, which has no colors any more, and says whether it
// is logfmt. Only then it sets the body, and attributes whose names are in the line.
func (p *Parser) text(line []byte, rec plog.LogRecord, mem *slab.Slab) (isLogfmt bool) {
	if len(line) == 0 {
		return false
	}
	now := int64(rec.ObservedTimestamp())
	c := line[0]
	if (letter(c) || c == '@' || c == '_') && p.logfmt(line, rec, mem) {
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

// plainHead reads the head of a line that may have colors.
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

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
