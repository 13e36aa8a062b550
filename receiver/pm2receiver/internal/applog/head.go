// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"strconv"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// head is what precedes the message of a text line.
type head struct {
	word   []byte
	number plog.SeverityNumber
	// nanos is the time, or 0, and seconds is set if it includes the second.
	nanos   int64
	seconds bool
	// timed is set if there is a time of day, though the date may be missing.
	timed bool
	// simple is set for a form that other text has by chance.
	simple bool
	// at is how far the head was read.
	at int
}

// head reads the head of a line.
func (p *Parser) head(b []byte) head {
	h := head{}
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	if i > 4 || i == len(b) {
		return h
	}
	if i > 0 && b[i] < 0x80 {
		return padded(b, i)
	}
	if b[i] == '<' && !p.enclosedTime(b[i+1:], '>') {
		return p.priority(b)
	}
	labels, numbers := 0, 0
	for range maxTokens {
		first := i == 0
		separated := first
		for i < len(b) && separator(b[i]) {
			separated = separated || b[i] == '|' || b[i] == '-'
			i++
		}
		if i == len(b) {
			break
		}
		h.at = i
		switch c := b[i]; {
		case c == '[' || c == '<' || c == '(' && first && p.enclosedTime(b[i+1:], ')'):
			shut := byte(']')
			switch c {
			case '<':
				shut = '>'
			case '(':
				shut = ')'
			}
			end := bytes.IndexByte(b[i:], shut)
			if end < 0 {
				return h
			}
			content := b[i+1 : i+end]
			if p.bracket(content, first, &h) {
				h.at = i + end + 1
				if first && !h.timed {
					p.behindBracket(b, &h)
				}
				return h
			}
			i += end + 1
			if labels++; labels > maxLabels {
				return h
			}
		case c == '(' && h.timed:
			end := bytes.IndexByte(b[i:], ')')
			if end < 0 {
				return h
			}
			i += end + 1
		case c >= 0x80:
			return marked(b, i, h)
		default:
			if !h.timed {
				if n := p.timeAt(b[i:], &h); n > 0 {
					i += n
					h.at = i
					continue
				}
				if c-'0' <= 9 { // a process, behind a label
					n := digits(b[i:])
					if numbers++; labels == 0 || numbers > 1 || i+n >= len(b) || b[i+n] != ' ' {
						return h
					}
					i += n
					continue
				}
				if !letter(c) {
					return h
				}
				if labels > 0 {
					// winston with a label and no time.
					n := wordLen(b[i:])
					if i+n+1 < len(b) && b[i+n] == ':' && b[i+n+1] == ' ' && strong(b[i:i+n]) {
						h.set(b[i : i+n])
						h.simple = !upper(b[i : i+n])
					}
					return h
				}
				return p.untimed(b, i)
			}
			n, done := h.behindTime(b, i, separated)
			if done {
				return h
			}
			i += n
		}
	}
	return h
}

// headFirst says which bytes a line begins with that may have a head, and accessFirst
// the same of an access log.
var headFirst, accessFirst = func() (h, a [256]bool) {
	for c := range 256 {
		b := byte(c)
		h[c] = letter(b) || b-'0' <= 9 || b == '[' || b == ' ' || b == '<' || b == '(' || b == 0xe2 || b == '\t'
		a[c] = letter(b) || b-'0' <= 9 || b == ' ' || b == ':' || b == '-' || b == '"' || b == '['
	}
	return h, a
}()

const (
	// maxTokens bounds what is read before a level.
	maxTokens = 8
	// maxLabels bounds labels in brackets before it.
	maxLabels = 3
)

// enclosedTime reports whether b begins with a time that shut follows.
func (p *Parser) enclosedTime(b []byte, shut byte) bool {
	if len(b) == 0 || b[0]-'0' > 9 {
		return false
	}
	var h head
	n := p.timeAt(b, &h)
	return n > 0 && n < len(b) && b[n] == shut
}

func separator(c byte) bool { return c == ' ' || c == '\t' || c == '-' || c == '|' }

func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	return n
}

// timeAt reads a time at the beginning of b and returns its length.
func (p *Parser) timeAt(b []byte, h *head) int {
	t, ok := timeparse.Parse(b, p.set.Location)
	if ok && bounded(b, t.Len) {
		h.nanos, h.seconds, h.timed = t.Nanos, t.Seconds, true
		return t.Len
	}
	if b[0]-'0' > 9 {
		if n := yearless(b); n > 0 && bounded(b, n) {
			h.timed = true
			return n
		}
		return 0
	}
	if n := timeparse.Clock(b); n > 0 && bounded(b, n) {
		h.timed = true
		return n
	}
	if n := timeparse.Yearless(b); n > 0 && bounded(b, n) {
		h.timed = true
		return n
	}
	n := digits(b)
	if n == 1 && len(b) > 2 && b[1] == '.' { // zap's seconds since 1970, as 1.7952269167e+09
		end := bytes.IndexByte(b[:min(len(b), 32)], '\t')
		if end < 8 || !bytes.HasSuffix(b[:end], []byte("e+09")) {
			return 0
		}
		f, err := strconv.ParseFloat(string(b[:end]), 64)
		nanos, ok := timeparse.FromNumber(f)
		if err != nil || !ok {
			return 0
		}
		h.nanos, h.seconds, h.timed = nanos, true, true
		return end
	}
	// zerolog's 2:08PM
	if n >= 1 && n <= 2 && n+4 < len(b) && b[n] == ':' && digits(b[n+1:]) == 2 && b[n+4] == 'M' && (b[n+3] == 'A' || b[n+3] == 'P') && bounded(b, n+5) {
		h.timed = true
		return n + 5
	}
	return 0
}

// bounded says whether what is n bytes long ends where a word may end.
func bounded(b []byte, n int) bool {
	return n == len(b) || b[n] == ' ' || b[n] == '\t' || b[n] == ']' || b[n] == '|' || b[n] == ':' || b[n] == ',' || b[n] == '-' || b[n] == ')' || b[n] == '>'
}

// bracket reads what is in brackets, and says whether it was a level.
func (p *Parser) bracket(content []byte, first bool, h *head) bool {
	word := bytes.TrimSpace(content)
	if len(word) == 0 {
		return false
	}
	if n := wordLen(word); n == len(word) {
		if known := severity.Find(word); known != 0 && (kinds[known]&strongWord != 0 || h.timed && n >= 3 && kinds[known]&weakWord == 0 || h.timed && string(word) == "MARK") {
			h.word, h.number = word, known.Number()
			return true
		}
		if n == 1 && h.timed {
			return letterLevel(word, h)
		}
		return false
	}
	if h.timed {
		// A thread and a level.
		if slash := bytes.LastIndexByte(word, '/'); slash > 0 && upper(word[slash+1:]) && strong(word[slash+1:]) {
			h.set(word[slash+1:])
			return true
		}
		// Apache's module and level.
		if colon := bytes.IndexByte(word, ':'); colon >= 0 && isModule(word[:colon]) {
			level := word[colon+1:]
			if bytes.HasPrefix(level, []byte("trace")) && len(level) == len("trace8") && level[5] >= '1' && level[5] <= '8' {
				level = level[:len("trace")]
			}
			if wordLen(level) == len(level) && apacheLevel(level) {
				h.set(level)
				return true
			}
		}
		return false
	}
	if word[0]-'0' <= 9 || letter(word[0]) {
		if n := p.timeAt(word, h); n > 0 { // with a level behind it: Celery, Serilog
			rest := bytes.TrimLeft(word[n:], ": ")
			if k := wordLen(rest); k > 0 && (k == len(rest) || rest[k] == '/' || rest[k] == ' ') && strong(rest[:k]) {
				h.set(rest[:k])
				return true
			}
			return false
		}
	}
	if first && len(word) > 8 && word[1] == ' ' { // Tornado: [I 261121 14:08:36 app:1]
		if letterLevel(word[:1], h) {
			if word = bytes.TrimLeft(word[2:], " "); digits(word) == 6 && len(word) > 7 && timeparse.Clock(word[7:]) > 0 {
				return true
			}
			h.word, h.number = nil, 0
		}
	}
	return false
}

// letterLevel reads a level of one letter.
func letterLevel(word []byte, h *head) bool {
	switch word[0] {
	case 'T', 'D', 'I', 'W', 'E', 'F', 'C':
		h.set(word[:1])
		return true
	}
	return false
}

func (h *head) set(word []byte) {
	h.word = word
	if h.number = severity.Find(word).Number(); h.number == 0 { // with an offset
		h.number, _ = severity.FromText(string(word))
	}
}

// behindTime reads a word behind the time: how long it is, and whether the head ends.
func (h *head) behindTime(b []byte, i int, separated bool) (n int, done bool) {
	n = wordLen(b[i:])
	word := b[i : i+n]
	next := byte(' ')
	if i+n < len(b) {
		next = b[i+n]
	}
	if string(word) == "PHP" && i+n < len(b) && next == ' ' {
		h.php(b, i+n+1)
		return n, true
	}
	if n > 0 {
		level := severity.Find(word)
		known := kinds[level]&strongWord != 0 || n >= 3 && kinds[level]&weakWord == 0 && level != 0
		switch {
		case next == ':' || next == '!' && n == 3:
			if level != 0 && n >= 3 && !ofGo(b[i:]) {
				h.set(word)
				h.at = i + n + 1
				return n, true
			}
		case next == ' ' || next == '\t' || next == '|' || next == '(' || next == '/' || next == '[' || next == ']' || next == '+' || next == '-':
			rest := bytes.TrimLeft(b[min(i+n, len(b)):], " \t")
			delimited := separated && len(rest) > 0 && (rest[0] == '|' || rest[0] == '-')
			if known && (upper(word) || delimited || next == '\t' && b[i-1] == '\t') || delimited && rest[0] == '|' && level != 0 {
				if (next == '+' || next == '-') && i+n+1 < len(b) && b[i+n+1]-'0' <= 9 { // slog's offset
					word = b[i : i+n+1+digits(b[i+n+1:])]
				}
				h.set(word)
				h.at = i + n
				return n, true
			}
		}
		if n == 1 && next == ' ' && upper(word) && separated && letterLevel(word, h) {
			return n, true
		}
	}
	// A name between separators, or channel.LEVEL:
	end := i
	for end < len(b) && b[end] != ' ' && b[end] != '\t' && b[end] != '|' {
		end++
	}
	token := b[i:end]
	if len(token) > 2 && token[len(token)-1] == ':' {
		if dot := bytes.LastIndexByte(token, '.'); dot > 0 {
			word = token[dot+1 : len(token)-1]
			if upper(word) && strong(word) {
				h.set(word)
				h.at = end
				return end - i, true
			}
		}
	}
	if h.behindName(b, i, end) {
		return end - i, true
	}
	rest := bytes.TrimLeft(b[end:], " \t")
	if len(rest) > 1 && (rest[0] == '|' || rest[0] == '-' && rest[1] == ' ') && len(token) <= 64 {
		return end - i, false
	}
	if digits(token) == len(token) && len(token) > 0 && len(token) < 8 { // a process
		return end - i, false
	}
	return 0, true
}

// behindName reads a level in capitals behind the name of a logger, which is b[i:end].
// Python's formats pad one of them with blanks. In other text a word in capitals follows
// another with one blank, so a name without padding must have a dot in it.
func (h *head) behindName(b []byte, i, end int) bool {
	dotted := false
	for _, c := range b[i:end] {
		switch {
		case c == '.':
			dotted = true
		case !letter(c) && c-'0' > 9 && c != '_' && c != '-':
			return false
		}
	}
	if i == end || !letter(b[end-1]) && b[end-1]-'0' > 9 || end == len(b) || b[end] != ' ' {
		return false
	}
	at := end
	for at < len(b) && b[at] == ' ' {
		at++
	}
	n := wordLen(b[at:])
	word := b[at : at+n]
	if n < 3 || !upper(word) || !strong(word) || at+n >= len(b) || b[at+n] != ' ' {
		return false
	}
	if padded := at-end > 1 || at+n+1 < len(b) && b[at+n+1] == ' '; !padded && !dotted {
		return false
	}
	h.set(word)
	h.at = at + n
	return true
}

func upper(word []byte) bool {
	for _, c := range word {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

func wordLen(b []byte) int {
	n := 0
	for n < len(b) && n < 16 && letter(b[n]) {
		n++
	}
	return n
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
