package stacks

import (
	"bytes"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// Exception is what a stack trace says of itself.
type Exception struct {
	Type       []byte
	Message    []byte
	Stacktrace []byte
}

// ReadException reads the exception of a stack trace in one text. It returns nil if
// the text does not begin with the head of one.
func ReadException(text []byte) *Exception {
	first, rest, _ := bytes.Cut(text, newline)
	head := headOf(first, false)
	if head == nil || head.at != 0 {
		return nil
	}
	end := len(first)
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, newline)
		if frame(line) {
			break
		}
		end += 1 + len(line)
	}
	from := len(bytes.TrimSuffix(first, carriageReturn)) - len(head.message)
	return &Exception{Type: head.kind, Message: bytes.TrimSuffix(text[from:end], carriageReturn), Stacktrace: text}
}

var (
	newline        = []byte("\n")
	carriageReturn = []byte("\r")
)

// head is the line of a trace that names the error.
type head struct {
	at      int // where it begins in its line
	kind    []byte
	message []byte
}

// headOf reads `Type: message`, `Type [CODE]: message` or `Type` at the beginning of
// a line or behind a `: `. If strict, the type must say that it is an error; else
// any capitalised word will do at the beginning of the line.
func headOf(text []byte, strict bool) *head {
	if h := typeAt(text, 0, strict); h != nil {
		return h
	}
	text = text[:min(len(text), 512)]
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(": "))
		if i < 0 {
			break
		}
		from += i + 2
		if h := typeAt(text, from, true); h != nil {
			return h
		}
	}
	if bytes.HasPrefix(text, uncaught) {
		return typeAt(text, len(uncaught), true)
	}
	return nil
}

var (
	uncaught = []byte("Uncaught ")
	errorEnd = []byte("Error")
	excEnd   = []byte("Exception")
)

func typeAt(text []byte, at int, strict bool) *head {
	b := bytes.TrimSuffix(text[at:], carriageReturn)
	n := 0
	for n < len(b) && (b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' || b[n] == '_' || b[n] == '$' || n > 0 && (b[n]-'0' <= 9 || b[n] == '.')) {
		n++
	}
	if n < 3 || n > 128 {
		return nil
	}
	kind, rest := b[:n], b[n:]
	if !bytes.HasSuffix(kind, errorEnd) && !bytes.HasSuffix(kind, excEnd) && (at != 0 || string(kind) != "Trace") &&
		(strict || kind[0] < 'A' || kind[0] > 'Z') {
		return nil
	}
	if len(rest) > 2 && rest[0] == ' ' && rest[1] == '[' { // Error [ERR_X]: …
		if end := bytes.IndexByte(rest, ']'); end > 0 {
			rest = rest[end+1:]
		}
	}
	switch {
	case len(rest) == 0:
		return &head{at: at, kind: kind}
	case rest[0] == ':' && (len(rest) == 1 || rest[1] == ' '):
		return &head{at: at, kind: kind, message: bytes.TrimPrefix(rest[1:], []byte(" "))}
	}
	return nil
}

// frame says whether a line is a place in a stack trace.
func frame(text []byte) bool {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i > 0 && len(text) > i+3 && text[i] == 'a' && text[i+1] == 't' && text[i+2] == ' '
}

// close hands out what is held at i: each line alone if no frame has come.
func (j *Joiner) close(i int, a *arena.Arena, yield func(*Entry)) {
	h := j.state.Held[i]
	j.state.Held = slices.Delete(j.state.Held, i, i+1)
	first := len(h.Lines)
	if h.Open {
		first = h.start()
	}
	for k := range h.Lines[:first] {
		j.alone(&h.Lines[k], yield)
	}
	if h.Open {
		yield(trace(h.Lines[first:], h.Frames-first, a))
	}
	if len(j.spare) < 4 && cap(h.Lines) <= 64 {
		clear(h.Lines)
		j.spare = append(j.spare, h.Lines[:0])
	}
}

// start returns which of the held lines the trace begins with.
func (h *Held) start() int {
	if h.Frames == 0 {
		return 0
	}
	at := headed(h.Lines[:h.Frames])
	if at < 0 {
		return h.Frames - 1
	}
	if at > 0 && announces(h.Lines[at-1].Text, headOf(h.Lines[at].Text, true)) {
		at--
	}
	return at
}

// trace makes one entry of the lines of a trace, of which the first frames lines
// stand before the first frame.
func trace(held []lines.Line, frames int, a *arena.Arena) *Entry {
	e := &Entry{Line: &held[0], Lines: len(held)}
	size := 0
	for i := range held {
		size += len(held[i].Text) + 1
	}
	buf, body, at := a.Reserve(size), 0, -1
	for i := range held {
		if i > 0 {
			buf = append(buf, '\n')
		}
		if i == frames {
			body = len(buf) - 1
		}
		if h := headOf(held[i].Text, i == 0 && frames > 1); h != nil && i < frames && (at < 0 || h.at == 0) {
			at = len(buf) + h.at
			if i > 0 { // the logger's line has said it already
				body = len(buf) - 1
				frames = -1
			}
		}
		buf = append(buf, held[i].Text...)
		held[0].Repaired = held[0].Repaired || held[i].Repaired
	}
	e.Original = a.Keep(buf)
	e.Body = e.Original
	if at >= 0 {
		if e.Exception = ReadException(e.Original[at:]); e.Exception != nil {
			e.Body = e.Original[:body]
		}
	}
	return e
}
