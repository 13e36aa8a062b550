// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

// Line is a line that a process wrote, without its newline.
type Line struct {
	// Text is valid UTF-8. It refers to the block or to the arena and does not change while
	// the block is decoded.
	Text []byte
	// App is PM2's name of the application.
	App string
	// ProcessID is PM2's number of the process, or envelope.NoProcess.
	ProcessID int64
	Stderr    bool
	// Time is PM2's time in nanoseconds since the epoch, or 0. Date is PM2's date as it
	// was written if no time can be read from it.
	Time int64
	Date string
	// Slot is the same number for all lines of one process and stream in a file.
	Slot int
	// File is the identity of the file in which this line begins, Offset is where
	// the physical line begins there in which it begins, and Index counts the lines
	// that begin there. Together they name the line.
	File   uint64
	Offset int64
	Index  int
	// Record is where the physical line begins in which this line ends.
	Record int64
	// Part is 0 for a whole line. A line longer than Settings.MaxLine comes in
	// parts 1, 2, …; Last is set on the last one.
	Part int
	Last bool
	// Repaired is set if bytes that are no UTF-8 were replaced in Text.
	Repaired bool
	// Joined is set if PM2 had written the line in several records.
	Joined bool
	// Raw is set if the line was outside PM2's records in a file that has them.
	Raw bool
}
