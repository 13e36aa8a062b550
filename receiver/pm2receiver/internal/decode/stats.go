// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

// Stats counts what a decoder met in one block.
type Stats struct {
	Records  int
	Raw      int // lines outside PM2's records in a file that has them
	Joined   int // lines that PM2 had split, and stack traces put together
	Cut      int // records that are part of a line that was too long
	Repaired int // records in which bytes that are no UTF-8 were replaced
}

// Add adds what was met in another block.
func (s *Stats) Add(other Stats) {
	s.Records += other.Records
	s.Raw += other.Raw
	s.Joined += other.Joined
	s.Cut += other.Cut
	s.Repaired += other.Repaired
}
