package tail

import (
	"errors"
	"io/fs"
	"slices"
	"time"
)

// retire closes files that nobody writes any more.
func (s *stream) retire() {
	now := s.set.Now()
	for i := 0; i < len(s.files); i++ {
		f := s.files[i]
		if i == len(s.files)-1 && s.current {
			// Still at its path, or away from it with no other in its place.
			if at, err := f.content.status(); err != nil || at.links > 0 {
				continue
			}
		}
		at, err := f.content.status()
		limit := movedIdle
		if err != nil || at.links == 0 {
			limit = deletedIdle
		}
		if now.Sub(f.grown) >= limit {
			s.drop(i)
			i--
		}
	}
}

// over says whether nothing is left of the stream: its file is gone for good, and so
// are all copies of it that it must know to not read them again.
func (s *stream) over() bool {
	if len(s.files) > 0 || len(s.pending) > 0 || s.decoder.Pending() {
		return false
	}
	if _, err := statPath(s.path); !errors.Is(err, fs.ErrNotExist) {
		s.gone = time.Time{}
		return false
	}
	if s.gone.IsZero() {
		s.gone = s.set.Now()
	}
	beside, err := s.list()
	away := s.set.Now().Sub(s.gone)
	// A folder may be on a disk that is mounted later.
	return err == nil && len(beside) == 0 && away >= deletedIdle || errors.Is(err, fs.ErrNotExist) && away >= folderIdle
}

// returned is the mark to begin a file with: that of a file which was not to be found
// when the reader started, or one that another stream has left, if this is it, else a
// fresh one. The device is not compared: it may be another one each time a disk is mounted.
func (s *stream) returned(c content, at status, left []Mark) (Mark, error) {
	for i := len(left) - 1; i >= 0; i-- { // the farthest first: others may have had it before
		if ok, err := left[i].continues(c); err != nil {
			return s.fresh(at), err
		} else if ok {
			m := left[i]
			if err := m.recall(c); err != nil {
				return s.fresh(at), err
			}
			m.Name, m.Away = s.base, false
			return m, nil
		}
	}
	for i, m := range s.past {
		if !m.Away || m.Inode != at.inode || at.size < m.Offset {
			continue
		}
		if ok, err := m.continues(c); !ok || err != nil {
			return s.fresh(at), err
		}
		if err := m.recall(c); err != nil {
			return s.fresh(at), err
		}
		s.past = slices.Delete(slices.Clone(s.past), i, i+1)
		m.Name, m.Device, m.Away = s.base, at.device, false
		return m, nil
	}
	return s.fresh(at), nil
}
