// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/folder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/reader"
)

// fileID identifies a file.
type fileID struct{ device, inode uint64 }

// reopen opens the files of a checkpoint: those with the same inode, whatever their name is
// now, if they still hold what was read. Files that are not found are remembered, so that
// copies of them are recognized.
func (l *log) reopen(files []checkpoint.File) {
	names, err := l.namesOf(files)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.report("Cannot look for log files", err)
	}
	for _, p := range files {
		name, ok := names[fileID{p.Device, p.Inode}]
		err := error(nil)
		if ok {
			ok, err = l.reopenFile(p, name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.report("Cannot read log file", err)
		}
		if !ok {
			if p.Copy && p.ID != 0 {
				p.Copy = false // so that another copy replaces it
			}
			p.Missing = true
			l.remember(p)
		}
	}
	l.watch.copiesChanged.Store(true)
}

// namesOf returns the base names of files in the folder. It lists the folder only if one of
// files is not at path.
func (l *log) namesOf(files []checkpoint.File) (map[fileID]string, error) {
	at, err := logfile.Stat(l.path)
	elsewhere := func(p checkpoint.File) bool { return !p.Is(at) }
	if err == nil && !slices.ContainsFunc(files, elsewhere) {
		return map[fileID]string{{at.Device, at.Inode}: l.base}, nil
	}
	names := map[fileID]string{}
	err = folder.Each(l.dir, func(e os.DirEntry) bool {
		path := filepath.Join(l.dir, e.Name())
		if l.set.finder.Exclusion().Has(path) {
			return true
		}
		if at, err := logfile.Stat(path); err == nil {
			key := fileID{at.Device, at.Inode}
			if _, has := names[key]; !has || e.Name() == l.base {
				names[key] = e.Name()
			}
		}
		return len(names) < folder.MaxNames
	})
	return names, err
}

func (l *log) reopenFile(p checkpoint.File, name string) (bool, error) {
	file, err := l.set.open(filepath.Join(l.dir, name))
	if err != nil {
		return false, err
	}
	ok, err := continueAt(&p, file)
	if !ok || err != nil {
		return false, errors.Join(err, file.Close())
	}
	p.Name = name
	l.push(reader.New(file, p, l.set.Now()))
	l.current = name == l.base
	return true, nil
}

// begin decides where a log without a checkpoint starts: at the end of what exists, or at the
// beginning of it and of its copies. Compressed copies are read only if they are not older
// than since: before that, nothing was read that they could complete.
func (l *log) begin(fromEnd bool, since time.Time) error {
	copies, err := l.copies()
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, c := range copies {
		_, rotated := logname.Rotated(c.name)
		if fromEnd || !rotated || isGzip(c.name) && time.Unix(0, c.state.Modified).Before(since) {
			l.handled[c.state] = true
			continue
		}
		others := l.othersOf(c.state)
		if len(others.open) > 0 || len(others.gone) > 0 || l.isOpenElsewhere(c.state) {
			l.watch.copiesChanged.Store(true) // another log may have read it
			continue
		}
		file, err := l.set.open(filepath.Join(l.dir, c.name))
		if err != nil {
			l.report("Cannot read rotated log file", err)
			if admit.Refused(err) != nil {
				l.handled[c.state] = true
			}
			continue
		}
		l.handled[c.state] = true
		l.readCopy(c, file, checkpoint.File{})
	}
	if !fromEnd {
		return nil
	}
	return l.beginAtEnd()
}

// beginAtEnd opens the file at path, if there is one, and starts after its last whole line.
func (l *log) beginAtEnd() error {
	file, err := l.set.open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := l.positionAtEnd(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.push(reader.New(file, p, l.set.Now()))
	l.current = true
	return nil
}

// positionAtEnd returns the position after the last whole line of a file.
func (l *log) positionAtEnd(file logfile.File) (checkpoint.File, error) {
	at, err := file.Status()
	if err != nil {
		return checkpoint.File{}, err
	}
	p := checkpoint.NewFile(l.base, at)
	from := max(0, at.Size-reader.MaxLine)
	end := make([]byte, at.Size-from)
	n, err := file.ReadAt(end, from)
	if n < len(end) { // it is being truncated
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return p, err
	}
	offset := from + int64(bytes.LastIndexByte(end, '\n')) + 1
	f, ok, err := fingerprint.At(file, offset)
	if !ok || err != nil || offset == 0 {
		return p, err
	}
	p.Fingerprint = f
	l.contents++
	p.ID = checkpoint.ContentID(l.path, l.contents, firstLine(p.Head))
	return p, nil
}
