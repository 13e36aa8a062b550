// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

// date is what PM2 has written before a line.
type date struct {
	nanos int64
	// size is how long it is with the separator behind it.
	size int
	// unknownWord is set if it has a word that is not known.
	unknownWord bool
}

// evidence is how certain it is that a date is PM2's.
type evidence int

const (
	// noDate is of a line that begins with none.
	noDate evidence = iota
	// possible is of a date whose shape has not been learned.
	possible
	// sure is of a date of a known form, or of a shape that was learned.
	sure
)
