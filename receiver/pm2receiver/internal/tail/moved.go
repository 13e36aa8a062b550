package tail

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// sharesInode says whether a file is followed under another name already.
func (t *Tailer) sharesInode(at status) bool {
	return slices.ContainsFunc(t.all(), func(s *stream) bool { return s.watch.there && s.watch.last.same(at) })
}

// others returns the marks that streams but s have of a file: of one that is open, and of
// what they remember, that which was read farthest last.
func (t *Tailer) others(s *stream, at status) (open, past []Mark) {
	here := func(m Mark) bool { return !m.Copy && at.same(status{device: m.Device, inode: m.Inode}) }
	for _, other := range t.all() {
		if other == s {
			continue
		}
		opened, closed := other.marks()
		for _, m := range opened {
			if here(m) {
				open = append(open, m)
			}
		}
		for _, m := range closed {
			if here(m) {
				past = append(past, m)
			}
		}
	}
	slices.SortStableFunc(past, func(a, b Mark) int { return cmp.Compare(a.Offset, b.Offset) })
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
	if len(open) > 0 {
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

// elsewhere says whether another stream has a file open that is beside this one's now.
func (s *stream) elsewhere(x Seen) bool {
	open, _ := s.set.others(s, status{device: x.Device, inode: x.Inode})
	return len(open) > 0
}

// theirs returns what other streams know of a file beside this one's. It may have been
// theirs, or be a copy of the file at path while that was theirs, or still is: then open
// are marks of that.
func (s *stream) theirs(x Seen) (open, past []Mark) {
	_, past = s.set.others(s, status{device: x.Device, inode: x.Inode})
	var origins []status
	if s.aside.inode != 0 {
		origins = append(origins, s.aside)
	}
	if at, err := statPath(s.path); err == nil && !at.same(s.aside) {
		origins = append(origins, at)
	}
	for _, at := range origins {
		opened, closed := s.set.others(s, at)
		open, past = append(open, opened...), append(past, closed...)
	}
	return open, past
}

// lent says whether a file of size bytes is a copy of one that another stream has open.
// Then done is set if nothing is to be read of it.
func lent(copied content, size int64, open []Mark, waited time.Duration) (is, done bool, err error) {
	for _, m := range open {
		kin, err := m.compare(copied, size)
		if err != nil {
			return false, false, err
		}
		switch {
		case m.ID == 0: // nothing is known of it before something was accepted
			return true, false, nil
		case kin == covered:
			return true, true, nil
		case kin != unrelated:
			return true, waited >= patience, nil
		}
	}
	return false, false, nil
}

// left returns the mark to go on from in a file of size bytes that other streams may
// have read before, or done if they have read all of it.
func left(copied content, size int64, past []Mark) (m Mark, done bool, err error) {
	for i := len(past) - 1; i >= 0; i-- {
		switch kin, err := past[i].compare(copied, size); {
		case err != nil:
			return Mark{}, false, err
		case kin == covered:
			return Mark{}, true, nil
		case kin == longer && past[i].Offset > m.Offset:
			m = past[i]
		}
	}
	return m, false, nil
}
