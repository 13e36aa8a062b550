// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// Held are the lines of one process and stream that wait for more.
type Held struct {
	Lines  []lines.Line `json:"lines"`
	Kind   Kind         `json:"kind,omitempty"`
	Frames int          `json:"frames,omitempty"` // place of the first frame, if Open
	Open   bool         `json:"open,omitempty"`   // a frame has been seen
	Depth  int          `json:"depth,omitempty"`  // of the brackets
	Indent int          `json:"indent,omitempty"` // of the first line of a block
	Ended  bool         `json:"ended,omitempty"`  // the exception of a traceback has been read
	// Loose is how many of the last lines belong only if more comes.
	Loose int       `json:"loose,omitempty"`
	Head  int       `json:"head,omitempty"` // one more than the place of the first head, see head
	Size  int       `json:"size"`
	Since time.Time `json:"since"`
	owned int       // how many of Lines are copies
	read  int       // how many of Lines were searched for Head
}

func (h *Held) add(l *lines.Line, now time.Time) {
	h.Lines = append(h.Lines, *l)
	h.Size += len(l.Text) + 1
	h.Since = now
}

// head returns one more than the place of the first line that can only be the head of a
// trace, or 0. Most lines are never asked.
func (h *Held) head() int {
	for ; h.Head == 0 && h.read < len(h.Lines); h.read++ {
		if text := h.Lines[h.read].Text; goHead(text) || headOf(text, true) != nil {
			h.Head = h.read + 1
		}
	}
	return h.Head
}

// together says whether l was written at the moment of the lines in h.
func together(h *Held, l *lines.Line) bool {
	last := &h.Lines[len(h.Lines)-1]
	if last.Record == l.Record && last.File == l.File || last.Time == 0 || l.Time == 0 {
		return true
	}
	apart := l.Time - last.Time
	return apart >= 0 && apart <= int64(moment)
}
