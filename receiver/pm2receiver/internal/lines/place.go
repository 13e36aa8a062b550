// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

// Place is where a line is from that something else was taken off.
type Place struct {
	// Offset is where it begins in the file.
	Offset int64
	// Time is when it was written, in nanoseconds since the epoch: that of lines that have
	// none of PM2's.
	Time int64
}
