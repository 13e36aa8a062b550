// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
)

const (
	// Evidence is how many bytes must be the same for a file with any name to be a copy: two processes
	// may begin with the same lines.
	Evidence = 1 << 10
	// StrongEvidence is the same for a file that holds only a part of what was read, which two processes
	// have in common more easily than all that one of them has written.
	StrongEvidence = 64 << 10
	// TruncationDelay is how long after a copy its original may be truncated.
	TruncationDelay = 2 * time.Second
)

// Unnamed is what was observed of a new file, whose name is not known as that of a copy, and of one
// content that was read of another file in its folder.
type Unnamed struct {
	// Derived is whether the name of the file is that of the other with digits, which are not the
	// number of a process.
	Derived bool
	// Live is whether the other file still holds the content.
	Live bool
	// Relation is how the file relates to the content, of which Offset bytes were read. Size is that
	// of the file.
	Relation     fingerprint.Relation
	Size, Offset int64
	// Waited is for how long the file is known.
	Waited time.Duration
}

// UnnamedAction is what to do with a new file.
type UnnamedAction int

const (
	// UnnamedOwn means that it is no copy of the content.
	UnnamedOwn UnnamedAction = iota
	// UnnamedWait means to look at it again later.
	UnnamedWait
	// UnnamedCopy means that it is a copy of the content.
	UnnamedCopy
)

// String implements fmt.Stringer.
func (a UnnamedAction) String() string { return [...]string{"own", "wait", "copy"}[a] }

// Classify returns what to do with the file.
func (u Unnamed) Classify() UnnamedAction {
	switch u.Relation {
	case fingerprint.Unrelated:
		return UnnamedOwn
	case fingerprint.Unclear:
		return u.wait(u.Derived)
	case fingerprint.Covered, fingerprint.Longer:
	}
	common := min(u.Size, u.Offset)
	if u.Live {
		if u.Derived && common >= Evidence {
			return UnnamedCopy
		}
		return u.wait(u.Derived || common >= Evidence)
	}
	least := int64(Evidence)
	if u.Size < u.Offset {
		least = StrongEvidence
	}
	if u.Derived || common >= least {
		return UnnamedCopy
	}
	return UnnamedOwn
}

// wait waits for the truncation of the original, if the file may be a copy.
func (u Unnamed) wait(maybe bool) UnnamedAction {
	if maybe && u.Waited < TruncationDelay {
		return UnnamedWait
	}
	return UnnamedOwn
}
