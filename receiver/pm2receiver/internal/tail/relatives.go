package tail

import (
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
)

const (
	// settled is how long a file that is no copy of anything known must stand still
	// before it is read.
	settled = time.Second
	// patience is how long a copy may stay unfinished, or its original unchanged.
	patience = time.Minute
	// maxRelatives bounds the files beside its own that a stream knows: the latest.
	maxRelatives = 256
)

// relative is a file beside the stream's own.
type relativeFile struct {
	name string
	seen Seen
}

// relatives looks for copies of the stream's file and files it was moved to, and
// lines up what they hold that has not been read.
func (s *stream) relatives() error {
	now := time.Now()
	if now.Before(s.resting) || !s.watch.relatives.Swap(false) && len(s.pending) == 0 {
		return nil
	}
	defer func() { s.resting = rest(now) }()
	found, err := s.list()
	if err != nil {
		s.watch.relatives.Store(true)
		return err
	}
	seen, pending := map[Seen]bool{}, map[Seen]time.Time{}
	changed := false
	for _, r := range found {
		if s.seen[r.seen] {
			seen[r.seen] = true
			continue
		}
		if s.reads(r.seen) {
			continue
		}
		since, waiting := s.pending[r.seen]
		if !waiting {
			since = s.set.Now()
		}
		done, err := s.judge(r, s.set.Now().Sub(since))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.report("cannot read rotated log file", err)
		}
		if done {
			seen[r.seen], changed = true, true
		} else {
			pending[r.seen] = since
		}
	}
	changed = changed || len(seen) != len(s.seen)
	s.seen, s.pending = seen, pending
	if changed {
		s.publish()
	}
	return nil
}

// list returns the relatives in the order in which they were written.
func (s *stream) list() ([]relativeFile, error) {
	names, err := s.set.listings.relatives(s.dir, s.base)
	if err != nil {
		return nil, err
	}
	var found []relativeFile
	for _, name := range names {
		if s.set.exclusion.has(filepath.Join(s.dir, name)) {
			continue
		}
		info, err := os.Stat(filepath.Join(s.dir, name))
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		at := statusOf(info)
		found = append(found, relativeFile{name, Seen{at.device, at.inode, at.size, at.modified}})
	}
	slices.SortFunc(found, func(a, b relativeFile) int {
		return cmp.Or(cmp.Compare(a.seen.Modified, b.seen.Modified), strings.Compare(a.name, b.name))
	})
	return found[max(0, len(found)-maxRelatives):], nil
}

// reads says whether a file is one of those the stream has open.
func (s *stream) reads(x Seen) bool {
	return slices.ContainsFunc(s.files, func(f *file) bool { return f.mark.Device == x.Device && f.mark.Inode == x.Inode })
}

// judge decides what a relative is, and lines it up if it holds something new. It
// reports false if that is not known yet.
func (s *stream) judge(r relativeFile, waited time.Duration) (done bool, err error) {
	if s.elsewhere(r.seen) {
		return false, nil
	}
	content, err := s.set.open(filepath.Join(s.dir, r.name))
	if err != nil {
		return admit.Refused(err) != nil, err
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, content.Close())
		}
	}()
	size, err := length(content)
	if errors.Is(err, io.ErrUnexpectedEOF) { // a copy that is being written
		return s.giveUp(r, waited, patience), nil
	}
	if err != nil {
		return false, err
	}
	if size == 0 {
		return waited >= patience, nil
	}
	for i := len(s.past) - 1; i >= 0; i-- {
		kin, err := s.past[i].compare(content, size)
		if err != nil {
			return false, err
		}
		switch kin {
		case covered:
			return true, nil
		case unclear:
			if waited < settled {
				return false, nil
			}
		case longer:
			kept = true
			m := s.past[i]
			s.past = slices.Delete(slices.Clone(s.past), i, i+1)
			s.lineUp(r, content, m)
			return true, nil
		}
	}
	live, err := s.live(content, size)
	if err != nil {
		return false, err
	}
	if live {
		// Its original is still there. What the copy holds is read from that, unless
		// it is truncated first.
		return waited >= patience, nil
	}
	opened, past := s.theirs(r.seen)
	if is, done, err := lent(content, size, opened, waited); is || err != nil {
		return done, err
	}
	if waited < settled {
		return false, nil
	}
	m, done, err := left(content, size, past)
	if done || err != nil {
		return done, err
	}
	kept = true
	s.lineUp(r, content, m)
	return true, nil
}

func (s *stream) giveUp(r relativeFile, waited, limit time.Duration) bool {
	if waited < limit {
		return false
	}
	s.set.Logger.Warn("rotated log file is not complete and is not read", zap.String("file", filepath.Join(s.dir, r.name)))
	return true
}

// live says whether a file begins like one that the stream reads.
func (s *stream) live(copied content, size int64) (bool, error) {
	sample := make([]byte, min(sampleSize, size))
	if ok, err := readFull(copied, sample, 0); !ok {
		return false, err
	}
	own := make([]byte, len(sample))
	for _, f := range s.files {
		if f.mark.Copy {
			continue
		}
		if ok, err := readFull(f.content, own, 0); err != nil {
			return false, err
		} else if ok && slices.Equal(own, sample) {
			return true, nil
		}
	}
	return false, nil
}

// lineUp puts a copy before the file it was made of.
func (s *stream) lineUp(r relativeFile, content content, m Mark) {
	if m.ID != 0 {
		s.set.Meter.Recovered()
	}
	m.Name, m.Device, m.Inode, m.Copy, m.Away = r.name, r.seen.Device, r.seen.Inode, true, false
	f := &file{content: content, mark: m, grown: s.set.Now()}
	if len(s.files) == 0 || !s.current {
		s.push(f)
		return
	}
	s.files = slices.Insert(s.files, len(s.files)-1, f)
}

// length returns how many bytes a file holds now.
func length(c content) (int64, error) {
	at, err := c.status()
	if err != nil || at.size >= 0 {
		return at.size, err
	}
	// Compressed: read it to its end.
	buf := make([]byte, blockSize)
	var size int64
	for {
		n, err := c.ReadAt(buf, size)
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// statPath follows links: a log folder may be one.
func statPath(path string) (status, error) {
	info, err := os.Stat(path)
	if err != nil {
		return status{}, err
	}
	return statusOf(info), nil
}
