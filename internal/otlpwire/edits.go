// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"encoding/binary"
	"math/bits"
)

// edits are replacements in an encoded request, in the order of their positions, with those
// of the lengths of the messages around them.
type edits struct {
	list []replacement
	text []byte // of all replacements
	grow int    // how much longer the request becomes

	open  [maxOpen]openMessage // from the outermost to the innermost
	depth int                  // of open
}

// replacement is a replacement of data[start:end] by text[from:to].
type replacement struct{ start, end, from, to int32 }

// openMessage is a message whose end the scan has not reached.
type openMessage struct {
	start, end int
	grow       int
	length     int // the index of the replacement of the length; -1: there is none yet
}

// maxOpen is the number of levels that may be open: resources and scopes.
const maxOpen = 2

// maxVarint is the longest length of a message.
const maxVarint = 5

// many reports whether the plan for a request of this size is larger than it may be. A
// resource of two bytes needs a hundred bytes of a plan, so a request that is rejected later
// could need more memory than its limits allow.
func (e *edits) many(size int) bool {
	return len(e.list) > 4<<10+size/64 || len(e.text) > 64<<10+size
}

func (e *edits) reset() {
	e.list, e.text, e.grow, e.depth = e.list[:0], e.text[:0], 0, 0
}

// begin opens the message data[start:end].
func (e *edits) begin(start, end int) {
	e.open[e.depth] = openMessage{start: start, end: end, length: -1}
	e.depth++
}

// end closes the innermost open message.
func (e *edits) end() {
	e.depth--
	m := &e.open[e.depth]
	if m.length < 0 {
		return
	}
	size := m.end - m.start
	r := &e.list[m.length]
	n := binary.PutUvarint(e.text[r.from:r.from+maxVarint], uint64(size+m.grow)) //nolint:gosec // not negative
	r.to = r.from + int32(n)                                                     //nolint:gosec // at most maxVarint
	e.grown(m.grow + n - int(r.end-r.start))
}

// grown adds to the growth of the innermost open message.
func (e *edits) grown(n int) {
	if e.depth == 0 {
		e.grow += n
		return
	}
	e.open[e.depth-1].grow += n
}

// reserve makes a place for the length of each open message. It must come before the first
// replacement inside of them.
func (e *edits) reserve() {
	for i := range e.open[:e.depth] {
		m := &e.open[i]
		if m.length >= 0 {
			continue
		}
		m.length = len(e.list)
		from := len(e.text)
		e.text = append(e.text, make([]byte, maxVarint)...)
		e.replace(m.start-varintSize(m.end-m.start), m.start, from, from)
	}
}

// change replaces data[start:end], which is in the message data[first:last] in the innermost
// open message, by text[from:].
func (e *edits) change(first, last, start, end, from int) {
	to := len(e.text)
	e.reserve()
	grow := to - from - (end - start)
	if grow != 0 {
		size := last - first
		length := len(e.text)
		e.text = binary.AppendUvarint(e.text, uint64(size+grow)) //nolint:gosec // not negative
		old := varintSize(size)
		e.replace(first-old, first, length, len(e.text))
		e.grown(grow + len(e.text) - length - old)
	}
	e.replace(start, end, from, to)
}

func (e *edits) replace(start, end, from, to int) {
	e.list = append(e.list, replacement{int32(start), int32(end), int32(from), int32(to)}) //nolint:gosec // below maxEdited
}

// apply returns a copy of data with the replacements.
func (e *edits) apply(data []byte) []byte {
	out := make([]byte, len(data)+e.grow)
	n, done := 0, int32(0)
	for i := range e.list {
		r := &e.list[i]
		n += copy(out[n:], data[done:r.start])
		n += copy(out[n:], e.text[r.from:r.to])
		done = r.end
	}
	copy(out[n:], data[done:])
	return out
}

// varintSize returns the length of a varint.
func varintSize(n int) int {
	return (bits.Len32(uint32(n)|1) + 6) / 7 //nolint:gosec // below maxEdited
}
