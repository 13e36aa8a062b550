// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// Waiting is a line that begins with a date of a shape that has not been learned: the lines
// behind it show whether the date is PM2's.
type Waiting struct {
	Text   []byte `json:"text"`
	File   uint64 `json:"file,omitempty"`
	Offset int64  `json:"offset"`
	// Time is that of the line's place, or 0.
	Time  int64     `json:"time,omitempty"`
	Since time.Time `json:"since"`
}

// await keeps a line whose date has the shape. The third such line in a row shows that the
// dates are PM2's.
func (m *Assembler) await(text, shape []byte, offset int64, now time.Time, a *arena.Arena, yield func(*Line)) {
	p := &m.state.Prefix
	if p.Candidate != string(shape) {
		m.release(a, yield)
		p.Candidate, p.Count = string(shape), 0
	}
	p.Waiting = append(p.Waiting, Waiting{bytes.Clone(text), m.file, offset, m.at, now})
	if p.Count++; p.Count >= learnedFrom {
		p.learn(shape)
		m.decide(a, yield)
	}
}

// release emits the lines that wait, because the next line does not have their shape or
// has shown what they are.
func (m *Assembler) release(a *arena.Arena, yield func(*Line)) {
	p := &m.state.Prefix
	if p.Count > 0 {
		p.Candidate, p.Count = "", 0
	}
	if len(p.Waiting) > 0 {
		m.decide(a, yield)
	}
}

// decide emits the lines that wait, without their dates if their shape has been learned.
func (m *Assembler) decide(a *arena.Arena, yield func(*Line)) {
	waiting := m.state.Prefix.Waiting
	m.state.Prefix.Waiting = nil
	file, at, now := m.file, m.at, m.now
	for i := range waiting {
		w := &waiting[i]
		m.file, m.at, m.now = w.File, w.Time, w.Since
		var buf [maxPrefix]byte
		d, _, certain := m.date(w.Text, &buf)
		m.outside(w.Text, d, certain == sure, w.Offset, w.Since, a, yield)
	}
	m.file, m.at, m.now = file, at, now
}

// DecideBefore emits lines that have waited since before for others that show whether
// their dates are PM2's.
func (m *Assembler) DecideBefore(before time.Time, a *arena.Arena, yield func(*Line)) {
	if waiting := m.state.Prefix.Waiting; len(waiting) > 0 && waiting[len(waiting)-1].Since.Before(before) {
		m.decide(a, yield)
	}
}
