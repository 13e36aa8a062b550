// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// syslogLevels are the words of syslog's severities.
var syslogLevels = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// priority reads the priority of syslog at the beginning of a line, with the time that
// follows it. That of systemd has no facility and no time.
func (p *Parser) priority(b []byte) head {
	h := head{}
	n := digits(b[1:])
	if n == 0 || n > 3 || 1+n >= len(b) || b[1+n] != '>' || n > 1 && b[1] == '0' {
		return h
	}
	value := 0
	for _, c := range b[1 : 1+n] {
		value = value*10 + int(c-'0')
	}
	at := 1 + n + 1
	rest := b[at:]
	switch {
	case value > 191 || len(rest) == 0:
		return h
	case len(rest) > 2 && rest[0] == '1' && rest[1] == ' ': // RFC 5424
		if rest[2] != '-' {
			if t := p.timeAt(rest[2:], &h); t == 0 || h.nanos == 0 {
				return head{}
			}
		}
		at += 2
	case yearless(rest) > 0: // RFC 3164
		h.timed = true
	case value > 7 || !letter(rest[0]) && rest[0] != '[' && rest[0] != ' ':
		return h
	}
	h.word = []byte(syslogLevels[value&7])
	h.number, _ = severity.FromNumber(float64(value&7), severity.ScaleSyslog)
	h.at = at
	return h
}

// yearless returns how long the date without a year is that a line begins with.
func yearless(b []byte) int {
	if len(b) < 15 || b[3] != ' ' || b[6] != ' ' || b[9] != ':' {
		return 0
	}
	return timeparse.Yearless(b)
}

// behindBracket looks at what follows a level in brackets at the beginning of a
// line: a time may; a link of Markdown and a section of a settings file are no level.
func (p *Parser) behindBracket(b []byte, h *head) {
	rest := bytes.TrimSpace(b[h.at:])
	switch {
	case len(rest) == 0, rest[0] == '=', b[h.at] == '(', b[h.at] == '_', b[h.at] == '.': // a section of a settings file
		*h = head{}
		return
	case rest[0] == ':' && bytes.IndexByte(bytes.TrimSpace(rest[1:]), ' ') < 0 && (!upper(h.word) || bytes.Contains(rest, []byte("://"))): // where a link of Markdown leads
		*h = head{}
		return
	}
	p.timeBehind(b, h.at, h)
}

// timeBehind reads a time after a level, and reports whether there is one. Blanks, dashes,
// bars, colons and a bracket may be between them.
func (p *Parser) timeBehind(b []byte, at int, h *head) bool {
	for i := at; i < len(b) && i-at < 8; i++ {
		switch c := b[i]; {
		case c == ' ' || c == '\t' || c == '-' || c == '|' || c == ':' || c == '[' || c == '(':
		case c-'0' <= 9:
			t, ok := timeparse.Parse(b[i:], p.set.Location)
			if !ok || !t.Seconds || !bounded(b[i:], t.Len) {
				return false
			}
			h.nanos, h.seconds, h.timed = t.Nanos, t.Seconds, true
			return true
		default:
			return false
		}
	}
	return false
}

// composeName returns the length of what Docker Compose writes before a line, which is a
// name, a number, blanks and a bar, or 0.
func composeName(b []byte) int {
	end := bytes.IndexByte(b[:min(len(b), maxName)], ' ')
	if end < 3 {
		return 0
	}
	dash := bytes.LastIndexByte(b[:end], '-')
	if n := digits(b[dash+1 : end]); dash < 1 || n == 0 || n > 3 || dash+1+n != end {
		return 0
	}
	for end < len(b) && b[end] == ' ' {
		end++
	}
	if end+2 >= len(b) || b[end] != '|' || b[end+1] != ' ' {
		return 0
	}
	return end + 2
}

// compose reads the head of a line of Docker Compose.
func (p *Parser) compose(b []byte) head {
	at := composeName(b)
	if at == 0 {
		return head{}
	}
	h := p.head(b[at:])
	if h.number == 0 || !h.timed && !upper(h.word) {
		return head{}
	}
	h.at += at
	return h
}

// logrus reads ERRO[0003] and ERRO[2026-11-21T14:08:36+01:00]. b[i:i+4] is the level.
func (p *Parser) logrus(b []byte, i, n int) head {
	h := head{}
	word := []byte(nil)
	switch string(b[i : i+n]) {
	case "TRAC":
		word = []byte("TRACE")
	case "DEBU":
		word = []byte("DEBUG")
	case "INFO", "WARN":
		word = b[i : i+n]
	case "ERRO":
		word = []byte("ERROR")
	case "FATA":
		word = []byte("FATAL")
	case "PANI":
		word = []byte("PANIC")
	default:
		return h
	}
	content := b[i+n+1:]
	shut := bytes.IndexByte(content, ']')
	if shut < 4 {
		return h
	}
	if digits(content) != shut {
		t, ok := timeparse.Parse(content[:shut], p.set.Location)
		if !ok || t.Len != shut {
			return h
		}
		h.nanos, h.seconds, h.timed = t.Nanos, t.Seconds, true
	}
	h.set(word)
	h.at = i + n
	return h
}

// levelThenTime reads a level in any case, or a name and a bar, before a time. Since the
// time is there, the word is not part of a sentence. A label may be in between.
func (p *Parser) levelThenTime(b []byte, i, n int) head {
	h := head{}
	word, at := b[i:i+n], i+n
	switch b[at] {
	case ' ', ':', '\t', '|':
	default:
		return h
	}
	if !strong(word) && !simpleLevel(word) {
		if bar := bytes.Index(b[:min(len(b), maxName)], []byte(" | ")); bar > 0 && bar+3 < len(b) && b[bar+3]-'0' <= 9 {
			if h = p.head(b[bar+3:]); h.timed && h.number != 0 {
				h.at += bar + 3
				return h
			}
		}
		return head{}
	}
	if b[at] == ' ' && at+2 < len(b) && b[at+1] == '[' && b[at+2]-'0' > 9 {
		if shut := bytes.IndexByte(b[at:], ']'); shut > 0 && shut < maxName {
			at += shut + 1
		}
	}
	if !p.timeBehind(b, at, &h) {
		return head{}
	}
	h.set(word)
	h.at = i + n
	return h
}

// maxName bounds a name or label before a time.
const maxName = 40

// ruby reads E, [2026-11-21T14:08:36.735304 #4242] ERROR -- : message.
func (p *Parser) ruby(b []byte, i int) head {
	h := head{}
	if len(b) < i+24 || b[i+2] != ' ' || b[i+3] != '[' || !letterLevel(b[i:i+1], &h) {
		return head{}
	}
	t, ok := timeparse.Parse(b[i+4:], p.set.Location)
	if !ok {
		return head{}
	}
	shut := bytes.IndexByte(b[i+4+t.Len:], ']')
	if shut < 0 {
		return head{}
	}
	at := i + 4 + t.Len + shut + 1
	for at < len(b) && b[at] == ' ' {
		at++
	}
	n := wordLen(b[at:])
	if word := b[at : at+n]; !upper(word) || !strong(word) || word[0] != b[i] {
		return head{}
	}
	h.set(b[at : at+n])
	h.nanos, h.seconds, h.timed, h.at = t.Nanos, t.Seconds, true, at+n
	return h
}

// php reads the kinds of messages of PHP.
func (h *head) php(b []byte, at int) {
	kind, _, found := bytes.Cut(b[at:], []byte(":  "))
	if !found || len(kind) > len("Recoverable fatal error") {
		return
	}
	word := ""
	switch string(kind) {
	case "Fatal error", "Core error", "Compile error":
		word = "fatal"
	case "Parse error", "Recoverable fatal error":
		word = "error"
	case "Warning", "Core warning", "Compile warning", "Deprecated", "Strict Standards":
		word = "warn"
	case "Notice":
		word = "notice"
	default:
		return
	}
	h.word = kind
	h.number, _ = severity.FromText(word)
	h.at = at + len(kind)
}

// oldNext reads the words of Next.js up to 13.3, which are padded to five and have a dash
// behind them. Other text has those with one blank by chance, so they are read once a line
// of the file has had two.
func (p *Parser) oldNext(b []byte, i, n int) head {
	h := head{}
	if i > 0 || n < 4 || n > 5 || !bytes.HasPrefix(b[n:], []byte("  - ")[n-4:]) {
		return h
	}
	word := b[:n]
	if n == 5 && !p.padded {
		return h
	}
	switch string(word) {
	case "info", "warn", "error", "ready", "trace":
		h.set(word)
	case "event", "wait":
		h.word, h.number = word, plog.SeverityNumberInfo
	}
	p.padded = p.padded || n == 4 && h.number != 0
	h.at = n
	return h
}

// common says whether a word in capitals before one blank is a level rather than part of
// a sentence.
func common(word []byte) bool {
	switch string(word) {
	case "TRACE", "TRC", "DEBUG", "DBG", "INFO", "INF", "WARN", "WRN", "WARNING", "ERROR", "ERR", "FATAL", "FTL", "CRITICAL", "CRIT", "VERBOSE":
		return true
	}
	return false
}

// bracketTrace finds the trace and span that Spring writes in brackets: [name,trace,span],
// with true or false behind it in old versions, and [trace-span].
func bracketTrace(line []byte, rec plog.LogRecord) {
	line = line[:min(len(line), headSize)]
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return
		}
		from += i + 1
		shut := bytes.IndexByte(line[from:], ']')
		if shut < 0 {
			return
		}
		content := line[from : from+shut]
		from += shut
		exported := []byte(nil)
		if _, behind, named := bytes.Cut(content, []byte(",")); named {
			content = behind
			if comma := bytes.IndexByte(content, ','); comma >= 0 {
				if next := bytes.IndexByte(content[comma+1:], ','); next >= 0 {
					exported = content[comma+1+next+1:]
					content = content[:comma+1+next]
				}
			}
		} else if len(content) != 32+1+16 {
			continue
		}
		size := len(content) - 1 - 16
		if size != 32 && size != 16 || content[size] != ',' && content[size] != '-' {
			continue
		}
		sampled, known := readSampled(exported)
		if len(exported) > 0 && !known {
			continue
		}
		trace, _, ok := readTraceID(content[:size], false)
		span, _, is := readSpanID(content[size+1:], false)
		if ok && is {
			rec.SetTraceID(trace)
			rec.SetSpanID(span)
			if sampled {
				rec.SetFlags(1)
			}
			return
		}
	}
}
