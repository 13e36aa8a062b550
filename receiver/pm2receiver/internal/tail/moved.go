package tail

import (
	"math"
	"slices"
)

// sharesInode says whether a file is followed under another name already.
func (t *Tailer) sharesInode(at status) bool {
	return slices.ContainsFunc(t.all(), func(s *stream) bool { return s.watch.there && s.watch.last.same(at) })
}

// others says whether a stream but s has a file open, and returns what others remember
// of it, the oldest first.
func (t *Tailer) others(s *stream, at status) (open bool, past []Mark) {
	here := func(m Mark) bool { return !m.Copy && at.same(status{device: m.Device, inode: m.Inode}) }
	for _, other := range t.all() {
		if other == s {
			continue
		}
		opened, closed := other.marks()
		for _, m := range opened {
			open = open || here(m)
		}
		for _, m := range closed {
			if here(m) {
				past = append(past, m)
			}
		}
	}
	return open, past
}

// marks returns those of the files that the stream has open, and of contents that have
// gone from where they were read.
func (s *stream) marks() (open, past []Mark) {
	s.shared.Lock()
	defer s.shared.Unlock()
	return s.opened, s.closed
}

// moved says whether the file at path is one that another stream reads: somebody has
// given it a name that is read too. It is left to that stream until it closes the file.
// Then past are marks to go on from.
func (s *stream) moved(at status) (reads bool, past []Mark) {
	open, past := s.set.others(s, at)
	if open {
		s.aside, s.held = at, true
		s.frontier.Store(math.MaxInt64) // it is no lag of this stream
		return true, nil
	}
	// An inode alone may long be that of another file.
	if s.early || s.aside.same(at) {
		return false, past
	}
	return false, nil
}
