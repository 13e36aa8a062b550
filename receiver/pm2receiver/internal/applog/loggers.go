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

// klog reads I1121 14:08:36.735000.
func klog(b []byte) head {
	h := head{}
	if len(b) < 22 || digits(b[1:]) != 4 || b[5] != ' ' || timeparse.Clock(b[6:]) < 12 || bytes.IndexByte(b, ']') < 0 {
		return h
	}
	switch b[0] {
	case 'I', 'W', 'E', 'F':
		h.timed = true
		h.set(b[:1])
	}
	return h
}

// ofGo says whether a line is one of Go's net/http, which looks like winston's level.
func ofGo(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("http: "))
	if !ok {
		return false
	}
	for _, words := range [...]string{"panic ", "TLS ", "superfluous ", "proxy ", "Accept ", "response", "Server ", "multiple ", "named "} {
		if bytes.HasPrefix(rest, []byte(words)) {
			return true
		}
	}
	return false
}

// ofWinston says whether a message is one of winston's own, of which nobody else's begins
// so.
func ofWinston(rest []byte) bool {
	return bytes.HasPrefix(rest, []byte(" uncaughtException: ")) || bytes.HasPrefix(rest, []byte(" unhandledRejection: "))
}

// isModule reports whether a text is the name of a module of Apache, which may be empty.
func isModule(b []byte) bool {
	for _, c := range b {
		if !letter(c) && c-'0' > 9 && c != '_' {
			return false
		}
	}
	return len(b) <= 32
}

// apacheLevel reports whether a word is a level of Apache's error log.
func apacheLevel(word []byte) bool {
	switch string(word) {
	case "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace":
		return true
	}
	return false
}

// arrowed reports whether b begins with one of the arrows that Verdaccio writes behind the
// level.
func arrowed(b []byte) bool {
	return bytes.HasPrefix(b, []byte(" --- ")) || bytes.HasPrefix(b, []byte(" --> ")) || bytes.HasPrefix(b, []byte(" <-- "))
}

// padded reads the level of a line that begins with a blank: that of consola is in capitals
// and two blanks follow it, that of Verdaccio is followed by an arrow.
func padded(b []byte, i int) head {
	h := head{}
	n := wordLen(b[i:])
	word := b[i : i+n]
	if i == 1 && b[0] == ' ' && arrowed(b[i+n:]) && (simpleLevel(word) || string(word) == "fatal" || string(word) == "trace") {
		h.set(word)
		h.at = i + n
		return h
	}
	if i == 1 && b[0] == ' ' && n > 2 && i+n+2 < len(b) && b[i+n] == ' ' && b[i+n+1] == ' ' && b[i+n+2] != ' ' && upper(word) && strong(word) {
		h.set(word)
		h.at = i + n
	}
	return h
}

// marks are the marks of loggers that say a level without a word.
var marks = [...]struct {
	mark string
	word string
}{
	{"⨯", "error"}, {"✖", "error"}, {"⚠", "warn"}, {"✔", "info"}, {"✓", "info"}, {"ℹ", "info"},
}

// marked reads a mark at i, and the level word that signale writes behind it.
func marked(b []byte, i int, h head) head {
	if bytes.HasPrefix(b[i:], []byte("›")) { // behind signale's scope
		i += len("›")
		for i < len(b) && b[i] == ' ' {
			i++
		}
	}
	number, size := plog.SeverityNumberUnspecified, 0
	for _, m := range marks {
		if bytes.HasPrefix(b[i:], []byte(m.mark)) {
			number, _ = severity.FromText(m.word)
			size = len(m.mark)
		}
	}
	end := i + size
	if size == 0 {
		for end < len(b) && b[end] >= 0x80 {
			end++
		}
	} else if bytes.HasPrefix(b[end:], []byte("\ufe0f")) {
		end += len("\ufe0f")
	}
	if end >= len(b) || b[end] != ' ' {
		return h
	}
	j := end
	for j < len(b) && b[j] == ' ' {
		j++
	}
	n := wordLen(b[j:])
	if word := b[j : j+n]; j-end >= 2 && n > 2 && j+n+1 < len(b) && b[j+n] == ' ' && b[j+n+1] == ' ' && isLevel(word) {
		h.set(word)
		h.at = j + n
		return h
	}
	if number != 0 {
		h.word, h.number, h.at = b[i:i+size], number, end
	}
	return h
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
