// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/rotation"
)

// maxUnnamed bounds the copies of a log that only their content shows.
const maxUnnamed = 1024

// isCopy reports whether a new file is a copy of a log, whatever its name is, or may turn out to be
// one in a moment. Its log then reads what was not read before.
func (t *Tailer) isCopy(path string) bool {
	now := t.set.Now()
	since, waits := t.copyWaits[path]
	if !waits {
		since = now
	}
	delete(t.copyWaits, path)
	dir, base := filepath.Dir(path), filepath.Base(path)
	var beside []*log
	for _, l := range t.all() {
		if l.dir != dir {
			continue
		}
		switch isCopy, known := l.isUnnamedCopy(base); {
		case isCopy:
			return true
		case known: // it was found to be none
			l.forgetUnnamed(base)
			return false
		}
		beside = append(beside, l)
	}
	if len(beside) == 0 || isGzip(path) || t.isListed(path) {
		return false
	}
	original, action, err := t.originalOf(path, beside, now.Sub(since))
	switch {
	case err != nil: // its own log reports it
		return false
	case action == rotation.UnnamedWait && len(t.copyWaits) < maxLogs:
		t.copyWaits[path] = since
		return true
	case action == rotation.UnnamedCopy:
		return original.setUnnamed(base, true)
	}
	return false
}

// isListed reports whether PM2 lists a file: it writes no copies.
func (t *Tailer) isListed(path string) bool {
	if t.finder.Roster == nil {
		return false
	}
	_, has := t.finder.Roster.Lookup(path)
	return has
}

// originalOf returns the log that the file at path is a copy of.
func (t *Tailer) originalOf(path string, beside []*log, waited time.Duration) (original *log, action rotation.UnnamedAction, err error) {
	at, err := logfile.Stat(path)
	if err != nil {
		return nil, rotation.UnnamedOwn, err
	}
	for _, l := range beside {
		p := l.published()
		if slices.ContainsFunc(slices.Concat(p.open, p.gone), func(f checkpoint.File) bool { return f.Is(at) }) {
			return nil, rotation.UnnamedOwn, nil // it was renamed
		}
	}
	file, err := t.set.open(path)
	if err != nil {
		return nil, rotation.UnnamedOwn, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	head, _, err := fingerprint.Beginning(file, at.Size)
	if err != nil {
		return nil, rotation.UnnamedOwn, err
	}
	base := filepath.Base(path)
	consider := func(l *log, p checkpoint.File, live bool) error {
		n := min(len(head), len(p.Head))
		if p.ID == 0 || n > 0 && !bytes.Equal(head[:n], p.Head[:n]) {
			return nil
		}
		relation, err := p.Compare(file, at.Size)
		if err != nil {
			return err
		}
		u := rotation.Unnamed{
			Derived: logname.Derived(base, l.base), Live: live, Relation: relation, Size: at.Size, Offset: p.Offset, Waited: waited,
		}
		if a := u.Classify(); a > action || action == rotation.UnnamedCopy && a == rotation.UnnamedCopy && u.Derived && !logname.Derived(base, original.base) {
			original, action = l, a
		}
		return nil
	}
	for _, l := range beside {
		p := l.published()
		for _, f := range p.gone {
			if err := consider(l, f, false); err != nil {
				return nil, rotation.UnnamedOwn, err
			}
		}
		for _, f := range p.open {
			if f.Copy {
				continue
			}
			if err := consider(l, f, true); err != nil {
				return nil, rotation.UnnamedOwn, err
			}
		}
	}
	return original, action, nil
}

// isUnnamedCopy reports whether the file with that base name is a copy that only its content shows.
// known is set if that was decided. It is safe for concurrent use.
func (l *log) isUnnamedCopy(base string) (isCopy, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	isCopy, known = l.unnamed[base]
	return isCopy, known
}

// setUnnamed notes whether the file with that base name is a copy. It reports false if there are too
// many. It is safe for concurrent use.
func (l *log) setUnnamed(base string, isCopy bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.unnamed[base]; !known && len(l.unnamed) >= maxUnnamed {
		return false
	}
	l.unnamed[base] = isCopy
	l.watch.copiesChanged.Store(true)
	l.wakeUp()
	return true
}

// forgetUnnamed forgets a file that is gone. It is safe for concurrent use.
func (l *log) forgetUnnamed(base string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.unnamed, base)
}

// unnamedCopies returns the base names of the copies that only their content shows. It is safe for
// concurrent use.
func (l *log) unnamedCopies() (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, isCopy := range l.unnamed {
		if isCopy {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// likeOpenFile reports whether a copy that only its content shows may still be one of a file that the
// log has open.
func (l *log) likeOpenFile(copied logfile.File, size int64) (bool, error) {
	for _, f := range l.files {
		if f.Position.Copy || f.Position.ID == 0 {
			continue
		}
		relation, err := f.Position.Compare(copied, size)
		if relation != fingerprint.Unrelated || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}
