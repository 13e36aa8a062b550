// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import (
	"bytes"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/ansi"
)

// answer is what becomes of the next line.
type answer int

const (
	// ends is of a line that does not belong to those before it.
	ends answer = iota
	belongs
	// mayBelong is of a line that belongs if the one behind it does.
	mayBelong
	// completes is of the last line.
	completes
)

// begin says whether a line alone shows that more will follow, and of what kind.
func (h *Held) begin(text []byte) bool {
	if indent, ok := opener(text); ok && !frame(text) {
		h.Kind, h.Depth, h.Indent = kindBlock, 1, indent
		return true
	}
	switch text[0] {
	case ' ', '\t':
		if frame(text) {
			h.Kind, h.Open = kindAt, true
			h.brace(text)
			return true
		}
	case 'g':
		if goroutineHead(text) {
			h.Kind, h.Open = kindGo, true
			return true
		}
	}
	if pythonStart(text) {
		h.Kind, h.Open = kindPython, true
		return true
	}
	return false
}

// next says whether a line continues those in h.
func (h *Held) next(text []byte) answer {
	switch h.Kind {
	case kindAt:
		return h.nextAt(text)
	case kindPython:
		return h.nextPython(text)
	case kindGo:
		return h.nextGo(text)
	case kindBlock:
		return h.nextBlock(text)
	case kindConsole:
		if indentOf(text) >= consoleIndent && !onlyBlanks(text) {
			return belongs
		}
	case kindNone:
	}
	return ends
}

// nextAt takes frames, what Node.js prints in braces behind them, and causes.
func (h *Held) nextAt(text []byte) answer {
	if frame(text) {
		h.brace(text)
		return belongs
	}
	indent := indentOf(text)
	rest := text[indent:]
	switch {
	case len(rest) == 0:
		return ends
	case h.Depth > 0 && (indent > 0 || rest[0] == '}' || rest[0] == ']'):
		h.brace(text)
		return belongs
	case bytes.HasPrefix(rest, causedBy):
		if typeAt(rest, len(causedBy), false) == nil && headOf(rest[len(causedBy):], true) == nil {
			return mayBelong // if frames follow
		}
		return belongs
	case indent == 0:
		if bytes.HasPrefix(rest, innerEnds) {
			return belongs
		}
		if bytes.Equal(bytes.TrimRight(rest, "\r"), earlier) { // Bluebird
			return mayBelong
		}
		return ends
	case leftOut(rest), bytes.HasPrefix(rest, arrow),
		bytes.HasPrefix(rest, suppressed), bytes.HasPrefix(rest, innerBegins), bytes.HasPrefix(rest, innerEnds),
		bytes.HasPrefix(rest, causeProperty), bytes.HasPrefix(rest, errorProperty):
		h.brace(text)
		return belongs
	}
	return ends
}

// leftOut reports whether a line states how many frames are omitted: ... 2 more, ... 12
// common frames omitted, ... 4 lines matching cause stack trace ...
func leftOut(text []byte) bool {
	n, ok := bytes.CutPrefix(text, []byte("... "))
	if !ok || len(n) == 0 || n[0]-'0' > 9 {
		return false
	}
	n = bytes.TrimRight(n, "\r")
	return bytes.HasSuffix(n, more) || bytes.HasSuffix(n, omitted) || bytes.Contains(n, matching)
}

// brace counts the brackets in which Node.js prints the properties of an error.
func (h *Held) brace(text []byte) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return
	}
	if (text[0] == '}' || text[0] == ']') && h.Depth > 0 {
		h.Depth--
	}
	if last := text[len(text)-1]; last == '{' || last == '[' && h.Depth > 0 {
		h.Depth++
	}
}

// nextPython takes what is indented, the line of the exception, and tracebacks that are
// connected with it.
func (h *Held) nextPython(text []byte) answer {
	switch {
	case onlyBlanks(text):
		return mayBelong
	case h.Ended && (bytes.HasPrefix(text, pythonDuring) || bytes.HasPrefix(text, pythonCause)):
		return mayBelong
	case pythonStart(text):
		if h.Ended && h.Loose == 0 {
			return ends
		}
		h.Ended = false
		return belongs
	case h.Ended && h.Depth > 0:
		return h.nextInvalid(text)
	case h.Ended:
		return ends
	case text[0] == ' ' || text[0] == '\t' || text[0] == '>' && pythonFrame(text):
		return belongs
	case pythonEnd(text):
		h.Ended = true
		if invalid(text) {
			h.Depth = 1
		}
		return belongs
	}
	return ends
}

// nextInvalid takes what Pydantic writes below the line of its exception: the place of each
// invalid value, and what is wrong with it, which is indented.
func (h *Held) nextInvalid(text []byte) answer {
	switch indent := indentOf(text); {
	case indent == 2 && (bytes.Contains(text, []byte("[type=")) || bytes.Contains(text, []byte("(type="))),
		indent == 4 && bytes.HasPrefix(text[indent:], []byte("For further information")):
		return belongs
	case indent == 0 && h.Loose == 0:
		return mayBelong
	}
	return ends
}

// nextGo takes goroutines: functions and their places, with empty lines between.
func (h *Held) nextGo(text []byte) answer {
	switch {
	case goPlace(text), goroutineHead(text), bytes.HasPrefix(text, createdBy), bytes.HasPrefix(text, elided), bytes.HasPrefix(text, goExit):
		return belongs
	case onlyBlanks(text):
		return mayBelong
	case goFunction(text) && (h.Loose == 0 || onlyBlanks(h.Lines[len(h.Lines)-1].Text)):
		return mayBelong
	}
	return ends
}

// nextBlock takes lines that are indented until the bracket is closed.
func (h *Held) nextBlock(text []byte) answer {
	indent := indentOf(text)
	rest := bytes.TrimRight(text[indent:], " \r")
	if len(rest) == 0 {
		return mayBelong // a line may be empty
	}
	closing := rest[0] == '}' || rest[0] == ']' || rest[0] == ')'
	if indent <= h.Indent && !closing {
		return ends
	}
	if closing {
		h.Depth--
	}
	if last := rest[len(rest)-1]; last == '{' || last == '[' || last == '(' {
		h.Depth++
	}
	if closing && indent <= h.Indent { // Next.js puts its mark before the object
		if h.Depth > 0 && rest[len(rest)-1] != '}' && rest[len(rest)-1] != ']' && rest[len(rest)-1] != ')' { // }, {
			return belongs
		}
		h.Open = true
		return completes
	}
	return belongs
}

// maxPretty is how much of a line is looked at for pino-pretty.
const maxPretty = 160

// withoutColors returns the beginning of a line without colors.
func withoutColors(dst, text []byte) []byte {
	if bytes.IndexByte(text[:min(len(text), maxPretty)], ansi.Escape) < 0 {
		return text
	}
	return ansi.Append(dst, text, maxPretty)
}

// prettyHead says whether a line is the head that pino-pretty writes: `[time] LEVEL
// (name/pid): message`, with or without the time.
func prettyHead(text []byte) bool {
	var space [maxPretty]byte
	text = withoutColors(space[:0], text)
	if len(text) > 0 && text[0] == '[' {
		end := bytes.IndexByte(text[:min(len(text), 64)], ']')
		if end < 0 || end+2 > len(text) || text[end+1] != ' ' {
			return false
		}
		text = text[end+2:]
	}
	n := 0
	for n < len(text) && text[n] >= 'A' && text[n] <= 'Z' {
		n++
	}
	if n < 4 || n > 8 || n >= len(text) {
		return false
	}
	if bytes.HasPrefix(text[n:], []byte(" [")) { // levelFirst
		if end := bytes.IndexByte(text[n:], ']'); end > 0 && n+end+1 < len(text) {
			n += end + 1
		}
	}
	return text[n] == ':' || bytes.HasPrefix(text[n:], []byte(" (")) && bytes.Contains(text[n:min(len(text), 128)], []byte("):"))
}

// prettyField says whether a line is a field as pino-pretty writes them: four blanks, a
// name and a colon.
func prettyField(text []byte) bool {
	var space [maxPretty]byte
	text = withoutColors(space[:0], text)
	if !bytes.HasPrefix(text, []byte("    ")) || len(text) < 7 || text[4] == ' ' {
		return false
	}
	n := 4
	for n < len(text) && (inType(text[n]) || text[n] == '-' || text[n] == '"' || text[n] == '@') {
		n++
	}
	return n > 4 && n < len(text) && text[n] == ':'
}
