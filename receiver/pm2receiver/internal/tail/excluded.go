package tail

import (
	"os"
	"path/filepath"
)

// leaveExcluded gives up the files that have a name now which is excluded. What was read of
// them is remembered, so that they are not read again under another name.
func (s *stream) leaveExcluded() {
	if s.set.exclusion.none() || len(s.files) == 0 {
		return
	}
	at, err := statPath(s.path)
	for i := len(s.files) - 1; i >= 0; i-- {
		f := s.files[i]
		if m := f.mark; err == nil && m.Device == at.device && m.Inode == at.inode {
			continue // it is at path
		}
		if !s.isExcluded(f) {
			continue
		}
		s.drop(i)
		if n := len(s.past); n > 0 && s.past[n-1].ID == f.mark.ID {
			s.past[n-1].Away = true // it may come back
		}
	}
}

// isExcluded says whether an open file has a name that is excluded.
func (s *stream) isExcluded(f *file) bool {
	if path := place(f.content.handle()); path != "" {
		return s.set.exclusion.has(path) || s.set.exclusion.has(filepath.Join(s.dir, filepath.Base(path)))
	}
	at, err := f.content.status()
	if err != nil || at.links == 0 {
		return false
	}
	// It was opened by a name that is gone, and has another one.
	excluded := false
	_ = eachEntry(s.dir, func(e os.DirEntry) bool {
		path := filepath.Join(s.dir, e.Name())
		if !s.set.exclusion.has(path) {
			return true
		}
		other, err := statPath(path)
		excluded = err == nil && other.same(at)
		return !excluded
	})
	return excluded
}
