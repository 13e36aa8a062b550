// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package slab makes the log records of a block of lines.
//
// By default it uses pdata's own functions, which allocate each value by itself. With
// the build tag pm2slab it takes the parts of the records from a few large pieces of
// memory. That relies on pdata's layout in memory and on unsafe; see ADR 038 for what it
// gains. The records are ordinary ones in both cases: consumers may change them and keep
// them.
package slab

const (
	// lastLine is the free space for the last line of a block: space for the whole line is
	// reserved before it is known how much of it is text.
	lastLine = 1 << 10
	// mostBytes bounds the bytes of a block for which memory is reserved, and partBytes is the
	// fewest bytes that make a part.
	mostBytes = 128 << 10
	partBytes = 8
)

// Usage counts the parts that records consist of. Without the build tag pm2slab only Text
// and Values are counted.
type Usage struct {
	// Text is the bytes of the lines that records are made from, and Values those of the
	// strings of the records.
	Text, Values int

	Records, Fields, Inner, Elements, Strings, Ints, Doubles, Maps, Slices int
}

// Of estimates the usage of size bytes, given that whole bytes had the usage u. The result is bounded
// by size, because those bytes may have completed records that began long before.
func (u Usage) Of(size, whole int) Usage {
	if whole <= 0 {
		return Usage{Text: size, Values: size / 2}
	}
	size = min(size, mostBytes)
	share := func(n int) int { return int(int64(n)*int64(size)/int64(whole)) + n/32 }
	part := func(n int) int { return min(share(n), size/partBytes) }
	return Usage{
		min(share(u.Text), 2*size) + lastLine, min(share(u.Values), 2*size), part(u.Records), part(u.Fields), part(u.Inner), part(u.Elements), part(u.Strings),
		part(u.Ints), part(u.Doubles), part(u.Maps), part(u.Slices),
	}
}

// New is [From] without arenas.
func New(expect Usage) *Slab { return From(nil, expect) }

// String returns the bytes of b as a string for a record.
func (s *Slab) String(b []byte) string { return s.values.Copy(b) }
