package tail

import "slices"

// moved says whether the file at a path that is not followed is one that a stream reads:
// somebody has given it a name that is found too. The path gets a stream of its own once
// that one has closed the file, and begins where it ended, with the mark that is returned.
func (t *Tailer) moved(path string, at status) (rest *Mark, reads bool) {
	here := func(m Mark) bool { return !m.Copy && at.same(status{device: m.Device, inode: m.Inode}) }
	streams := t.all()
	for _, s := range streams {
		if open, _ := s.marks(); slices.ContainsFunc(open, here) {
			t.aside[path] = at
			return nil, true
		}
	}
	// An inode alone may long be that of another file.
	known := t.aside[path].same(at)
	delete(t.aside, path)
	if !known {
		return nil, false
	}
	for _, s := range streams {
		_, past := s.marks()
		if i := slices.IndexFunc(past, here); i >= 0 {
			return &past[i], false
		}
	}
	return nil, false
}

// marks returns those of the files that the stream has open, and of contents that have
// gone from where they were read.
func (s *stream) marks() (open, past []Mark) {
	s.shared.Lock()
	defer s.shared.Unlock()
	return s.opened, s.closed
}
