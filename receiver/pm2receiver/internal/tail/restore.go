package tail

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
)

// restore finds the files of a checkpoint again: by their inode, under whatever name
// they have now, if their content is still what was read. What is not found is left
// to relatives, which knows copies by their content.
func (s *stream) restore(marks []Mark) {
	names, err := s.names(marks)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.report("cannot look for log files", err)
	}
	for _, m := range marks {
		name, ok := names[[2]uint64{m.Device, m.Inode}]
		err := error(nil)
		if ok {
			ok, err = s.reopen(m, name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.report("cannot read log file", err)
		}
		if !ok {
			if m.Copy && m.ID != 0 {
				m.Copy = false // so that another copy will do
			}
			m.Away = true
			s.remember(m)
		}
	}
	s.watch.relatives.Store(true)
}

// names returns the names of files by their inode: of all in the folder, unless each
// mark is that of the file at path.
func (s *stream) names(marks []Mark) (map[[2]uint64]string, error) {
	at, err := statPath(s.path)
	elsewhere := func(m Mark) bool { return m.Device != at.device || m.Inode != at.inode }
	if err == nil && !slices.ContainsFunc(marks, elsewhere) {
		return map[[2]uint64]string{{at.device, at.inode}: s.base}, nil
	}
	return s.inodes()
}

func (s *stream) reopen(m Mark, name string) (bool, error) {
	content, err := s.set.open(filepath.Join(s.dir, name))
	if err != nil {
		return false, err
	}
	ok, err := m.continues(content)
	if ok && err == nil {
		err = m.recall(content)
	}
	if !ok || err != nil {
		return false, errors.Join(err, content.Close())
	}
	m.Name = name
	s.push(&file{content: content, mark: m, grown: s.set.Now()})
	s.current = name == s.base
	return true, nil
}

// inodes returns the names of the regular files in the stream's folder.
func (s *stream) inodes() (map[[2]uint64]string, error) {
	names := map[[2]uint64]string{}
	err := eachEntry(s.dir, func(e os.DirEntry) bool {
		if s.set.exclusion.has(filepath.Join(s.dir, e.Name())) {
			return true
		}
		if at, err := statPath(filepath.Join(s.dir, e.Name())); err == nil {
			key := [2]uint64{at.device, at.inode}
			if _, has := names[key]; !has || e.Name() == s.base {
				names[key] = e.Name()
			}
		}
		return len(names) < maxNames
	})
	return names, err
}

// begin decides where a stream without a checkpoint starts: at the end of what is
// there, or at the beginning of it and of its copies. Compressed ones are read only
// if they were made since a time, after which nothing can have been read before.
func (s *stream) begin(fromEnd bool, since time.Time) error {
	found, err := s.list()
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, r := range found {
		_, rotated := Rotated(r.name)
		if fromEnd || !rotated || strings.HasSuffix(r.name, ".gz") && time.Unix(0, r.seen.Modified).Before(since) {
			s.seen[r.seen] = true
			continue
		}
		if opened, past := s.theirs(r.seen); len(opened) > 0 || len(past) > 0 || s.elsewhere(r.seen) {
			s.watch.relatives.Store(true) // it may have been read
			continue
		}
		content, err := s.set.open(filepath.Join(s.dir, r.name))
		if err != nil {
			s.report("cannot read rotated log file", err)
			s.seen[r.seen] = admit.Refused(err) != nil
			continue
		}
		s.seen[r.seen] = true
		s.lineUp(r, content, Mark{})
	}
	if !fromEnd {
		return nil
	}
	content, err := s.set.open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := s.markEnd(content)
	if err != nil {
		return errors.Join(err, content.Close())
	}
	s.push(&file{content: content, mark: m, grown: s.set.Now()})
	s.current = true
	return nil
}

// markEnd returns a mark behind the last whole line of a file.
func (s *stream) markEnd(c content) (Mark, error) {
	at, err := c.status()
	if err != nil {
		return Mark{}, err
	}
	m := s.fresh(at)
	from := max(0, at.size-maxRecord)
	last := make([]byte, at.size-from)
	if ok, err := readFull(c, last, from); !ok {
		return m, err
	}
	end := bytes.LastIndexByte(last, '\n') + 1
	m.Offset = from + int64(end)
	if m.Offset == 0 {
		return m, nil
	}
	m.Head = make([]byte, min(sampleSize, m.Offset))
	if ok, err := readFull(c, m.Head, 0); !ok {
		return s.fresh(at), err
	}
	guard := make([]byte, m.guardLen())
	if ok, err := readFull(c, guard, m.Offset-int64(len(guard))); !ok {
		return s.fresh(at), err
	}
	m.Guard = xxhash.Sum64(guard)
	s.count++
	m.ID = identify(s.path, s.count, firstLine(m.Head))
	return m, nil
}
