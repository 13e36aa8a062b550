// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"slices"
	"time"
)

// maxFaultPaths bounds the paths of one kind in [Faults].
const maxFaultPaths = 16

// Faults is what keeps a [Tailer] from reading at present.
type Faults struct {
	// Home is why a folder of a PM2 daemon is missing, or nil. OtherHomes reports whether there are
	// folders of other daemons.
	Home       error
	OtherHomes bool
	// Find is why log files could not be looked for, or nil.
	Find error
	// Following is how many of the followed files exist.
	Following int
	// Unreadable is how many files cannot be read. Paths are the first 16 of them, and
	// ReadError is the error of the first.
	Unreadable int
	Paths      []string
	ReadError  error
	// NotRead are the first 16 files that PM2 writes and the rules do not allow to read.
	// Excluded files are not among them. NotReadCount is how many there are, up to 256.
	NotRead      []NotRead
	NotReadCount int
	// Rejected is how many files wait because the next consumer rejects their records.
	// RejectedPaths are the first 16 of them. RejectedError is the error of the file that waits
	// longest, and RejectedSince when it began to wait.
	Rejected      int
	RejectedPaths []string
	RejectedError error
	RejectedSince time.Time
	// SaveError is why checkpoints could not be saved the last time, or nil, and
	// CheckpointAge is the age of the saved ones.
	SaveError     error
	CheckpointAge time.Duration
}

// Faults returns what keeps the tailer from reading. It does not access the disk, and is safe
// for concurrent use.
func (t *Tailer) Faults() Faults {
	t.mu.Lock()
	f := Faults{Home: t.homeError, OtherHomes: t.otherHomes, Find: t.findError, SaveError: t.saveError, CheckpointAge: t.set.Now().Sub(t.saved)}
	t.mu.Unlock()
	for _, l := range t.all() {
		if !l.watch.missing.Load() {
			f.Following++
		}
		if err := l.readError.Load(); err != nil {
			f.Unreadable++
			f.Paths = append(f.Paths, l.path)
		}
		if r := l.rejected.Load(); r != nil {
			if f.Rejected == 0 || r.since.Before(f.RejectedSince) {
				f.RejectedError, f.RejectedSince = r.err, r.since
			}
			f.Rejected++
			f.RejectedPaths = append(f.RejectedPaths, l.path)
		}
	}
	slices.Sort(f.Paths)
	f.Paths = f.Paths[:min(len(f.Paths), maxFaultPaths)]
	slices.Sort(f.RejectedPaths)
	f.RejectedPaths = f.RejectedPaths[:min(len(f.RejectedPaths), maxFaultPaths)]
	if len(f.Paths) > 0 {
		t.mu.Lock()
		l := t.logs[f.Paths[0]]
		t.mu.Unlock()
		if l != nil {
			if err := l.readError.Load(); err != nil {
				f.ReadError = *err
			}
		}
	}
	f.NotRead, f.NotReadCount = t.set.skipped.first(maxFaultPaths)
	return f
}
