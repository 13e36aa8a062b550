// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import "github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"

// Entry is one line, or the lines of one record.
type Entry struct {
	// Line is the first line.
	*lines.Line
	// Body is what to show: the line, or what precedes the frames of a trace whose head can
	// be read.
	Body []byte
	// Original is everything the process wrote, with newlines between the lines.
	Original []byte
	// Lines is how many lines were joined, 1 for a line alone.
	Lines int
	// Exception is set if the head of a trace could be read.
	Exception *Exception
}
