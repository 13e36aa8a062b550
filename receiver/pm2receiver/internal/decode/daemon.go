// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import "slices"

// DaemonState is what is known from the earlier lines of the log of PM2 itself: some
// of them name a process by its number alone, or not at all.
type DaemonState struct {
	// Processes are those that were named last, the latest at the end.
	Processes []Process `json:"processes,omitempty"`
	// Exited is set if the last line was that of the exit of the last of Processes.
	Exited bool `json:"exited,omitempty"`
}

// Process is a process as PM2 names it.
type Process struct {
	ID  int64  `json:"id"`
	App string `json:"app"`
}

// Clone returns a copy that shares no memory that is written again.
func (s DaemonState) Clone() DaemonState {
	s.Processes = slices.Clone(s.Processes)
	return s
}
