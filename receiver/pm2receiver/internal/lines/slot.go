// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import "time"

// Slot is the state of one process and stream of a file.
type Slot struct {
	ProcessID    int64 `json:"id"`
	Stderr       bool  `json:"stderr,omitempty"`
	Terminates   bool  `json:"terminates,omitempty"`
	Whole        bool  `json:"whole,omitempty"`
	Unterminated int   `json:"unterminated,omitempty"`
	// Last is the time of the last message. Apart counts messages in a row that have no
	// newline, and were not written when the one before was.
	Last  int64 `json:"last,omitempty"`
	Apart int   `json:"apart,omitempty"`
	// App is the application of the last message.
	App string `json:"app,omitempty"`

	// Partial is a line that has begun but not ended, and what is known of it.
	Partial  []byte    `json:"partial,omitempty"`
	Messages []Message `json:"messages,omitempty"` // in Partial, while they may be lines
	Time     int64     `json:"time,omitempty"`
	Date     string    `json:"date,omitempty"`
	File     uint64    `json:"file,omitempty"`
	Offset   int64     `json:"offset,omitempty"`
	Index    int       `json:"index,omitempty"`
	Parts    int       `json:"parts,omitempty"`
	Repaired bool      `json:"repaired,omitempty"`
	Pieces   int       `json:"pieces,omitempty"`
	Since    time.Time `json:"since,omitzero"`
}

// begin keeps the start of a line whose end is still to come.
func (s *Slot) begin(l *Line, text []byte, now time.Time) {
	s.Time, s.Date, s.File, s.Offset, s.Index, s.Repaired = l.Time, l.Date, l.File, l.Offset, l.Index, l.Repaired
	s.Parts, s.Pieces = 0, 0
	s.Partial, s.Messages = s.Partial[:0], s.Messages[:0]
	s.add(l, text, now)
}

func (s *Slot) add(l *Line, text []byte, now time.Time) {
	s.Partial = append(s.Partial, text...)
	s.Since = now
	s.Pieces++
	if len(s.Messages) < wholeAfter {
		s.Messages = append(s.Messages, Message{len(s.Partial), l.Time, l.Offset, l.Date})
	}
}

// line returns l as the line that began in s.
func (s *Slot) line(l *Line) Line {
	out := *l
	out.App, out.Time, out.Date, out.File, out.Offset, out.Index = s.App, s.Time, s.Date, s.File, s.Offset, s.Index
	out.Repaired = out.Repaired || s.Repaired
	out.Joined = s.Pieces > 1
	return out
}

func (s *Slot) clear() {
	if cap(s.Partial) > shortMessage {
		s.Partial = nil
	}
	s.Partial, s.Messages, s.Pieces, s.Parts = s.Partial[:0], s.Messages[:0], 0, 0
	s.Date, s.Since = "", time.Time{}
}
