// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package lines undoes what PM2 does to the output of a process: it takes blocks
// of a log file and gives back the lines that the process wrote.
package lines

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// RawSlot is the Slot of lines outside PM2's records.
const RawSlot = 0

const (
	// maxApp bounds the name of an application, which is kept for each process. One that
	// is longer is cut.
	maxApp = 1 << 10
	// maxTime is longer than any time that can be read.
	maxTime = 256
)

// Assembler is the state of one file between its blocks. It is not safe for
// concurrent use.
type Assembler struct {
	set   Settings
	state State
	times [2]struct { // the last timestamps: consecutive records often share one
		text  []byte
		nanos int64
	}
	turn int
	file uint64
	last int // slot of the last record
	name []byte
	app  string
	line Line // what yield is given, reused
	at   int64
	from []Place
	now  time.Time // of the block, or of a line that has waited
}

// New returns an assembler that continues where state was taken.
func New(set Settings, state State) *Assembler {
	return &Assembler{set: set, state: state.Clone()}
}

// State returns what an assembler needs to continue in another process.
func (m *Assembler) State() State { return m.state.Clone() }

// Restore takes the assembler back to a state it had.
func (m *Assembler) Restore(state State) { m.state = state.Clone() }

// From sets the places of the lines of the next block, or nil for those in the block.
func (m *Assembler) From(places []Place) { m.from = places }

// Pending says whether half lines are kept, or lines with dates that may be PM2's.
func (m *Assembler) Pending() bool {
	if len(m.state.Prefix.Waiting) > 0 {
		return true
	}
	for i := range m.state.Slots {
		if len(m.state.Slots[i].Partial) > 0 {
			return true
		}
	}
	return false
}

// Held returns how many bytes of such lines are kept.
func (m *Assembler) Held() (n int) {
	for i := range m.state.Prefix.Waiting {
		n += len(m.state.Prefix.Waiting[i].Text)
	}
	for i := range m.state.Slots {
		n += len(m.state.Slots[i].Partial)
	}
	return n
}

// Feed reads a block of whole physical lines that begins at offset base of file.
// A last line without newline is taken for a whole one. It calls yield for every line
// that ends in it; the line is yield's only until it returns. now is the time of the
// reader's clock.
func (m *Assembler) Feed(block []byte, file uint64, base int64, now time.Time, a *arena.Arena, yield func(*Line)) {
	defer func() { m.line = Line{} }() // it refers to the arena, which is as large as the block
	m.file, m.at, m.now = file, 0, now
	for i := 0; len(block) > 0; i++ {
		if i < len(m.from) {
			base, m.at = m.from[i].Offset, m.from[i].Time
		}
		end := bytes.IndexByte(block, '\n')
		line, size := block, len(block)
		if end >= 0 {
			line, size = block[:end], end+1
		}
		block = block[size:]
		wrapped := line
		if base == 0 {
			wrapped = bytes.TrimPrefix(line, byteOrderMark)
		}
		if rec, ok := envelope.Parse(wrapped, a); ok {
			m.record(&rec, base, now, a, yield)
		} else {
			m.raw(line, base, now, a, yield)
		}
		base += int64(size)
	}
}

func (m *Assembler) record(rec *envelope.Record, offset int64, now time.Time, a *arena.Arena, yield func(*Line)) {
	m.release(a, yield)
	m.state.Wrapped, m.state.Raw = true, 0
	if len(rec.App) > maxApp {
		rec.App = rec.App[:runeBoundary(rec.App, maxApp)]
	}
	slot := m.slot(rec.ProcessID, rec.Stderr, a, yield)
	s := &m.state.Slots[slot]
	if len(rec.App) == 0 {
		rec.App = []byte(m.set.App)
	}
	if !bytes.Equal(rec.App, m.name) || m.app == "" {
		m.name = append(m.name[:0], rec.App...)
		m.app = string(rec.App)
		m.state.App = m.app
	}
	l := &m.line
	*l = Line{
		App: m.app, ProcessID: rec.ProcessID, Stderr: rec.Stderr,
		Slot: slot + 1, File: m.file, Offset: offset, Record: offset, Repaired: rec.Repaired,
	}
	if l.Time = m.time(rec.Timestamp); l.Time == 0 && len(rec.Timestamp) > 0 && len(rec.Timestamp) <= maxPrefix {
		l.Date = string(rec.Timestamp)
	}
	if s.App != m.app {
		if s.App != "" { // PM2 has given the number to another application
			m.flush(slot, a, yield)
			s.Terminates, s.Whole, s.Unterminated, s.Apart, s.Last = false, m.state.Runtime, 0, 0, 0
		}
		s.App = m.app
	}
	text := unlist(rec.Message, a)
	m.terminates(slot, l, text, a, yield)
	if len(s.Partial) > 0 && len(text) > 0 && text[0] == '{' && wholeObject(s.Partial) {
		m.completePartial(s, l, a, yield) // two objects are two lines
	}
	if len(s.Partial) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 && !s.Whole {
			s.add(l, text, now)
			m.cutPartial(s, l, a, yield)
			return
		}
		if end < 0 {
			end = len(text)
		}
		s.add(l, text[:end], now)
		m.completePartial(s, l, a, yield)
		text = text[min(end+1, len(text)):]
		l.Index = 1
	}
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			if s.Whole {
				m.emit(l, text, yield)
				return
			}
			s.begin(l, text, now)
			m.cutPartial(s, l, a, yield)
			return
		}
		m.emit(l, text[:end], yield)
		text = text[end+1:]
		l.Index++
	}
}

// raw reads a physical line that is no record: a line of a file in text mode, or
// what a dying process wrote past PM2 into a file of records.
func (m *Assembler) raw(text []byte, offset int64, now time.Time, a *arena.Arena, yield func(*Line)) {
	var buf [maxPrefix]byte
	d, shape, certain := m.date(text, &buf)
	if certain == possible {
		m.await(text, shape, offset, now, a, yield)
		return
	}
	m.release(a, yield)
	m.outside(text, d, certain == sure, offset, now, a, yield)
}

// outside emits a physical line that is no record. A date of PM2's before it shows that
// the file goes on as text.
func (m *Assembler) outside(text []byte, d date, dated bool, offset int64, now time.Time, a *arena.Arena, yield func(*Line)) {
	l := &m.line
	*l = Line{App: m.set.App, ProcessID: m.set.ProcessID, Stderr: m.set.Stderr, Slot: RawSlot, File: m.file, Offset: offset, Record: offset}
	if l.App == "" { // Otherwise an application could give its lines another name with one object.
		l.App = m.state.App
	}
	switch {
	case dated:
		m.state.Wrapped = false
		l.Time = d.nanos
		if d.nanos == 0 || d.unknownWord {
			l.Date = string(text[:d.size-len(separator)])
		}
		text = text[d.size:]
		m.state.Prefix.met(d.nanos, text, now)
	case m.state.Wrapped:
		m.outsideRecords(text)
		if m.state.Wrapped {
			l.ProcessID, l.Raw = envelope.NoProcess, true
		}
	default:
		m.event(text)
		if nanos := m.state.Prefix.missed(text, now); !m.set.DatesEachLine {
			l.Time = nanos
		}
	}
	if len(text) > m.set.MaxLine && !utf8.Valid(text) {
		m.emitRepaired(l, text, a, yield)
		return
	}
	text, l.Repaired = valid(text, a)
	m.emit(l, text, yield)
}

// terminates records whether a process ends its lines. One that does may still be
// followed by a runtime that passes its messages without newlines: then the messages do
// not come in pieces at one time.
func (m *Assembler) terminates(slot int, l *Line, text []byte, a *arena.Arena, yield func(*Line)) {
	s := &m.state.Slots[slot]
	apart := int64(0)
	if s.Last > 0 && l.Time > 0 {
		apart = l.Time - s.Last
	}
	if l.Time > 0 {
		s.Last = l.Time
	}
	if len(s.Partial) > 0 && apart >= int64(pieceLasts) {
		m.flush(slot, a, yield) // as it is if nothing follows
	}
	switch {
	case len(text) > 0 && text[len(text)-1] == '\n':
		s.Terminates, s.Apart = true, 0
		if s.Whole {
			// It may have been a process that wrote its first line in pieces.
			s.Unterminated--
			s.Whole = s.Unterminated > 0
		}
	case s.Whole:
		s.Unterminated = min(s.Unterminated+1, maxWhole)
	case len(text) == 0 || len(text) >= shortMessage:
	case !s.Terminates:
		if s.Unterminated++; s.Unterminated >= wholeAfter {
			// A runtime that passes its messages without newlines.
			s.Whole = true
			m.separate(s, l, a, yield)
		}
	case apart < int64(time.Second) || !worded(text):
		s.Apart = 0
	default:
		if s.Apart++; s.Apart >= wholeAfter {
			s.Whole, s.Unterminated, s.Apart = true, wholeAfter, 0
			m.separate(s, l, a, yield)
		}
	}
}

// worded reports whether a text has a letter or a digit: dots show the progress of a line.
func worded(text []byte) bool {
	for _, c := range text {
		if letter(c) || c-'0' <= 9 || c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// outsideRecords counts a line outside any record in a file that has them.
func (m *Assembler) outsideRecords(text []byte) {
	if m.state.Raw++; m.state.Raw > textAfter {
		m.state.Wrapped = false
	}
	m.event(text)
}

// event detects an event of PM2's in a file of records: `pm2-runtime --json` and
// `pm2 logs --json` write them, and no newlines at the ends of messages.
func (m *Assembler) event(text []byte) {
	if m.state.Runtime || !bytes.HasPrefix(text, eventHead) || !bytes.Contains(text[:min(len(text), maxTime)], eventType) {
		return
	}
	m.state.Runtime = true
	for i := range m.state.Slots {
		s := &m.state.Slots[i]
		s.Whole = s.Whole || !s.Terminates
	}
}

var (
	eventHead = []byte(`{"timestamp":"`)
	eventType = []byte(`"type":"process_event"`)
)

// wholeObject says whether a text is a JSON object.
func wholeObject(text []byte) bool {
	return len(text) > 1 && len(text) < shortMessage && text[0] == '{' && text[len(text)-1] == '}' && json.Valid(text)
}

// emit yields text in parts no longer than MaxLine.
func (m *Assembler) emit(l *Line, text []byte, yield func(*Line)) {
	if l.Time == 0 {
		l.Time = m.at
	}
	for part := 1; len(text) > m.set.MaxLine; part++ {
		n := runeBoundary(text, m.set.MaxLine)
		l.Part, l.Text = part, text[:n:n]
		yield(l)
		text = text[n:]
		l.Part = part + 1
	}
	l.Last = l.Part > 0
	l.Text = text[:len(text):len(text)]
	yield(l)
	l.Part, l.Last = 0, false
}

// time reads a timestamp, mostly from the two that were read last: a file of two
// processes alternates between them.
func (m *Assembler) time(text []byte) int64 {
	for i := range m.times {
		if t := &m.times[i]; len(text) > 0 && bytes.Equal(t.text, text) {
			return t.nanos
		}
	}
	if len(text) > maxTime {
		return 0
	}
	p, ok := timeparse.Parse(text, m.set.Location)
	if !ok || p.Len != len(text) {
		p.Nanos = nanosOf(text, m.set.Location)
	}
	t := &m.times[m.turn]
	m.turn ^= 1
	t.text, t.nanos = append(t.text[:0], text...), p.Nanos
	return p.Nanos
}

// valid returns text, or a copy in which every byte that is not UTF-8 is U+FFFD.
func valid(text []byte, a *arena.Arena) (result []byte, repaired bool) {
	if utf8.Valid(text) {
		return text, false
	}
	return a.Keep(appendValid(a.Reserve(len(text)+2), text)), true
}

func appendValid(dst, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[size:]
	}
	return dst
}

// runeBoundary returns the largest place up to n that is not inside a character.
func runeBoundary(text []byte, n int) int {
	for i := n; i > 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			return i
		}
	}
	return n
}
