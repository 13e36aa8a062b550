// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
)

const (
	// maxSkipped bounds the skipped files that are remembered.
	maxSkipped = 4096
	// maxSkippedLogs is how many of them are logged in each skippedLogPeriod.
	maxSkippedLogs   = 20
	skippedLogPeriod = 30 * time.Minute
	// maxReviewed bounds the skipped files that one review looks at.
	maxReviewed = 256
)

// NotRead is a file that is not read, and why.
type NotRead struct {
	Path   string
	Reason admit.Reason
}

// skippedFiles counts the files that may not be read, and logs each once. It is safe for
// concurrent use.
type skippedFiles struct {
	meter  Meter
	logger *zap.Logger
	now    func() time.Time

	mu       sync.Mutex
	known    map[string]admit.Reason
	faults   []NotRead // those of known that an operator must know of; replaced, never changed
	logged   int       // since logsFrom
	logsFrom time.Time
}

// add adds the file that err is about, and reports whether err says that the file may not be
// read.
func (k *skippedFiles) add(err error) bool {
	r := admit.Refused(err)
	if r == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[r.Path] == r.Reason {
		return true
	}
	if len(k.known) >= maxSkipped {
		clear(k.known)
	}
	k.known[r.Path] = r.Reason
	k.meter.Skipped(r.Reason)
	if now := k.now(); now.Sub(k.logsFrom) >= skippedLogPeriod {
		k.logsFrom, k.logged = now, 0
	}
	switch k.logged++; {
	case k.logged <= maxSkippedLogs:
		k.logger.Warn("Log file is not read", zap.String("path", r.Path), zap.String("reason", string(r.Reason)), zap.Error(r))
	case k.logged == maxSkippedLogs+1:
		k.logger.Warn("More log files are not read; the next ones are counted but not logged", zap.Duration("period", skippedLogPeriod))
	}
	return true
}

// review finds the files that are still not read and that PM2 writes. Files that may be read
// by now, or are gone, are forgotten, so that they are logged again if they are skipped again.
func (k *skippedFiles) review(f *finder.Finder) {
	var known []NotRead
	k.mu.Lock()
	for path, reason := range k.known {
		if isFault(reason) && len(known) < maxReviewed {
			known = append(known, NotRead{path, reason})
		}
	}
	k.mu.Unlock()
	var faults []NotRead
	for _, n := range known {
		if !f.Refuses(n.Path, n.Reason) {
			k.forget(n)
			continue
		}
		if f.Listed(n.Path) {
			faults = append(faults, n)
		}
	}
	slices.SortFunc(faults, func(a, b NotRead) int { return strings.Compare(a.Path, b.Path) })
	k.mu.Lock()
	defer k.mu.Unlock()
	k.faults = faults
}

func (k *skippedFiles) forget(n NotRead) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[n.Path] == n.Reason {
		delete(k.known, n.Path)
	}
}

// first returns the first n files of the last review, and how many there were.
func (k *skippedFiles) first(n int) (first []NotRead, all int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.faults[:min(len(k.faults), n)], len(k.faults)
}

// isFault reports whether an operator must know of a file that is skipped for a reason.
func isFault(r admit.Reason) bool {
	switch r {
	case admit.Unreadable, admit.NotIncluded, admit.OtherOwner, admit.LinkTarget:
		return true
	}
	return false
}
