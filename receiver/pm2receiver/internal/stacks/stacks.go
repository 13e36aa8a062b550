// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package stacks puts the lines of a record back together that is written as several:
// stack traces of JavaScript, Java, .NET, Python and Go, and objects that are printed
// over several lines.
//
// It joins only what one process wrote to one stream at one moment, and never more
// than so many lines and bytes.
package stacks

import (
	"bytes"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

const (
	// maxHead is the maximum number of lines between the head of a trace and its first
	// frame: the message of an error can have several.
	maxHead = 24
	// moment is how far PM2's times of two records may lie apart for the second to
	// continue the trace of the first.
	moment = time.Second
	// lineSize is what is kept of a line besides its text, in memory or in a checkpoint, and
	// charSize what a byte of its names may have in one.
	lineSize = 300
	charSize = 6
	// consoleIndent is how far lines are indented below a head of a console logger.
	consoleIndent = 4
)

// Joiner holds back lines that may belong to a trace until it is certain. It is not
// safe for concurrent use.
type Joiner struct {
	set   Settings
	state State
	out   Entry          // what yield is given, reused
	spare [][]lines.Line // of lines that were emitted
}

// New returns a joiner that continues where state was taken.
func New(set Settings, state State) *Joiner { return &Joiner{set: set, state: state.Clone()} }

// State returns what a joiner needs to continue in another process.
func (j *Joiner) State() State { return j.state.Clone() }

// Restore takes the joiner back to a state it had.
func (j *Joiner) Restore(state State) { j.state = state.Clone() }

// Pending says whether lines are held back.
func (j *Joiner) Pending() bool { return len(j.state.Held) > 0 }

// Held returns about how many bytes of lines are kept.
func (j *Joiner) Held() (n int) {
	for i := range j.state.Held {
		h := &j.state.Held[i]
		n += h.Size + len(h.Lines)*(lineSize+charSize*(len(h.Lines[0].App)+len(h.Lines[0].Date)))
	}
	return n
}

// Add takes the next line and emits what is complete now. An entry is yield's
// only until it returns.
func (j *Joiner) Add(l *lines.Line, now time.Time, a *arena.Arena, yield func(*Entry)) {
	i := j.find(l)
	if i < 0 {
		j.fresh(l, now, yield)
		return
	}
	h := &j.state.Held[i]
	if l.Part == 0 && len(h.Lines) < j.set.MaxLines && h.Size+len(l.Text) < j.set.MaxBytes && together(h, l) {
		if h.Kind != kindNone {
			switch h.next(l.Text) {
			case belongs:
				h.add(l, now)
				h.Loose = 0
				return
			case mayBelong:
				h.add(l, now)
				h.Loose++
				return
			case completes:
				h.add(l, now)
				h.Loose = 0
				j.close(i, a, yield)
				return
			case ends:
			}
		} else if j.opens(h, l) || j.awaits(h, l) {
			h.add(l, now)
			return
		}
	}
	if h.Kind == kindNone && len(h.Lines) == 1 && i == len(j.state.Held)-1 {
		// Most lines of text: the next one takes its place.
		j.alone(&h.Lines[0], yield)
		if j.holds(l) {
			*h = Held{Lines: h.Lines[:0]}
			h.begin(l.Text)
			h.add(l, now)
			return
		}
		j.drop(i)
		j.alone(l, yield)
		return
	}
	j.close(i, a, yield)
	j.fresh(l, now, yield)
}

// holds says whether a line that continues nothing may be continued.
func (j *Joiner) holds(l *lines.Line) bool {
	if l.Part > 0 || len(l.Text) == 0 || len(l.Text) >= j.set.MaxBytes {
		return false
	}
	if l.Text[0] != '{' {
		return true
	}
	_, opens := opener(l.Text)
	return opens
}

// fresh takes a line that continues nothing.
func (j *Joiner) fresh(l *lines.Line, now time.Time, yield func(*Entry)) {
	if !j.holds(l) {
		j.alone(l, yield)
		return
	}
	h := Held{}
	h.begin(l.Text)
	if n := len(j.spare); n > 0 {
		h.Lines, j.spare = j.spare[n-1], j.spare[:n-1]
	}
	h.add(l, now)
	j.state.Held = append(j.state.Held, h)
}

// alone emits a line that belongs to no trace.
func (j *Joiner) alone(l *lines.Line, yield func(*Entry)) {
	j.out = Entry{Line: l, Body: l.Text, Original: l.Text, Lines: 1}
	yield(&j.out)
}

func (j *Joiner) find(l *lines.Line) int {
	for i := range j.state.Held {
		first := &j.state.Held[i].Lines[0]
		if first.Slot == l.Slot && first.ProcessID == l.ProcessID && first.Stderr == l.Stderr {
			return i
		}
	}
	return -1
}

// opens says whether l makes certain what the lines in h are.
func (j *Joiner) opens(h *Held, l *lines.Line) bool {
	if len(l.Text) == 0 {
		return false
	}
	switch l.Text[0] {
	case ' ', '\t', 'T', 'g': // what is indented, Traceback, goroutine
	default:
		return false
	}
	last := &h.Lines[len(h.Lines)-1]
	switch {
	case frame(l.Text):
		if h.head() == 0 && !j.mayHead(last.Text) {
			return false
		}
		h.Kind, h.Open, h.Frames = kindAt, true, len(h.Lines)
		h.brace(l.Text)
		return true
	case pythonStart(l.Text):
		if len(h.Lines) > 1 || !j.leads(last.Text) {
			return false
		}
		h.Kind, h.Open, h.Frames = kindPython, true, len(h.Lines)
		return true
	case goroutineHead(l.Text):
		if h.head() == 0 && !bytes.Contains(last.Text, goPanics) && !j.leads(last.Text) {
			return false
		}
		h.Kind, h.Open, h.Frames = kindGo, true, len(h.Lines)
		return true
	case goPlace(l.Text) && len(h.Lines) == 2 && goFunction(last.Text) && j.leads(h.Lines[0].Text): // zap
		h.Kind, h.Open, h.Frames = kindGo, true, 1
		return true
	case len(h.Lines) == 1 && indentOf(l.Text) >= consoleIndent && !onlyBlanks(l.Text) && (consoleHead(last.Text) || prettyHead(last.Text) && prettyField(l.Text)):
		h.Kind, h.Open, h.Frames = kindConsole, true, 1
		return true
	}
	return false
}

// mayHead reports whether frames behind a line may be of the error that it names: it begins
// with a word and a colon, or is that word, and is not what a logger writes below WARN.
func (j *Joiner) mayHead(text []byte) bool {
	if j.leads(text) {
		return true
	}
	text = bytes.TrimRight(text, "\r")
	n := 0
	for n < len(text) && inType(text[n]) {
		n++
	}
	named := n > 0 && n <= maxType && (n == len(text) || text[n] == ':' || text[n] == ' ' && n+1 < len(text) && text[n+1] == '[')
	return named && (j.set.Starts == nil || !j.set.Starts(text))
}

func (j *Joiner) leads(text []byte) bool {
	if j.set.Leads == nil {
		return false
	}
	leads, _ := j.set.Leads(text)
	return leads
}

func (j *Joiner) leadsSurely(text []byte) bool {
	if j.set.Leads == nil {
		return false
	}
	_, surely := j.set.Leads(text)
	return surely
}

// awaits reports whether l may be between the head of a trace in h and its frames.
func (j *Joiner) awaits(h *Held, l *lines.Line) bool {
	last := &h.Lines[len(h.Lines)-1]
	if last.Slot != lines.RawSlot && last.Record != l.Record {
		return false
	}
	if len(l.Text) == 0 {
		return h.head() > 0 && len(h.Lines) < maxHead
	}
	if l.Text[0] == '{' || h.head() > 0 && j.set.Starts != nil && j.set.Starts(l.Text) {
		return false
	}
	if h.head() > 0 && (headOf(l.Text, true) == nil || bytes.HasPrefix(bytes.TrimLeft(l.Text, " \t"), innerBegins)) {
		return len(h.Lines) < maxHead
	}
	if len(h.Lines) > 1 {
		return false
	}
	// A logger's own line with the trace behind it.
	if head := typeAt(l.Text, 0, true); head != nil && (announces(last.Text, head) && j.mayLead(h) || j.leadsSurely(last.Text)) {
		return true
	}
	return goFunction(l.Text) && j.leads(last.Text)
}

// announces says whether a logger's line says what the head of the trace behind it
// says again.
func announces(text []byte, head *heading) bool {
	return head != nil && head.at == 0 && len(head.message) > 0 && bytes.Contains(text, head.message)
}

// EndBlock emits all lines that are not likely to be continued, and takes the
// others out of the block's memory: the joiner keeps nothing of it.
func (j *Joiner) EndBlock(a *arena.Arena, yield func(*Entry)) {
	for i := 0; i < len(j.state.Held); {
		h := &j.state.Held[i]
		if h.Kind == kindNone && h.head() == 0 && !j.mayLead(h) {
			j.close(i, a, yield)
			continue
		}
		for ; h.owned < len(h.Lines); h.owned++ {
			h.Lines[h.owned].Text = bytes.Clone(h.Lines[h.owned].Text)
		}
		i++
	}
	j.out = Entry{}
}

// mayLead says whether more than the lines in h may have been written at once.
func (j *Joiner) mayLead(h *Held) bool {
	first := h.Lines[0].Text
	return consoleHead(first) || prettyHead(first) || bytes.Contains(first, goPanics) || j.mayHead(first)
}

// FlushBefore emits what has waited since before.
func (j *Joiner) FlushBefore(before time.Time, a *arena.Arena, yield func(*Entry)) {
	for i := 0; i < len(j.state.Held); {
		if j.state.Held[i].Since.Before(before) {
			j.close(i, a, yield)
		} else {
			i++
		}
	}
}
