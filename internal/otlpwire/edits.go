// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// edits are the replacements in an encoded request, in the order of their positions, with those
// of the lengths of the messages around them.
//
// A small part of a request may need some of them, so they are kept as bytes. Each is
//
//   - the number of bytes of the request between the previous replacement and this one, as a
//     varint,
//   - a byte with the number of bytes that are replaced in its upper half, and of those that
//     replace them in its lower half,
//   - both numbers as varints if one of them is longer than a half,
//   - the bytes, or [maxVarint] bytes that begin with a length.
type edits struct {
	plan []byte
	done int    // where the last replacement ends in the request
	text []byte // of the next replacement
	grow int    // how much longer the request becomes

	open  [maxOpen]openMessage // from the outermost to the innermost
	depth int                  // of open
}

// Values of the halves that are no numbers.
const (
	isLength = 14 // the replacement is a length
	longer   = 15 // the numbers follow
)

// openMessage is a message whose end the scan has not reached.
type openMessage struct {
	start, end int
	grow       int
	length     int // where its length is in the plan; 0: nowhere yet
}

// maxOpen is the number of levels that may be open: resources and scopes.
const maxOpen = 2

// maxVarint is the longest length of a message.
const maxVarint = 5

// freePlan is the size that every plan may have.
const freePlan = 64 << 10

// many reports whether the plan is larger than it may be after these bytes of the request. The
// plan is memory that no limit counts, and a resource of two bytes needs 30 bytes of it. An
// ordinary record needs at most as many as it has.
func (e *edits) many(walked int) bool { return len(e.plan) > freePlan+walked }

// prepare grows a plan that becomes large for the rest of a request of this size, of which
// these bytes are walked. Without it, growing would allocate several times the plan.
func (e *edits) prepare(walked, size int) {
	const next = 1 << 10 // more than most resources need
	n := len(e.plan)
	if n < freePlan/2 || cap(e.plan)-n > next {
		return
	}
	all := int64(n) * int64(size) / int64(walked)           // if the rest is like this part
	all = min(all+all/16, int64(freePlan+size), 4*int64(n)) // it may be less, or too much
	e.plan = slices.Grow(e.plan, max(int(all)-n, next))
}

func (e *edits) reset() {
	e.plan, e.text, e.done, e.grow, e.depth = e.plan[:0], e.text[:0], 0, 0, 0
}

// release forgets large plans.
func (e *edits) release() {
	if cap(e.plan) > maxKept || cap(e.text) > maxKept {
		*e = edits{}
	}
}

// begin opens the message data[start:end].
func (e *edits) begin(start, end int) {
	e.open[e.depth] = openMessage{start: start, end: end}
	e.depth++
}

// end closes the innermost open message.
func (e *edits) end() {
	e.depth--
	m := &e.open[e.depth]
	if m.length == 0 {
		return
	}
	size := m.end - m.start
	n := binary.PutUvarint(e.plan[m.length:m.length+maxVarint], uint64(size+m.grow)) //nolint:gosec // not negative
	e.grown(m.grow + n - varintSize(size))
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
		if m.length > 0 {
			continue
		}
		old := varintSize(m.end - m.start)
		e.plan = binary.AppendUvarint(e.plan, uint64(m.start-old-e.done)) //nolint:gosec // not negative
		e.plan = append(e.plan, byte(old<<4|isLength))
		m.length = len(e.plan)
		e.plan = append(e.plan, make([]byte, maxVarint)...)
		e.done = m.start
	}
}

// change replaces data[start:end], which is in the message data[first:last] in the innermost
// open message, by e.text.
func (e *edits) change(first, last, start, end int) {
	e.reserve()
	if grow := len(e.text) - (end - start); grow != 0 {
		old := varintSize(last - first)
		var length [maxVarint]byte
		n := binary.PutUvarint(length[:], uint64(last-first+grow)) //nolint:gosec // not negative
		e.replace(first-old, first, length[:n])
		e.grown(grow + n - old)
	}
	e.replace(start, end, e.text)
}

// replace replaces data[start:end] by text.
func (e *edits) replace(start, end int, text []byte) {
	e.plan = binary.AppendUvarint(e.plan, uint64(start-e.done)) //nolint:gosec // not negative
	drop, put := end-start, len(text)
	if drop < longer && put < isLength {
		e.plan = append(e.plan, byte(drop<<4|put)) //nolint:gosec // 4 bits each
	} else {
		e.plan = append(e.plan, longer<<4|longer)
		e.plan = binary.AppendUvarint(e.plan, uint64(drop)) //nolint:gosec // not negative
		e.plan = binary.AppendUvarint(e.plan, uint64(put))
	}
	e.plan = append(e.plan, text...)
	e.done = end
}

// apply returns a copy of data with the replacements.
func (e *edits) apply(data []byte) []byte {
	var (
		out     = make([]byte, len(data)+e.grow)
		plan    = e.plan
		n, done int // in out and data
	)
	for len(plan) > 0 {
		gap := 0
		gap, plan = nextVarint(plan)
		n += copy(out[n:], data[done:done+gap])
		drop, put := int(plan[0]>>4), int(plan[0]&0xf)
		plan = plan[1:]
		done += gap
		switch {
		case put == isLength:
			length, _ := nextVarint(plan)
			n += binary.PutUvarint(out[n:], uint64(length)) //nolint:gosec // not negative
			put = maxVarint
		case drop == longer:
			drop, plan = nextVarint(plan)
			put, plan = nextVarint(plan)
			fallthrough
		default:
			n += copy(out[n:], plan[:put])
		}
		plan = plan[put:]
		done += drop
	}
	copy(out[n:], data[done:])
	return out
}

// nextVarint reads a number of a plan.
func nextVarint(plan []byte) (n int, rest []byte) {
	if plan[0] < 0x80 {
		return int(plan[0]), plan[1:]
	}
	u, size := binary.Uvarint(plan)
	return int(u), plan[size:] //nolint:gosec // below maxEdited
}

// varintSize returns the length of a varint.
func varintSize(n int) int {
	return (bits.Len32(uint32(n)|1) + 6) / 7 //nolint:gosec // below maxEdited
}
