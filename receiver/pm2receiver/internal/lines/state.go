// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

const (
	// maxSlots bounds the processes and streams of one file. PM2 numbers processes
	// upwards, so a file that lives long sees many.
	maxSlots = 64
	// A stream whose first wholeAfter messages are short and all end without a
	// newline belongs to a runtime that writes none (Bun): each is a line.
	wholeAfter   = 3
	shortMessage = 8 << 10
	// pieceLasts is how far PM2's times of two pieces of a line may lie apart. A reader that
	// waits for the second gives up after that time, too.
	pieceLasts = 5 * time.Second
	// maxWhole bounds how many messages with a newline it takes to change that.
	maxWhole = 16
	// textAfter is how many lines outside any record make a file of records one of text.
	textAfter = 256
)

// State is what remains between two blocks of a file. It is part of the
// checkpoint: half lines are not read again after a restart.
type State struct {
	// Wrapped is set while the file holds records of PM2's.
	Wrapped bool `json:"wrapped,omitempty"`
	// Raw counts the lines outside records since the last.
	Raw int `json:"strays,omitempty"`
	// Runtime is set in a file that `pm2-runtime --json` or `pm2 logs --json` wrote: its
	// messages have no newline at their end, and each is whole.
	Runtime bool `json:"runtime,omitempty"`
	// Prefix is what is known of PM2's times in a file in text mode.
	Prefix Prefix `json:"prefix,omitzero"`
	// App is the application of the last record.
	App   string `json:"app,omitempty"`
	Slots []Slot `json:"slots,omitempty"`
}

// Clone returns a copy that shares no memory that is written again. It shares the memory of long
// lines: they only grow, and what follows them is not part of the copy.
func (s State) Clone() State {
	s.Prefix.Waiting = slices.Clone(s.Prefix.Waiting)
	s.Slots = slices.Clone(s.Slots)
	for i := range s.Slots {
		if text := s.Slots[i].Partial; len(text) > shortMessage {
			s.Slots[i].Partial = text[:len(text):len(text)] // clear leaves it alone
		} else {
			s.Slots[i].Partial = bytes.Clone(text)
		}
		s.Slots[i].Messages = slices.Clone(s.Slots[i].Messages)
	}
	return s
}

// WithoutHeld returns a copy of the state without the lines that are held back, and how many
// these are.
func (s State) WithoutHeld() (State, int) {
	held := len(s.Prefix.Waiting)
	s.Prefix.Waiting = nil
	s.Slots = slices.Clone(s.Slots)
	for i := range s.Slots {
		if len(s.Slots[i].Partial) > 0 {
			held++
		}
		s.Slots[i].Partial, s.Slots[i].Messages = nil, nil
		s.Slots[i].clear()
	}
	return s, held
}

// MapTexts returns a copy of the state in which f has replaced the texts that are held back. No
// two texts of a state have the same id. A text keeps its id while it grows.
func (s State) MapTexts(f func(id string, text []byte) []byte) State {
	s.Prefix.Waiting = slices.Clone(s.Prefix.Waiting)
	for i := range s.Prefix.Waiting {
		w := &s.Prefix.Waiting[i]
		w.Text = f(fmt.Sprintf("w%d-%x-%x", i, w.File, w.Offset), w.Text)
	}
	s.Slots = slices.Clone(s.Slots)
	for i := range s.Slots {
		if x := &s.Slots[i]; len(x.Partial) > 0 {
			x.Partial = f(fmt.Sprintf("p%d-%x-%x-%x-%x", i, x.File, x.Offset, x.Index, x.Parts), x.Partial)
		}
	}
	return s
}

// slot finds the state of a process and stream, or gives it one. Beyond maxSlots
// it takes the place of another, whose half line is emitted first.
func (m *Assembler) slot(id int64, stderr bool, a *arena.Arena, yield func(*Line)) int {
	slots := m.state.Slots
	if m.last < len(slots) && slots[m.last].ProcessID == id && slots[m.last].Stderr == stderr {
		return m.last
	}
	victim := 0
	for i := range slots {
		if slots[i].ProcessID == id && slots[i].Stderr == stderr {
			m.last = i
			return i
		}
		if slots[i].Since.Before(slots[victim].Since) {
			victim = i
		}
	}
	if len(slots) < maxSlots {
		m.state.Slots = append(m.state.Slots, Slot{ProcessID: id, Stderr: stderr, Whole: m.state.Runtime})
		m.last = len(m.state.Slots) - 1
		return m.last
	}
	m.flush(victim, a, yield)
	slots[victim] = Slot{ProcessID: id, Stderr: stderr, Whole: m.state.Runtime}
	m.last = victim
	return victim
}

// completePartial emits the line in s, whose end has come.
func (m *Assembler) completePartial(s *Slot, l *Line, a *arena.Arena, yield func(*Line)) {
	m.cutPartial(s, l, a, yield)
	out := s.line(l)
	out.Text = a.Copy(s.Partial)
	if s.Parts > 0 {
		out.Part, out.Last = s.Parts+1, true
	}
	s.clear()
	yield(&out)
}

// cutPartial emits parts of a line that has grown too long.
func (m *Assembler) cutPartial(s *Slot, l *Line, a *arena.Arena, yield func(*Line)) {
	if len(s.Partial) <= m.set.MaxLine {
		return
	}
	rest := s.Partial
	for len(rest) > m.set.MaxLine {
		n := runeBoundary(rest, m.set.MaxLine)
		out := s.line(l)
		s.Parts++
		out.Part = s.Parts
		out.Text = a.Copy(rest[:n])
		rest = rest[n:]
		yield(&out)
	}
	s.Partial, s.Messages = bytes.Clone(rest), s.Messages[:0] // the old array may be many times as large
}

// separate emits the messages in s as a line each.
func (m *Assembler) separate(s *Slot, l *Line, a *arena.Arena, yield func(*Line)) {
	if len(s.Partial) == 0 {
		return
	}
	if s.Parts > 0 { // it was too long for a line
		m.completePartial(s, l, a, yield)
		return
	}
	from := 0
	for i, message := range s.Messages {
		out := s.line(l)
		if i > 0 {
			out.Time, out.Date, out.Offset, out.Index = message.Time, message.Date, message.Offset, 0
		}
		out.Record = message.Offset
		out.Joined = false
		out.Text = a.Copy(s.Partial[from:message.End])
		from = message.End
		yield(&out)
	}
	if from < len(s.Partial) {
		out := s.line(l)
		out.Index += len(s.Messages)
		out.Text = a.Copy(s.Partial[from:])
		yield(&out)
	}
	s.clear()
}

// FlushBefore emits lines that nobody has added to since before: their process
// has most likely ended.
func (m *Assembler) FlushBefore(before time.Time, a *arena.Arena, yield func(*Line)) {
	for i := range m.state.Slots {
		s := &m.state.Slots[i]
		if len(s.Partial) > 0 && s.Since.Before(before) {
			m.flush(i, a, yield)
		}
	}
}

// flush emits the half line of a slot as it is.
func (m *Assembler) flush(slot int, a *arena.Arena, yield func(*Line)) {
	s := &m.state.Slots[slot]
	if len(s.Partial) == 0 {
		return
	}
	l := Line{ProcessID: s.ProcessID, Stderr: s.Stderr, Slot: slot + 1, Record: s.Offset}
	if !s.Terminates && s.Parts == 0 && s.Pieces > 1 && len(s.Messages) == s.Pieces {
		// Nothing has shown that the process ends its lines, and nothing follows.
		m.separate(s, &l, a, yield)
		return
	}
	m.completePartial(s, &l, a, yield)
}
