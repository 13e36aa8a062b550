package tail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
)

const (
	// maxFaults bounds the paths of one kind that Faults returns.
	maxFaults = 16
	// maxReviewed bounds the files that are looked at again in one scan.
	maxReviewed = 256
)

// Faults is what keeps a Tailer from reading at present.
type Faults struct {
	// Home is why there is no folder of a PM2 daemon, or nil.
	Home error
	// Looking is why files could not be looked for, or nil.
	Looking error
	// Following is how many files are followed that are there.
	Following int
	// Unreadable is how many files cannot be read, Paths are the first of them, and Why
	// says it of the first.
	Unreadable int
	Paths      []string
	Why        error
	// NotRead are the first files that PM2 writes and that may not be read by the rules.
	// Excluded files are none of them. More is how many there are in all, of at most 256.
	NotRead []NotRead
	More    int
	// Unsaved is why checkpoints could not be saved the last time, or nil, and Age how old
	// the saved ones are.
	Unsaved error
	Age     time.Duration
}

// NotRead is a file that is not read, and why.
type NotRead struct {
	Path   string
	Reason admit.Reason
}

// Faults returns what keeps the tailer from reading. It does not touch the disk.
func (t *Tailer) Faults() Faults {
	t.mu.Lock()
	f := Faults{Home: t.home, Looking: t.problem, Unsaved: t.unsaved, Age: t.set.Now().Sub(t.saved)}
	t.mu.Unlock()
	for _, s := range t.all() {
		if !s.watch.missed.Load() {
			f.Following++
		}
		if why := s.fault.Load(); why != nil {
			f.Unreadable++
			f.Paths = append(f.Paths, s.path)
		}
	}
	slices.Sort(f.Paths)
	f.Paths = f.Paths[:min(len(f.Paths), maxFaults)]
	if len(f.Paths) > 0 {
		t.mu.Lock()
		s := t.streams[f.Paths[0]]
		t.mu.Unlock()
		if s != nil {
			if why := s.fault.Load(); why != nil {
				f.Why = *why
			}
		}
	}
	f.NotRead, f.More = t.set.skips.faults()
	return f
}

// found notes what a scan has met.
func (t *Tailer) found(problem error) {
	home := t.finder.missingHome()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problem, t.home = problem, home
}

// missingHome returns why no folder of a daemon is found, or nil. Where patterns of log
// files say what to read, none is needed.
func (f *Finder) missingHome() error {
	if f.NamesOnly || len(f.Homes) == 0 || len(Folders(f.Homes)) > 0 {
		return nil
	}
	for _, pattern := range f.Homes {
		if path := literal(pattern); path != "" {
			if _, err := os.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return fmt.Errorf("%s: %w", strings.Join(f.Homes, ", "), fs.ErrNotExist)
}

// literal returns the path that a pattern is for, or "" if it is for several.
func literal(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte(pattern[i])
		case strings.IndexByte("*?[{", c) >= 0:
			return ""
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isFault says whether an operator has to know of a file that is not read.
func isFault(r admit.Reason) bool {
	switch r {
	case admit.Unreadable, admit.NotIncluded, admit.OtherOwner, admit.LinkTarget:
		return true
	}
	return false
}

// faults returns the first files that PM2 writes and that are not read, and how many there
// are.
func (k *skips) faults() (first []NotRead, all int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.wrong[:min(len(k.wrong), maxFaults)], len(k.wrong)
}

// review finds out which of the files are still not read and are written by PM2. Where PM2
// says nothing, any file in its folders counts. Files that may be read by now, or are gone,
// are forgotten: if they may not be read again later, that is logged again.
func (k *skips) review(f *Finder) {
	var known []NotRead
	k.mu.Lock()
	for path, reason := range k.known {
		if isFault(reason) && len(known) < maxReviewed {
			known = append(known, NotRead{path, reason})
		}
	}
	k.mu.Unlock()
	silent := f.Roster == nil || len(f.Roster.Paths()) == 0
	var wrong []NotRead
	for _, n := range known {
		if !f.still(n) {
			k.mu.Lock()
			if k.known[n.Path] == n.Reason {
				delete(k.known, n.Path)
			}
			k.mu.Unlock()
			continue
		}
		written := silent
		if !silent {
			_, written = f.Roster.Lookup(n.Path)
		}
		if written {
			wrong = append(wrong, n)
		}
	}
	slices.SortFunc(wrong, func(a, b NotRead) int { return strings.Compare(a.Path, b.Path) })
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrong = wrong
}

// still says whether a file is not read for the same reason as before.
func (f *Finder) still(n NotRead) bool {
	if f.excluded(n.Path) {
		return false
	}
	switch n.Reason {
	case admit.Unreadable:
		_, err := os.Stat(n.Path)
		return errors.Is(err, fs.ErrPermission)
	case admit.NotIncluded:
		if f.Roster == nil {
			return false
		}
		_, has := f.Roster.Lookup(n.Path)
		_, err := os.Stat(n.Path)
		return has && err == nil
	}
	r := admit.Refused(f.gate.Check(n.Path))
	return r != nil && r.Reason == n.Reason
}
