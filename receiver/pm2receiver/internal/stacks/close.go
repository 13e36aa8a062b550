// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import (
	"bytes"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// close emits what is held at i: each line alone if it is not certain that they
// belong together.
func (j *Joiner) close(i int, a *arena.Arena, yield func(*Entry)) {
	h := j.state.Held[i]
	j.state.Held = slices.Delete(j.state.Held, i, i+1)
	first, last := len(h.Lines), len(h.Lines)
	if h.Open {
		first = h.start()
		last -= h.Loose
	}
	for k := range h.Lines[:first] {
		j.alone(&h.Lines[k], yield)
	}
	if h.Open {
		yield(h.entry(first, last, a))
	}
	for k := last; k < len(h.Lines) && h.Open; k++ {
		j.alone(&h.Lines[k], yield)
	}
	j.reuse(h.Lines)
}

// drop removes what is held at i, which was emitted.
func (j *Joiner) drop(i int) {
	held := j.state.Held[i].Lines
	j.state.Held = slices.Delete(j.state.Held, i, i+1)
	j.reuse(held)
}

// reuse keeps a few slices for other lines.
func (j *Joiner) reuse(held []lines.Line) {
	if len(j.spare) < 4 && cap(held) <= 64 {
		clear(held)
		j.spare = append(j.spare, held[:0])
	}
}

// start returns which of the held lines the record begins with.
func (h *Held) start() int {
	if h.Kind != kindAt || h.Frames == 0 {
		if h.Kind == kindGo && h.head() > 0 && h.Frames >= h.Head {
			return h.Head - 1
		}
		if h.Kind == kindGo && h.Frames > 1 {
			return h.Frames - 1
		}
		return 0
	}
	at := slices.IndexFunc(h.Lines[:h.Frames], func(l lines.Line) bool { return headOf(l.Text, true) != nil })
	if at < 0 || h.nearer(at) {
		return h.Frames - 1
	}
	return 0 // what was held with the head announces it
}

// nearer reports whether the line before the first frame is the head of the trace, and not
// part of the message of the error at place at: ordinary lines are between the two, and it
// names something that may be a type.
func (h *Held) nearer(at int) bool {
	last := h.Frames - 1
	if last < at+2 {
		return false
	}
	for i := at + 1; i < last; i++ {
		text := h.Lines[i].Text
		if len(text) == 0 || text[0] == ' ' || text[0] == '\t' || typeAt(text, 0, false) != nil {
			return false
		}
	}
	head := typeAt(h.Lines[last].Text, 0, false)
	return head != nil && len(head.message) > 0 && !label(head.kind)
}

// label reports whether a word before a colon is one that messages of errors have at the
// beginning of their lines.
func label(word []byte) bool {
	switch string(bytes.ToLower(word)) {
	case "actual", "received", "expected", "diff", "difference", "reason", "cause", "caused", "detail", "details", "hint", "note", "help", "usage", "see", "code",
		"errno", "status", "type", "name", "field", "key", "value", "values", "path", "paths", "file", "line", "position", "where", "input", "output", "query", "sql",
		"parameters", "params", "arguments", "context", "request", "response", "body", "url", "uri", "method", "host", "message", "original", "operation", "command",
		"stdout", "stderr", "stack", "function", "index", "id", "got", "found", "available", "require", "required", "version", "node", "arch", "platform":
		return true
	}
	return false
}

// entry makes one entry of the lines from first to last.
func (h *Held) entry(first, last int, a *arena.Arena) *Entry {
	held := h.Lines[first:last]
	switch frames := h.Frames - first; h.Kind {
	case kindAt, kindNone:
		return trace(held, frames, a)
	case kindPython, kindGo:
		e := joined(held, a)
		at := 0
		for i := range held[:frames] {
			at += len(held[i].Text) + 1
		}
		if h.Kind == kindGo && first < h.Head && h.Head <= h.Frames { // the head of a panic
			at = 0
			for i := range held[:h.Head-1-first] {
				at += len(held[i].Text) + 1
			}
		}
		if e.Exception = ReadException(e.Original[at:]); e.Exception == nil && h.Kind == kindGo {
			e.Exception = &Exception{Stacktrace: e.Original[at:]}
		}
		switch {
		case e.Exception == nil:
		case at > 0:
			e.Body = e.Original[:at-1]
		case h.Kind == kindPython:
			e.Body = finalLine(e.Original)
		default:
			e.Body, _, _ = bytes.Cut(e.Original, newline)
		}
		return e
	case kindBlock, kindConsole:
		e := joined(held, a)
		e.Exception = exceptionInside(held, e.Original)
		return e
	}
	return trace(held, h.Frames-first, a)
}

// finalLine returns the line of a traceback that names the exception.
func finalLine(text []byte) []byte {
	text = bytes.TrimRight(text, "\n \r")
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

// joined makes one entry of lines whose body is all of them.
func joined(held []lines.Line, a *arena.Arena) *Entry {
	e := &Entry{Line: &held[0], Lines: len(held)}
	size := 0
	for i := range held {
		size += len(held[i].Text) + 1
	}
	buf := a.Reserve(size)
	for i := range held {
		if i > 0 {
			buf = append(buf, '\n')
		}
		buf = append(buf, held[i].Text...)
		held[0].Repaired = held[0].Repaired || held[i].Repaired
	}
	e.Original = a.Keep(buf)
	e.Body = e.Original
	return e
}

// exceptionInside finds a stack trace in an object or below the head of a logger.
func exceptionInside(held []lines.Line, text []byte) *Exception {
	at, head, from := 0, (*heading)(nil), 0
	for i := range held {
		line := held[i].Text
		if head != nil && frame(line) {
			end := at
			for _, l := range held[i:] {
				if !frame(l.Text) && !bytes.Contains(l.Text, matching) {
					break
				}
				end += len(l.Text) + 1
			}
			return ReadException(text[from:min(end-1, len(text))])
		}
		if h := headOf(bytes.TrimLeft(line, " \t"), true); h != nil {
			head, from = h, at+indentOf(line)+h.at
		}
		at += len(line) + 1
	}
	return nil
}

// trace makes one entry of the lines of a trace. The number of lines before the first
// frame is frames.
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
		if i < frames {
			if h := headOf(held[i].Text, i > 0 || frames > 1); h != nil && (at < 0 || i > 0 && at > 0 && h.at == 0) {
				at = len(buf) + h.at
				if i > 0 { // the logger's line already contains it
					body = len(buf) - 1
					frames = -1
				}
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
