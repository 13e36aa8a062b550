package applog

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timetext"
)

// headSize is how much of a line is searched for the time and level of a text
// logger.
const headSize = 192

// text reads the forms
//
//	2026-11-21 02:08:36.735 [label] info: message       winston with printf
//	[2026-11-21T02:08:36.735] [INFO] category - message log4js
//	info: message {"json":1}                            winston's simple()
//
// with or without colours.
func (p *Parser) text(line []byte, rec plog.LogRecord) {
	if len(line) == 0 {
		return
	}
	if c := line[0]; c-'0' <= 9 || c == '[' || c == 0x1b || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		p.level(line, rec)
	}
	if at := bytes.Index(line, traceKey); at >= 0 {
		span := []byte(nil)
		if s := bytes.Index(line, spanKey); s >= 0 {
			span = hexRun(line[s+len(spanKey):])
		}
		setTrace(rec, hexRun(line[at+len(traceKey):]), span)
	}
}

var (
	traceKey = []byte("trace_id=")
	spanKey  = []byte("span_id=")
)

func hexRun(b []byte) []byte {
	n := 0
	for n < len(b) && n <= 32 && nibble[b[n]] != 0xff {
		n++
	}
	return b[:n]
}

func (p *Parser) level(line []byte, rec plog.LogRecord) {
	var space [headSize]byte
	head := plain(space[:0], line)
	if len(head) == 0 {
		return
	}
	rest, stamp := head, int64(0)
	bracketed := rest[0] == '['
	if bracketed {
		rest = rest[1:]
	}
	t, timed := timetext.Parse(rest, p.set.Location)
	if timed {
		rest, stamp = rest[t.Len:], t.Nanos
		if bracketed {
			if len(rest) == 0 || rest[0] != ']' {
				return
			}
			rest = rest[1:]
		}
	} else if bracketed {
		return
	}
	word, ok := []byte(nil), false
	if timed {
		word, ok = levelBehindTime(rest)
	} else if word, ok = simpleLevel(rest); ok {
		if p.simple++; p.simple < 2 {
			return
		}
	}
	if !ok {
		return
	}
	n, ok := severity.FromText(arena.String(word))
	if !ok {
		return
	}
	rec.SetSeverityNumber(n)
	rec.SetSeverityText(string(word))
	if stamp != 0 {
		rec.SetTimestamp(pcommon.Timestamp(stamp))
	}
}

// levelBehindTime finds `[LEVEL]` or `level:` behind the time and at most two labels
// in brackets.
func levelBehindTime(b []byte) ([]byte, bool) {
	for range 3 {
		for len(b) > 0 && (b[0] == ' ' || b[0] == '-' || b[0] == '|') {
			b = b[1:]
		}
		if len(b) == 0 {
			return nil, false
		}
		if b[0] != '[' {
			n := wordLen(b)
			return b[:n], n > 0 && n < len(b) && b[n] == ':'
		}
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return nil, false
		}
		if word := bytes.TrimSpace(b[1:end]); wordLen(word) == len(word) {
			if _, ok := severity.FromText(arena.String(word)); ok {
				return word, true
			}
		}
		b = b[end+1:]
	}
	return nil, false
}

// simpleLevel finds winston's own level words, which are lower case.
func simpleLevel(b []byte) ([]byte, bool) {
	n := wordLen(b)
	if n == 0 || n+1 >= len(b) || b[n] != ':' || b[n+1] != ' ' {
		return nil, false
	}
	switch string(b[:n]) {
	case "error", "warn", "info", "http", "verbose", "debug", "silly", "emerg", "alert", "crit", "warning", "notice":
		return b[:n], true
	}
	return nil, false
}

func wordLen(b []byte) int {
	n := 0
	for n < len(b) && n < 16 && b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' {
		n++
	}
	return n
}

// plain appends the beginning of a line without its colours to dst.
func plain(dst, line []byte) []byte {
	for len(line) > 0 && len(dst) < headSize {
		if line[0] != 0x1b {
			dst = append(dst, line[0])
			line = line[1:]
			continue
		}
		i := 1
		if i < len(line) && line[i] == '[' {
			for i++; i < len(line) && (line[i] < 0x40 || line[i] > 0x7e); i++ {
			}
		}
		line = line[min(i+1, len(line)):]
	}
	return dst
}
