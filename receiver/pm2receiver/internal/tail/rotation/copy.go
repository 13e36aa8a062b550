// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
)

const (
	// Stable is how long a file that is no copy of known content must stay unchanged before
	// it is read.
	Stable = time.Second
	// Patience is how long a copy may stay incomplete, or its original unchanged.
	Patience = time.Minute
)

// Copy is what was observed of a file whose name is that of a rotated copy of a log. Fields
// are needed in their order: once a field decides, those after it do not matter.
type Copy struct {
	// Waited is for how long the file has been in its present state.
	Waited time.Duration
	// OpenElsewhere is whether another log has this file open.
	OpenElsewhere bool
	// Incomplete is whether it is a compressed file that is still being written.
	Incomplete bool
	// Empty is whether it holds nothing.
	Empty bool
	// Gone is how it relates to contents of this log that are no longer where they were
	// read, the latest first.
	Gone []fingerprint.Relation
	// LiveOriginal is whether it begins like a file that this log reads.
	LiveOriginal bool
	// Others is how it relates to files that other logs have open and that were at the path
	// of this log.
	Others []Other
	// Earlier is how it relates to contents that other logs have read and no longer have
	// open, the shortest first.
	Earlier []fingerprint.Relation
}

// Other is how a copy relates to a file that another log has open.
type Other struct {
	Relation fingerprint.Relation
	// Unread is whether nothing of that file was accepted yet, so that the relation says
	// nothing.
	Unread bool
}

// CopyAction is what to do with a copy.
type CopyAction int

const (
	// CopyWait means to look at the copy again later.
	CopyWait CopyAction = iota
	// CopyDone means that the copy holds nothing that was not read.
	CopyDone
	// CopyAbandon means that the copy cannot be read.
	CopyAbandon
	// CopyReadGone means to read what follows the content Index of Gone.
	CopyReadGone
	// CopyReadEarlier means to read what follows the content Index of Earlier.
	CopyReadEarlier
	// CopyReadAll means to read the copy from its beginning.
	CopyReadAll
)

// String implements fmt.Stringer.
func (a CopyAction) String() string {
	return [...]string{"wait", "done", "abandon", "read after gone", "read after earlier", "read all"}[a]
}

// CopyDecision is what to do with a copy.
type CopyDecision struct {
	Action CopyAction
	// Index is the content to continue after, for CopyReadGone and CopyReadEarlier.
	Index int
}

// Classify returns what to do with the copy.
func (c Copy) Classify() CopyDecision {
	switch {
	case c.OpenElsewhere:
		return CopyDecision{Action: CopyWait}
	case c.Incomplete:
		return c.after(Patience, CopyAbandon)
	case c.Empty:
		return c.after(Patience, CopyDone)
	}
	for i, relation := range c.Gone {
		switch {
		case relation == fingerprint.Covered:
			return CopyDecision{Action: CopyDone}
		case relation == fingerprint.Longer:
			return CopyDecision{Action: CopyReadGone, Index: i}
		case relation == fingerprint.Unclear && c.Waited < Stable:
			return CopyDecision{Action: CopyWait}
		}
	}
	if c.LiveOriginal {
		// What the copy holds is read from the original, unless that is truncated first: then
		// its content is in Gone.
		return c.after(Patience, CopyDone)
	}
	for _, other := range c.Others {
		switch {
		case other.Unread:
			return CopyDecision{Action: CopyWait}
		case other.Relation == fingerprint.Covered:
			return CopyDecision{Action: CopyDone}
		case other.Relation != fingerprint.Unrelated:
			return c.after(Patience, CopyDone)
		}
	}
	if c.Waited < Stable {
		return CopyDecision{Action: CopyWait}
	}
	best := CopyDecision{Action: CopyReadAll}
	for i, relation := range c.Earlier {
		switch relation {
		case fingerprint.Covered:
			return CopyDecision{Action: CopyDone}
		case fingerprint.Longer:
			best = CopyDecision{Action: CopyReadEarlier, Index: i} // a later one is longer
		case fingerprint.Unrelated, fingerprint.Unclear:
		}
	}
	return best
}

// after returns action once the copy has waited for limit.
func (c Copy) after(limit time.Duration, action CopyAction) CopyDecision {
	if c.Waited < limit {
		return CopyDecision{Action: CopyWait}
	}
	return CopyDecision{Action: action}
}
