// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

// Content is what was observed of an open file before it is read.
type Content struct {
	// Offset is how much of it was read.
	Offset int64
	// Size is its present size, or -1 if that is unknown.
	Size int64
	// Modified is whether its modification time differs from that of the last read.
	Modified bool
	// Partial is the length of the partial line at its end when it was last read.
	Partial int64
	// Overdue is whether the end of a partial line is not waited for any longer.
	Overdue bool
}

// ContentChange is what has happened to the content of a file.
type ContentChange int

const (
	// Unchanged files have nothing to read.
	Unchanged ContentChange = iota
	// Grown files may have something to read.
	Grown
	// Truncated files no longer hold what was read.
	Truncated
	// Rewritten files are as long as before and were written to. Their fingerprint decides
	// whether they are Unchanged or Truncated.
	Rewritten
)

// String implements fmt.Stringer.
func (c ContentChange) String() string {
	return [...]string{"unchanged", "grown", "truncated", "rewritten"}[c]
}

// Classify returns what has happened. Reading a grown file compares its fingerprint, so that
// a file that was truncated and has grown longer than before is found out too.
func (c Content) Classify() ContentChange {
	switch {
	case c.Size < 0:
		return Grown
	case c.Size < c.Offset:
		return Truncated
	case c.Size == c.Offset && c.Modified:
		return Rewritten
	case c.Size == c.Offset:
		return Unchanged
	case c.Partial > 0 && c.Size == c.Offset+c.Partial && !c.Modified && !c.Overdue:
		return Unchanged
	}
	return Grown
}
