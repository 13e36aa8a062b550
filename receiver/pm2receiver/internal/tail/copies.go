// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/folder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/reader"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/rotation"
)

// maxCopies bounds the rotated copies that a log knows: the latest.
const maxCopies = 256

// copyFile is a file with the name of a rotated copy.
type copyFile struct {
	name      string
	state     checkpoint.CopyState
	byContent bool // only its content shows that it is a copy
}

// lookAtCopies looks at rotated copies that have changed, and opens those with something that
// was not read.
func (l *log) lookAtCopies() error {
	began := time.Now()
	if began.Before(l.noCopiesUntil) || !l.watch.copiesChanged.Swap(false) && len(l.waiting) == 0 {
		return nil
	}
	defer func() { l.noCopiesUntil = folder.RepeatAfter(began) }()
	found, err := l.copies()
	if err != nil {
		l.watch.copiesChanged.Store(true)
		return err
	}
	handled, waiting := map[checkpoint.CopyState]bool{}, map[checkpoint.CopyState]time.Time{}
	changed := false
	for _, c := range found {
		if l.handled[c.state] {
			handled[c.state] = true
			continue
		}
		if l.hasOpen(c.state) {
			continue
		}
		since, known := l.waiting[c.state]
		if !known {
			since = l.set.Now()
		}
		done, err := l.lookAtCopy(c, l.set.Now().Sub(since))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.report("Cannot read rotated log file", err)
		}
		if done {
			handled[c.state], changed = true, true
		} else {
			waiting[c.state] = since
		}
	}
	changed = changed || len(handled) != len(l.handled)
	l.handled, l.waiting = handled, waiting
	if changed {
		l.publish()
	}
	return nil
}

// copies returns the rotated copies in the order in which they were written.
func (l *log) copies() ([]copyFile, error) {
	names, err := l.set.listings.Copies(l.dir, l.base)
	if err != nil {
		return nil, err
	}
	named := len(names)
	names = append(names, l.copiesByContent()...)
	var found []copyFile
	for i, name := range names {
		path := filepath.Join(l.dir, name)
		info, err := os.Stat(path)
		if i >= named && errors.Is(err, fs.ErrNotExist) {
			l.forgetByContent(name)
		}
		if err != nil || !info.Mode().IsRegular() || l.set.finder.Exclusion().Has(path) {
			continue
		}
		found = append(found, copyFile{name, checkpoint.StateOf(logfile.StatusOf(info)), i >= named})
	}
	slices.SortFunc(found, func(a, b copyFile) int {
		return cmp.Or(cmp.Compare(a.state.Modified, b.state.Modified), strings.Compare(a.name, b.name))
	})
	return found[max(0, len(found)-maxCopies):], nil
}

// hasOpen reports whether the log has a copy open.
func (l *log) hasOpen(c checkpoint.CopyState) bool {
	return slices.ContainsFunc(l.files, func(f *reader.Reader) bool { return f.Position.Is(c.Status()) })
}

// isOpenElsewhere reports whether another log has a copy open.
func (l *log) isOpenElsewhere(c checkpoint.CopyState) bool {
	return len(l.set.positionOf(l, c.Status()).open) > 0
}

// othersOf returns what other logs know of a copy, or of a file at path that it may be a copy
// of. In open are only the latter.
func (l *log) othersOf(c checkpoint.CopyState) (p positions) {
	p.gone = l.set.positionOf(l, c.Status()).gone
	var originals []logfile.Status
	if l.otherFile.Inode != 0 {
		originals = append(originals, l.otherFile)
	}
	if at, err := logfile.Stat(l.path); err == nil && !at.SameFile(l.otherFile) {
		originals = append(originals, at)
	}
	for _, at := range originals {
		others := l.set.positionOf(l, at)
		p.open, p.gone = append(p.open, others.open...), append(p.gone, others.gone...)
	}
	sortByOffset(p.gone)
	return p
}

// lookAtCopy classifies a copy, which has been in its present state for some time, and opens
// it if it must be read. It reports whether the copy is classified.
func (l *log) lookAtCopy(c copyFile, waited time.Duration) (done bool, err error) {
	observed := rotation.Copy{Waited: waited, OpenElsewhere: l.isOpenElsewhere(c.state)}
	var file logfile.File
	var gone, earlier []checkpoint.File
	if !observed.OpenElsewhere {
		if file, err = l.set.open(filepath.Join(l.dir, c.name)); err != nil {
			return admit.Refused(err) != nil, err
		}
		defer func() {
			if file != nil {
				err = errors.Join(err, file.Close())
			}
		}()
		if gone, earlier, err = l.observeCopy(c, file, &observed); err != nil {
			return false, err
		}
	}
	decision := observed.Classify()
	var position checkpoint.File
	switch decision.Action {
	case rotation.CopyWait:
		return false, nil
	case rotation.CopyDone:
		return true, nil
	case rotation.CopyAbandon:
		l.set.Logger.Warn("Rotated log file is incomplete and is not read", zap.String("file", filepath.Join(l.dir, c.name)))
		return true, nil
	case rotation.CopyReadGone:
		position = gone[decision.Index]
		at := len(l.gone) - 1 - decision.Index // gone is in reverse order
		l.gone = slices.Delete(slices.Clone(l.gone), at, at+1)
	case rotation.CopyReadEarlier:
		position = earlier[decision.Index]
	case rotation.CopyReadAll:
		if c.byContent {
			l.setByContent(c.name, false)
			l.watch.noCopy.Store(true) // it is a log
			return true, nil
		}
	}
	l.readCopy(c, file, position)
	file = nil // stays open
	return true, nil
}

// observeCopy fills in what can be observed of a copy, up to the field that decides. It
// returns the contents that Gone, which is in reverse order, and Earlier are about.
func (l *log) observeCopy(c copyFile, file logfile.File, observed *rotation.Copy) (gone, earlier []checkpoint.File, err error) {
	size, err := logfile.Length(file)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		observed.Incomplete = true
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	observed.Empty = size == 0
	if observed.Empty {
		return nil, nil, nil
	}
	for _, p := range slices.Backward(l.gone) {
		relation, err := p.Compare(file, size)
		if err != nil {
			return nil, nil, err
		}
		gone, observed.Gone = append(gone, p), append(observed.Gone, relation)
		if relation == fingerprint.Covered || relation == fingerprint.Longer {
			return gone, nil, nil
		}
	}
	like := l.beginsLikeOpenFile
	if c.byContent {
		like = l.likeOpenFile // it may be a log that begins like this one
	}
	if observed.LiveOriginal, err = like(file, size); observed.LiveOriginal || err != nil {
		return gone, nil, err
	}
	others := l.othersOf(c.state)
	for _, p := range others.open {
		relation, err := p.Compare(file, size)
		if err != nil {
			return nil, nil, err
		}
		observed.Others = append(observed.Others, rotation.Other{Relation: relation, Unread: p.ID == 0})
	}
	for _, p := range others.gone {
		relation, err := p.Compare(file, size)
		if err != nil {
			return nil, nil, err
		}
		observed.Earlier = append(observed.Earlier, relation)
	}
	return gone, others.gone, nil
}

// beginsLikeOpenFile reports whether a copy begins like a file that the log has open.
func (l *log) beginsLikeOpenFile(copied logfile.File, size int64) (bool, error) {
	beginning, ok, err := fingerprint.Beginning(copied, size)
	if !ok {
		return false, err
	}
	for _, f := range l.files {
		if f.Position.Copy {
			continue
		}
		other, ok, err := fingerprint.Beginning(f.File, size)
		if err != nil {
			return false, err
		}
		if ok && bytes.Equal(beginning, other) {
			return true, nil
		}
	}
	return false, nil
}

// readCopy adds a copy before the file that it was made of.
func (l *log) readCopy(c copyFile, file logfile.File, p checkpoint.File) {
	if p.ID != 0 {
		l.set.Meter.Recovered()
	}
	p.Name, p.Device, p.Inode, p.Copy, p.Missing = c.name, c.state.Device, c.state.Inode, true, false
	f := reader.New(file, p, l.set.Now())
	if len(l.files) == 0 || !l.current {
		l.push(f)
		return
	}
	l.files = slices.Insert(l.files, len(l.files)-1, f)
}
