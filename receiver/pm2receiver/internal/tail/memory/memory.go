// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package memory bounds the memory of what all log files together have read and the next
// consumer has not accepted.
package memory

// DefaultSize is the size of a [Memory] for which none is given, in bytes.
const DefaultSize = 64 << 20

// Memory is shared by all files of a receiver. Each part has a bound of its own, so that
// neither a few long lines nor many partial ones delay the others. It is safe for concurrent
// use.
type Memory struct {
	// Blocks bounds blocks of lines.
	Blocks *Budget
	// Lines bounds lines that are longer than a block.
	Lines *Budget
	// Partial bounds partial lines and stack traces that wait for their end.
	Partial *Shares
}

// New returns a memory of size bytes, or DefaultSize if size is 0: a quarter for blocks, half
// for long lines, a quarter for partial lines.
func New(size int64) *Memory {
	if size == 0 {
		size = DefaultSize
	}
	return &Memory{Blocks: NewBudget(size / 4), Lines: NewBudget(size / 2), Partial: NewShares(size / 4)}
}
