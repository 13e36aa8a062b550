// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
)

// untimed reads a level at the beginning of a line without a time.
func (p *Parser) untimed(b []byte, i int) head {
	h := klog(b)
	if h.number != 0 {
		return h
	}
	n := wordLen(b[i:])
	word := b[i : i+n]
	if n == 0 || i+n >= len(b) {
		return h
	}
	next := b[i+n]
	if n == 1 && next == ',' {
		return p.ruby(b, i)
	}
	if next == '-' || next == '_' {
		return p.compose(b)
	}
	if t := p.levelThenTime(b, i, n); t.number != 0 {
		return t
	}
	if next == ' ' && i == 0 && arrowed(b[n:]) && (simpleLevel(word) || string(word) == "fatal" || string(word) == "trace") {
		h.set(word)
		h.at = n
		return h
	}
	if next == ' ' && !upper(word) {
		if t := p.oldNext(b, i, n); t.number != 0 {
			return t
		}
	}
	if next == '!' && string(word) == "ERR" && i+n+1 < len(b) && b[i+n+1] == ' ' {
		h.set(word)
		return h
	}
	if string(word) == "npm" && next == ' ' {
		return npm(b, n)
	}
	if next == '[' && n == 4 && upper(word) {
		return p.logrus(b, i, n)
	}
	if next == ':' {
		return p.beforeColon(b, i, n)
	}
	if upper(word) && strong(word) {
		return p.capitals(b, i, n)
	}
	return h
}

// npm reads the levels of npm behind its name, whose length is n.
func npm(b []byte, n int) head {
	h := head{}
	rest := b[n+1:]
	k := wordLen(rest)
	switch string(rest[:k]) {
	case "ERR", "WARN", "error", "warn", "notice", "verbose", "info", "http", "silly":
		h.set(rest[:k])
		h.at = n + 1 + k
	}
	return h
}

// beforeColon reads the level b[i:i+n], which a colon follows.
func (p *Parser) beforeColon(b []byte, i, n int) head {
	h := head{}
	word := b[i : i+n]
	rest := b[i+n+1:]
	switch {
	case upper(word) && strong(word):
		if len(rest) == 0 || rest[0] == ' ' && !constant(rest) || rest[0] == '\t' || pythonName(rest) {
			h.set(word)
			h.at = i + n + 1
		}
	case len(rest) > 0 && rest[0] == ' ' && consoleWord(word) && bytes.HasSuffix(bytes.TrimSpace(firstLine(rest)), []byte("]")):
		h.set(word)
		h.at = i + n + 1
	case len(rest) > 0 && rest[0] == ' ' && simpleLevel(word) && !constant(rest):
		h.set(word)
		if h.simple = !ofWinston(rest); !h.simple {
			p.simple = max(p.simple, 1) // the next one is of the same logger
		}
		h.at = i + n + 1
	}
	return h
}

// capitals reads the level b[i:i+n], which is in capitals and no colon follows.
func (p *Parser) capitals(b []byte, i, n int) head {
	h := head{}
	word, next := b[i:i+n], b[i+n]
	switch next {
	case ' ', '\t':
		rest := bytes.TrimLeft(b[i+n:], " \t")
		if len(rest) == 0 {
			return h
		}
		if rest[0] == '(' || rest[0] == '[' {
			shut := byte(')')
			if rest[0] == '[' {
				shut = ']'
			}
			end := bytes.IndexByte(rest, shut)
			if end < 0 {
				return h
			}
			if rest[0] == '[' {
				var t head
				if end > 1 && p.timeAt(rest[1:end:end], &t) > 0 {
					h = t
				}
			}
			h.set(word)
			h.at = i + n
			return h
		}
		if next == ' ' && i+n+1 < len(b) && b[i+n+1] != ' ' && (!common(word) || !sentence(rest)) {
			return h
		}
		if rest[0] == '=' || rest[0] == ',' || rest[0] == ')' || rest[0] == '}' || rest[0] == ':' || rest[0] == ';' || rest[0] == '+' || rest[0] == '*' {
			return h
		}
		h.set(word)
		h.at = i + n
	case '|':
		h.set(word)
		h.at = i + n
	}
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

// common says whether a word in capitals before one blank is a level rather than part of
// a sentence.
func common(word []byte) bool {
	switch string(word) {
	case "TRACE", "TRC", "DEBUG", "DBG", "INFO", "INF", "WARN", "WRN", "WARNING", "ERROR", "ERR", "FATAL", "FTL", "CRITICAL", "CRIT", "VERBOSE":
		return true
	}
	return false
}

// consoleWord says whether a word is one of .NET's console logger.
func consoleWord(word []byte) bool {
	switch string(word) {
	case "trce", "dbug", "info", "warn", "fail", "crit":
		return true
	}
	return false
}

// constant says whether what follows a colon is the value of a setting.
func constant(rest []byte) bool {
	rest = bytes.TrimRight(bytes.TrimSpace(rest), ",;")
	if len(rest) == 0 {
		return false
	}
	if rest[0] == '\'' || rest[0] == '"' || rest[0] == '{' || rest[0] == '[' {
		return rest[len(rest)-1] == rest[0] || rest[0] == '{'
	}
	switch string(rest) {
	case "true", "false", "null", "undefined", "None", "True", "False", "string", "number", "boolean":
		return true
	}
	return digits(rest) == len(rest)
}

// pythonName reports whether a logger's name and a colon follow LEVEL:.
func pythonName(rest []byte) bool {
	n := 0
	for n < len(rest) && (letter(rest[n]) || rest[n]-'0' <= 9 || rest[n] == '_' || rest[n] == '.' || rest[n] == '-') {
		n++
	}
	return n > 0 && n < len(rest) && rest[n] == ':'
}

// sentence says whether what follows a level of capitals may be its message: not
// the rest of a sentence about levels, nor code.
func sentence(rest []byte) bool {
	c := rest[0]
	if !letter(c) && c-'0' > 9 && c != '"' && c != '\'' && c != '[' && c != '(' && c != '<' && c != '/' && c != '{' && c != '#' && c != '`' && c < 0x80 {
		return false
	}
	n := wordLen(rest)
	switch string(rest[:n]) {
	case "is", "are", "and", "or", "was", "were", "has", "have", "level", "levels", "log", "logs", "messages", "message", "to", "as", "will", "would",
		"can", "may", "should", "must", "does", "of", "lines", "events", "handling", "entries":
		return false
	}
	return true
}

// simpleLevel finds winston's own level words, which are lower case.
func simpleLevel(word []byte) bool {
	switch string(word) {
	case "error", "warn", "info", "http", "verbose", "debug", "silly", "emerg", "alert", "crit", "warning", "notice":
		return true
	}
	return false
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}
