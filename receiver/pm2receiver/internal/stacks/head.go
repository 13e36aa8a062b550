// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import "bytes"

// Exception is what a stack trace says of itself.
type Exception struct {
	Type       []byte
	Message    []byte
	Stacktrace []byte
	// Strict is set if the type says itself that it is an error.
	Strict bool
}

// ReadException reads the exception of a stack trace in one text. It returns nil if
// the text does not begin with the head of one.
func ReadException(text []byte) *Exception {
	first, rest, _ := bytes.Cut(text, newline)
	if pythonStart(first) {
		return readPython(text)
	}
	if goHead(first) || goroutineHead(first) {
		return readGo(text, first)
	}
	head := headOf(first, false)
	if head == nil || head.at != 0 {
		return nil
	}
	end := len(first)
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, newline)
		if frame(line) || looseFrame(line) || bytes.HasPrefix(bytes.TrimLeft(line, " \t"), innerBegins) {
			break
		}
		end += 1 + len(line)
	}
	from := len(bytes.TrimSuffix(first, carriageReturn)) - len(head.message)
	return &Exception{Type: head.kind, Message: bytes.TrimSuffix(text[from:end], carriageReturn), Stacktrace: text, Strict: strictType(head.kind)}
}

// looseFrame says whether a line of a text that is a stack trace is one of its frames.
func looseFrame(text []byte) bool {
	i := indentOf(text)
	return i > 0 && bytes.HasPrefix(text[i:], atWord)
}

// readPython reads a traceback. The last exception is the one that was not caught.
func readPython(text []byte) *Exception {
	e := &Exception{Stacktrace: text, Strict: true}
	first, _, _ := bytes.Cut(text, newline)
	group := bytes.HasSuffix(bytes.TrimRight(first, " \r"), pythonGroup)
	for rest := text; len(rest) > 0; {
		var line []byte
		from := len(text) - len(rest)
		line, rest, _ = bytes.Cut(rest, newline)
		full := line
		if inner, ok := bytes.CutPrefix(line, []byte("  | ")); ok && group { // those of the exceptions in the group are indented further
			if len(inner) > 0 && inner[0] != ' ' && pythonEnd(inner) {
				kind, message, _ := bytes.Cut(bytes.TrimSuffix(inner, carriageReturn), []byte(":"))
				e.Type, e.Message = kind, bytes.TrimPrefix(message, []byte(" "))
				break
			}
			continue
		}
		line = bytes.TrimLeft(line, "|+")
		if len(line) == 0 || line[0] == ' ' || bytes.HasPrefix(line, pythonHead) || !pythonEnd(line) {
			continue
		}
		kind, message, _ := bytes.Cut(bytes.TrimSuffix(line, carriageReturn), []byte(":"))
		e.Type, e.Message = kind, bytes.TrimPrefix(message, []byte(" "))
		if invalid(line) { // what is below it is its message
			more, _, _ := bytes.Cut(rest, []byte("\n\n"))
			end := len(text) - len(rest) + len(more)
			rest = rest[len(more):]
			e.Message = bytes.TrimRight(text[from+len(bytes.TrimSuffix(full, carriageReturn))-len(e.Message):end], "\r\n ")
		}
	}
	if e.Type == nil {
		return nil
	}
	return e
}

// readGo reads what Go writes when it ends.
func readGo(text, first []byte) *Exception {
	e := &Exception{Stacktrace: text, Strict: true}
	kind, message, found := bytes.Cut(bytes.TrimSuffix(first, carriageReturn), []byte(": "))
	if !found {
		return e
	}
	e.Type, e.Message = kind, bytes.TrimSuffix(message, []byte(" [recovered]"))
	return e
}

var (
	newline        = []byte("\n")
	carriageReturn = []byte("\r")
)

// heading is the line of a trace that names the error.
type heading struct {
	at      int // where it begins in its line
	kind    []byte
	message []byte
}

const (
	// maxHeadAt is how far from its beginning a line is searched for a head.
	maxHeadAt = 512
	shortest  = len("Error")
	// maxType is longer than the name of a type.
	maxType = 128
)

// headOf reads `Type: message`, `Type [CODE]: message` or `Type` at the beginning of
// a line or behind a blank. If strict, the type must say that it is an error; else
// any capitalised word will do at the beginning of the line.
func headOf(text []byte, strict bool) *heading {
	if h := typeAt(text, 0, strict); h != nil {
		return h
	}
	b := text[:min(len(text), maxHeadAt)]
	for from := 0; ; {
		// Where a type ends.
		i := bytes.IndexByte(b[from:], ':')
		if i < 0 {
			break
		}
		end := from + i
		from = end + 1
		name := b[:end]
		if end > 0 {
			switch b[end-1] {
			case 'r', 'n', 'g', ']': // Error, Exception, Warning, [CODE]
			default:
				continue
			}
		}
		if len(name) > 0 && name[len(name)-1] == ']' { // Error [ERR_X]: …
			open := bytes.LastIndexByte(name, '[')
			if open < 1 {
				continue
			}
			name = bytes.TrimRight(name[:open], " ")
		}
		if len(name) < shortest || !strictType(name) {
			continue
		}
		begin := len(name)
		for begin > 0 && inType(name[begin-1]) {
			begin--
		}
		if begin == 0 || name[begin-1] != ' ' && name[begin-1] != '\t' && name[begin-1] != '[' && name[begin-1] != '(' {
			continue
		}
		h := typeAt(text, begin, true)
		if h == nil {
			continue
		}
		if isLabel(name[:begin], h.kind) {
			if next := typeAt(text, len(text)-len(h.message), true); next != nil && len(h.message) > 0 {
				return next
			}
		}
		return h
	}
	if bytes.HasPrefix(text, uncaught) {
		return typeAt(text, len(uncaught), true)
	}
	return nil
}

// isLabel says whether a type is the end of somebody's own words: Uncaught Exception.
func isLabel(before, kind []byte) bool {
	if string(kind) == "UnhandledPromiseRejectionWarning" {
		return true
	}
	if string(kind) != "Error" && string(kind) != "Exception" {
		return false
	}
	before = bytes.TrimSpace(before)
	return bytes.HasSuffix(before, []byte("Uncaught")) || bytes.HasSuffix(before, []byte("Unhandled")) ||
		bytes.HasSuffix(before, []byte("uncaught")) || bytes.HasSuffix(before, []byte("unhandled"))
}

var (
	uncaught = []byte("Uncaught ")
	errorEnd = []byte("Error")
	excEnd   = []byte("Exception")
	// warningEnd is of the warnings of Node.js, which may have a trace.
	warningEnd = []byte("Warning")
)

func strictType(kind []byte) bool {
	return bytes.HasSuffix(kind, errorEnd) || bytes.HasSuffix(kind, excEnd) || bytes.HasSuffix(kind, warningEnd)
}

func inType(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' || c-'0' <= 9 || c == '.'
}

func typeAt(text []byte, at int, strict bool) *heading {
	b := bytes.TrimSuffix(text[at:], carriageReturn)
	n := 0
	for n < len(b) && (b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' || b[n] == '_' || b[n] == '$' || n > 0 && (b[n]-'0' <= 9 || b[n] == '.')) {
		n++
	}
	if n < 3 || n > maxType {
		return nil
	}
	kind, rest := b[:n], b[n:]
	if !strictType(kind) && (at != 0 || string(kind) != "Trace") && (strict || kind[0] < 'A' || kind[0] > 'Z') {
		return nil
	}
	if len(rest) > 2 && rest[0] == ' ' && rest[1] == '[' { // Error [ERR_X]: …
		if end := bytes.IndexByte(rest, ']'); end > 0 {
			rest = rest[end+1:]
		}
	}
	switch {
	case len(rest) == 0:
		return &heading{at: at, kind: kind}
	case rest[0] == ':' && (len(rest) == 1 || rest[1] == ' '):
		return &heading{at: at, kind: kind, message: bytes.TrimPrefix(rest[1:], []byte(" "))}
	}
	return nil
}
