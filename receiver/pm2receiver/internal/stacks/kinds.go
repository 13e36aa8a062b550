// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import "bytes"

// Kind is what the lines of a record are that is written as several.
type Kind int

const (
	kindNone Kind = iota
	// kindAt is a stack trace of JavaScript, Java or .NET: its frames begin with at.
	kindAt
	// kindPython is a traceback.
	kindPython
	// kindGo is a panic, a fatal error or a goroutine's stack.
	kindGo
	// kindBlock is an object that is printed over several lines.
	kindBlock
	// kindConsole is what .NET's console logger and pino-pretty write: a head and lines
	// that are indented below it.
	kindConsole
)

var (
	pythonHead    = []byte("Traceback (most recent call last):")
	pythonGroup   = []byte("Exception Group Traceback (most recent call last):")
	pythonDuring  = []byte("During handling of the above exception, another exception occurred:")
	pythonCause   = []byte("The above exception was the direct cause of the following exception:")
	goroutine     = []byte("goroutine ")
	goPanic       = []byte("panic: ")
	goFatal       = []byte("fatal error: ")
	goPanics      = []byte("panic")
	goExit        = []byte("exit status ")
	createdBy     = []byte("created by ")
	elided        = []byte("...additional frames elided...")
	causedBy      = []byte("Caused by: ")
	suppressed    = []byte("Suppressed: ")
	innerBegins   = []byte("---> ")
	innerEnds     = []byte("--- End of ")
	causeProperty = []byte("[cause]: ")
	errorProperty = []byte("[errors]: ")
	more          = []byte(" more")
	omitted       = []byte(" common frames omitted")
	matching      = []byte("lines matching")
	atWord        = []byte("at ")
	arrow         = []byte("-> ")
	earlier       = []byte("From previous event:")
	wasmFunction  = []byte(":wasm-function[")
)

// indentOf counts the blanks before a line.
func indentOf(text []byte) int {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i
}

func onlyBlanks(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// frame says whether a line is a place in a stack trace of JavaScript, Java or .NET:
// it is indented, begins with at and ends with a place.
func frame(text []byte) bool {
	i := indentOf(text)
	if i == 0 || !bytes.HasPrefix(text[i:], atWord) {
		return false
	}
	b := bytes.TrimRight(text[i+len(atWord):], " \r")
	if len(b) > 0 && b[len(b)-1] == '}' { // what winston's simple() writes behind a trace
		if rest := bytes.Index(b, []byte(` {"`)); rest > 0 {
			b = b[:rest]
		}
	}
	b = bytes.TrimRight(bytes.TrimSuffix(b, []byte("{")), " ,")
	if len(b) == 0 {
		return false
	}
	last := b[len(b)-1]
	if last-'0' <= 9 { // /srv/a.js:1:2, in /srv/a.cs:line 12
		n := len(b)
		for n > 0 && b[n-1]-'0' <= 9 {
			n--
		}
		return n > 0 && b[n-1] == ':' || bytes.HasSuffix(b[:n], []byte(":line ")) || bytes.Contains(b, wasmFunction)
	}
	if last == '>' {
		return bytes.HasSuffix(b, []byte("<anonymous>"))
	}
	if last == ']' { // Java's jar in brackets
		open := bytes.LastIndexByte(b, '[')
		if open <= 0 {
			return false
		}
		b = bytes.TrimRight(b[:open], " ~")
		if len(b) == 0 {
			return false
		}
		last = b[len(b)-1]
	}
	if last != ')' {
		return false
	}
	open := bytes.LastIndexByte(b, '(')
	if open <= 0 {
		return false
	}
	if b[open-1] != ' ' { // of Java and .NET
		return true
	}
	place := b[open+1 : len(b)-1]
	for k := 0; k+1 < len(place); k++ {
		if place[k] == ':' && place[k+1]-'0' <= 9 {
			return true
		}
	}
	switch string(place) {
	case "<anonymous>", "native", "native code", "Native Method", "Unknown Source":
		return true
	}
	return bytes.HasPrefix(place, []byte("index ")) || bytes.HasPrefix(place, []byte("node:")) || bytes.HasPrefix(place, []byte("eval at "))
}

// pythonFrame says whether a line is a place in a traceback.
func pythonFrame(text []byte) bool {
	b := bytes.TrimLeft(text, " |+>")
	return len(b) < len(text) && bytes.HasPrefix(b, []byte(`File "`)) && bytes.Contains(b, []byte(`", line `))
}

// goPlace says whether a line is the place of a frame of Go: a tab, a file and a line.
func goPlace(text []byte) bool {
	if len(text) < 5 || text[0] != '\t' && !bytes.HasPrefix(text, []byte("    ")) {
		return false
	}
	i := bytes.IndexByte(text, ':')
	return i > 0 && i+1 < len(text) && text[i+1]-'0' <= 9 && (bytes.HasSuffix(text[:i], []byte(".go")) || bytes.HasSuffix(text[:i], []byte(".s")))
}

// goFunction says whether a line may be the function of a frame of Go.
func goFunction(text []byte) bool {
	text = bytes.TrimRight(text, "\r")
	if bytes.HasPrefix(text, []byte("panic(")) && text[len(text)-1] == ')' {
		return true
	}
	if len(text) < 3 || bytes.IndexByte(text, '.') < 0 {
		return false
	}
	name := text
	if text[len(text)-1] == ')' {
		open := bytes.LastIndexByte(text, '(')
		if open <= 0 {
			return false
		}
		name = text[:open]
	}
	for _, c := range name {
		if c == ' ' || c == ':' || c == '"' || c == '=' || c == ',' {
			return false
		}
	}
	return true
}

// goroutineHead says whether a line is the head of a goroutine's stack.
func goroutineHead(text []byte) bool {
	if !bytes.HasPrefix(text, goroutine) {
		return false
	}
	b := text[len(goroutine):]
	n := 0
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	if b = bytes.TrimRight(b[n:], "\r"); n == 0 || !bytes.HasSuffix(b, []byte("]:")) {
		return false
	}
	open := bytes.IndexByte(b, '[') // with addresses before it if GOTRACEBACK asks for them
	return open == 1 && b[0] == ' ' || bytes.HasPrefix(b, []byte(" gp=")) && open > 0
}

// goHead says whether a line may be what Go writes before the stacks of a crash.
func goHead(text []byte) bool {
	return bytes.HasPrefix(text, goPanic) || bytes.HasPrefix(text, goFatal)
}

// pythonStart says whether a line begins a traceback.
func pythonStart(text []byte) bool {
	if len(text) == 0 || text[0] != 'T' && text[0] != ' ' {
		return false
	}
	b := bytes.TrimRight(text, " \r")
	return bytes.Equal(b, pythonHead) || bytes.HasSuffix(b, pythonGroup) && onlyBlanks(bytes.Trim(b[:len(b)-len(pythonGroup)], "+| "))
}

// pythonEnd says whether a line may be the last of a traceback: the type of the
// exception, with or without a message.
func pythonEnd(text []byte) bool {
	n := 0
	for n < len(text) && (text[n]|0x20 >= 'a' && text[n]|0x20 <= 'z' || text[n] == '_' || n > 0 && (text[n]-'0' <= 9 || text[n] == '.')) {
		n++
	}
	rest := bytes.TrimRight(text[n:], "\r")
	return n > 1 && (len(rest) == 0 || rest[0] == ':' && (len(rest) == 1 || rest[1] == ' '))
}

// invalid reports whether the line of an exception is Pydantic's: `ValidationError: 2
// validation errors for Order`.
func invalid(text []byte) bool {
	_, message, _ := bytes.Cut(text, []byte(": "))
	n := 0
	for n < len(message) && message[n]-'0' <= 9 {
		n++
	}
	return n > 0 && bytes.HasPrefix(message[n:], []byte(" validation error"))
}

// opener says whether a line opens a bracket that is closed on a later one, and how far
// it is indented.
func opener(text []byte) (indent int, ok bool) {
	n := len(text)
	for n > 0 && (text[n-1] == ' ' || text[n-1] == '\r') {
		n--
	}
	if n == 0 || text[n-1] != '{' && text[n-1] != '[' && text[n-1] != '(' {
		return 0, false
	}
	return indentOf(text), true
}

// consoleHead says whether a line is the head of .NET's console logger: `info:
// Category[0]`.
func consoleHead(text []byte) bool {
	if len(text) < 9 || text[4] != ':' || text[5] != ' ' {
		return false
	}
	b := bytes.TrimRight(text, " \r")
	if b[len(b)-1] != ']' {
		return false
	}
	switch string(text[:4]) {
	case "trce", "dbug", "info", "warn", "fail", "crit":
	default:
		return false
	}
	open := bytes.LastIndexByte(b, '[')
	if open < 7 || open+1 == len(b)-1 || bytes.IndexByte(b[6:open], ' ') >= 0 {
		return false
	}
	for _, c := range b[open+1 : len(b)-1] {
		if c-'0' > 9 && c != '-' {
			return false
		}
	}
	return true
}

// HasFrames says whether a text holds a place of a stack trace.
func HasFrames(text []byte) bool {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, newline)
		if len(line) > 3 && (line[0] == ' ' || line[0] == '\t') && (frame(line) || pythonFrame(line) || goPlace(line)) {
			return true
		}
		text = rest
	}
	return false
}
