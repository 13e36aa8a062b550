// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/rotation"
)

// maxByContent bounds the copies of a log that are known by their content.
const maxByContent = 1024

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
		switch found, known := l.knownByContent(base); {
		case found:
			return true
		case known: // it was found to be none
			l.forgetByContent(base)
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
	case action == rotation.ByContentWait && len(t.copyWaits) < maxLogs:
		t.copyWaits[path] = since
		return true
	case action == rotation.ByContentCopy:
		return original.setByContent(base, true)
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
func (t *Tailer) originalOf(path string, beside []*log, waited time.Duration) (original *log, action rotation.ByContentAction, err error) {
	at, err := logfile.Stat(path)
	if err != nil {
		return nil, rotation.ByContentOwn, err
	}
	for _, l := range beside {
		p := l.published()
		if slices.ContainsFunc(slices.Concat(p.open, p.gone), func(f checkpoint.File) bool { return f.Is(at) }) {
			return nil, rotation.ByContentOwn, nil // it was renamed
		}
	}
	file, err := t.set.open(path)
	if err != nil {
		return nil, rotation.ByContentOwn, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	head, _, err := fingerprint.Beginning(file, at.Size)
	if err != nil {
		return nil, rotation.ByContentOwn, err
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
		u := rotation.ByContent{
			Derived: logname.Derived(base, l.base), Live: live, Relation: relation, Size: at.Size, Offset: p.Offset, Waited: waited,
		}
		if a := u.Classify(); a > action || action == rotation.ByContentCopy && a == rotation.ByContentCopy && u.Derived && !logname.Derived(base, original.base) {
			original, action = l, a
		}
		return nil
	}
	for _, l := range beside {
		p := l.published()
		for _, f := range p.gone {
			if err := consider(l, f, false); err != nil {
				return nil, rotation.ByContentOwn, err
			}
		}
		for _, f := range p.open {
			if f.Copy {
				continue
			}
			if err := consider(l, f, true); err != nil {
				return nil, rotation.ByContentOwn, err
			}
		}
	}
	return original, action, nil
}

// knownByContent reports whether the file with that base name is a copy by its content. known is set
// if that was decided. It is safe for concurrent use.
func (l *log) knownByContent(base string) (isCopy, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	isCopy, known = l.byContent[base]
	return isCopy, known
}

// setByContent records whether the file with that base name is a copy. It reports false if there are
// too many. It is safe for concurrent use.
func (l *log) setByContent(base string, isCopy bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.byContent[base]; !known && len(l.byContent) >= maxByContent {
		if !l.byContentFull {
			l.set.Logger.Warn("Too many rotated copies with names of no known pattern; further ones are read as logs, so their lines are sent again. Remove old copies, or name them in \"exclude\"",
				zap.String("path", l.path), zap.Int("limit", maxByContent), zap.String("file", base))
		}
		l.byContentFull = true
		return false
	}
	l.byContent[base] = isCopy
	l.watch.copiesChanged.Store(true)
	l.wakeUp()
	return true
}

// forgetByContent forgets a file that is gone or that is read as a log. It is safe for concurrent use.
func (l *log) forgetByContent(base string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byContent, base)
	l.byContentFull = l.byContentFull && len(l.byContent) >= maxByContent
}

// forgetNoCopies forgets the files that turned out to be no copies, but for those with a path in
// next. It is safe for concurrent use.
func (l *log) forgetNoCopies(next map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.byContent, func(base string, isCopy bool) bool { return !isCopy && !next[filepath.Join(l.dir, base)] })
	l.byContentFull = l.byContentFull && len(l.byContent) >= maxByContent
}

// copiesByContent returns the base names of the copies that are known by their content. It is safe
// for concurrent use.
func (l *log) copiesByContent() (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, isCopy := range l.byContent {
		if isCopy {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// likeOpenFile reports whether a copy that is known by its content may still be one of a file that
// the log has open.
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
