// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

// Settings of a [Joiner].
type Settings struct {
	// MaxLines and MaxBytes bound one trace.
	MaxLines int
	MaxBytes int
	// Leads reports whether a line is a logger's warning or error, which a trace may follow,
	// and whether such a trace can only belong to that line. It may be nil.
	Leads func(text []byte) (leads, surely bool)
	// Starts says whether a line is a logger's, which is not part of the message of an
	// error. It may be nil.
	Starts func(text []byte) bool
}
