// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import "time"

// Settings of an [Assembler].
type Settings struct {
	// MaxLine is the number of bytes above which a line is cut into parts.
	MaxLine int
	// Location is where times without a zone are read.
	Location *time.Location
	// App, ProcessID and Stderr are derived from the file's name. They apply to lines
	// outside PM2's records.
	App       string
	ProcessID int64
	Stderr    bool
	// DatesEachLine is whether PM2 writes its date before each line, as it does in fork
	// mode. A line without one has no time then.
	DatesEachLine bool
}
