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

// ByContent is what was observed of a new file, whose name is not known as that of a copy, and of one
// content that was read of another file in its folder.
type ByContent struct {
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

// ByContentAction is what to do with a new file.
type ByContentAction int

const (
	// ByContentOwn means that it is no copy of the content.
	ByContentOwn ByContentAction = iota
	// ByContentWait means to look at it again later.
	ByContentWait
	// ByContentCopy means that it is a copy of the content.
	ByContentCopy
)

// String implements fmt.Stringer.
func (a ByContentAction) String() string { return [...]string{"own", "wait", "copy"}[a] }

// Classify returns what to do with the file.
func (b ByContent) Classify() ByContentAction {
	switch b.Relation {
	case fingerprint.Unrelated:
		return ByContentOwn
	case fingerprint.Unclear:
		return b.wait(b.Derived)
	case fingerprint.Covered, fingerprint.Longer:
	}
	common := min(b.Size, b.Offset)
	if b.Live {
		if b.Derived && common >= Evidence {
			return ByContentCopy
		}
		return b.wait(b.Derived || common >= Evidence)
	}
	least := int64(Evidence)
	if b.Size < b.Offset {
		least = StrongEvidence
	}
	if b.Derived || common >= least {
		return ByContentCopy
	}
	return ByContentOwn
}

// wait waits for the truncation of the original, if the file may be a copy.
func (b ByContent) wait(maybe bool) ByContentAction {
	if maybe && b.Waited < TruncationDelay {
		return ByContentWait
	}
	return ByContentOwn
}
