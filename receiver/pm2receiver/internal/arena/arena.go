// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package arena keeps the text of one block of log lines, and the strings of its records,
// in a few large pieces, so that they cost no allocation each.
package arena

// slack is what Reserve keeps free behind every reservation, so that copying
// loops may store whole words past the end of what they need.
const slack = 8

// leastPiece is the size of the smallest piece.
const leastPiece = 1 << 10

// Arena hands out memory that is not used again before it is put back into a [Pool]. The
// zero value is ready. An Arena is not safe for concurrent use; what it handed out is.
type Arena struct {
	free  []byte // len is 0: the rest of the current piece
	piece []byte // the largest one
	size  int    // of the next piece
	used  int
}

// New returns an arena whose first piece has capacity for n bytes. Later ones are
// smaller.
func New(n int) *Arena { return &Arena{size: n + slack} }

// Used returns how many bytes are kept.
func (a *Arena) Used() int { return a.used }

// Reserve returns a slice of length 0 that can take n bytes by append without
// growing. The memory belongs to the caller once it calls [Arena.Keep].
func (a *Arena) Reserve(n int) []byte {
	if cap(a.free) < n+slack {
		a.free = make([]byte, 0, max(a.size, leastPiece, n+slack))
		a.size /= 16
		if cap(a.free) > cap(a.piece) {
			a.piece = a.free
		}
	}
	return a.free
}

// Keep takes what was appended to the slice of the last Reserve out of the free
// memory and returns it. If the slice has grown beyond the reservation it is
// returned as it is.
func (a *Arena) Keep(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	a.used += len(b)
	if cap(a.free) < len(b) || &b[0] != &a.free[:1][0] {
		return b
	}
	a.free = a.free[len(b):len(b):cap(a.free)]
	return b[:len(b):len(b)]
}

// Copy returns a copy of b.
func (a *Arena) Copy(b []byte) []byte { return a.Keep(append(a.Reserve(len(b)), b...)) }
