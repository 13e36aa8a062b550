package lines

import (
	"bytes"
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
	// maxWhole bounds how many messages with a newline it takes to change that.
	maxWhole = 16
	// maxFollowing is how many lines without a time may stand behind one with: PM2 puts
	// it before the first line of a write in cluster mode. Beyond that the time was the
	// application's own, or PM2 no longer writes any.
	maxFollowing = 512
)

// State is what is left over between two blocks of a file. It is part of the
// checkpoint: half lines are not read again after a restart.
type State struct {
	// Wrapped is set once the file has shown a record of PM2's.
	Wrapped bool `json:"wrapped,omitempty"`
	// Prefix is what is known of PM2's times in a file in text mode.
	Prefix Prefix `json:"prefix,omitzero"`
	// App is the application of the last record.
	App   string `json:"app,omitempty"`
	Slots []Slot `json:"slots,omitempty"`
}

// Prefix is the state of the times before the lines of a file in text mode.
type Prefix struct {
	// Believed is set while lines without a time take that of the line before them.
	Believed bool `json:"believed,omitempty"`
	// Plain is set once lines have stood in the file without. Then one time alone is
	// the application's own, and two in a row are PM2's.
	Plain bool `json:"plain,omitempty"`
	// Run is whether the last line had a time.
	Run bool `json:"run,omitempty"`
	// Time is the last time, and Following counts the lines behind it without one.
	Time      int64 `json:"time,omitempty"`
	Following int   `json:"following,omitempty"`
}

// met takes note of a line with a time.
func (p *Prefix) met(time int64) {
	p.Believed = p.Believed || p.Run || !p.Plain
	p.Run, p.Time, p.Following = true, time, 0
}

// missed takes note of a line without, and returns its time or 0.
func (p *Prefix) missed() int64 {
	p.Run = false
	if p.Following++; p.Following > maxFollowing {
		p.Believed = false
	}
	if !p.Believed {
		p.Plain, p.Following = true, 0
		return 0
	}
	return p.Time
}

// Slot is the state of one process and stream of a file.
type Slot struct {
	ProcessID    int64 `json:"id"`
	Stderr       bool  `json:"stderr,omitempty"`
	Terminates   bool  `json:"terminates,omitempty"`
	Whole        bool  `json:"whole,omitempty"`
	Unterminated int   `json:"unterminated,omitempty"`

	// Partial is a line that has begun but not ended, and what is known of it.
	Partial  []byte    `json:"partial,omitempty"`
	Ends     []int     `json:"ends,omitempty"` // of the messages in Partial, while they may be lines
	App      string    `json:"app,omitempty"`
	Time     int64     `json:"time,omitempty"`
	File     uint64    `json:"file,omitempty"`
	Offset   int64     `json:"offset,omitempty"`
	Index    int       `json:"index,omitempty"`
	Parts    int       `json:"parts,omitempty"`
	Repaired bool      `json:"repaired,omitempty"`
	Pieces   int       `json:"pieces,omitempty"`
	Since    time.Time `json:"since,omitzero"`
}

// Clone returns a copy that shares no memory that is written again.
func (s State) Clone() State {
	s.Slots = slices.Clone(s.Slots)
	for i := range s.Slots {
		s.Slots[i].Partial = bytes.Clone(s.Slots[i].Partial)
		s.Slots[i].Ends = slices.Clone(s.Slots[i].Ends)
	}
	return s
}

// slot finds the state of a process and stream, or gives it one. Beyond maxSlots
// it takes the place of another, whose half line is handed out first.
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
		m.state.Slots = append(m.state.Slots, Slot{ProcessID: id, Stderr: stderr})
		m.last = len(m.state.Slots) - 1
		return m.last
	}
	m.flush(victim, a, yield)
	slots[victim] = Slot{ProcessID: id, Stderr: stderr}
	m.last = victim
	return victim
}

// begin keeps the start of a line whose end is still to come.
func (s *Slot) begin(l *Line, text []byte, now time.Time) {
	s.App, s.Time, s.File, s.Offset, s.Index, s.Repaired = l.App, l.Time, l.File, l.Offset, l.Index, l.Repaired
	s.Parts, s.Pieces = 0, 0
	s.Partial, s.Ends = s.Partial[:0], s.Ends[:0]
	s.add(text, now)
}

func (s *Slot) add(text []byte, now time.Time) {
	s.Partial = append(s.Partial, text...)
	s.Since = now
	s.Pieces++
	if !s.Terminates && len(s.Ends) < wholeAfter {
		s.Ends = append(s.Ends, len(s.Partial))
	}
}

// line returns l as the line that began in s.
func (s *Slot) line(l *Line) Line {
	out := *l
	out.App, out.Time, out.File, out.Offset, out.Index = s.App, s.Time, s.File, s.Offset, s.Index
	out.Repaired = out.Repaired || s.Repaired
	out.Joined = s.Pieces > 1
	return out
}

// completePartial hands out the line in s, whose end has come.
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

// cutPartial hands out parts of a line that has grown too long.
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
	s.Partial, s.Ends = bytes.Clone(rest), s.Ends[:0] // the old array may be many times as large
}

// separate hands out the messages in s as a line each.
func (m *Assembler) separate(s *Slot, l *Line, a *arena.Arena, yield func(*Line)) {
	from := 0
	for i, end := range s.Ends {
		out := s.line(l)
		out.Index += i
		out.Joined = false
		out.Text = a.Copy(s.Partial[from:end])
		from = end
		yield(&out)
	}
	if from < len(s.Partial) {
		out := s.line(l)
		out.Index += len(s.Ends)
		out.Text = a.Copy(s.Partial[from:])
		yield(&out)
	}
	s.clear()
}

func (s *Slot) clear() {
	if cap(s.Partial) > shortMessage {
		s.Partial = nil
	}
	s.Partial, s.Ends, s.Pieces, s.Parts = s.Partial[:0], s.Ends[:0], 0, 0
	s.Since = time.Time{}
}

// FlushBefore hands out lines that nobody has added to since before: their process
// has most likely ended.
func (m *Assembler) FlushBefore(before time.Time, a *arena.Arena, yield func(*Line)) {
	for i := range m.state.Slots {
		s := &m.state.Slots[i]
		if len(s.Partial) > 0 && s.Since.Before(before) {
			m.flush(i, a, yield)
		}
	}
}

// flush hands out the half line of a slot as it is.
func (m *Assembler) flush(slot int, a *arena.Arena, yield func(*Line)) {
	s := &m.state.Slots[slot]
	if len(s.Partial) == 0 {
		return
	}
	l := Line{ProcessID: s.ProcessID, Stderr: s.Stderr, Slot: slot + 1, Record: s.Offset}
	m.completePartial(s, &l, a, yield)
}
