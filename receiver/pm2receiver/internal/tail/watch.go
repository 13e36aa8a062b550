package tail

import "sync/atomic"

// watch is what the poller knows of a stream.
type watch struct {
	last      status
	there     bool
	beside    uint64      // a digest of the files beside its own, as they were last seen
	relatives atomic.Bool // shared with the stream
	deadline  atomic.Bool // shared with the stream
	// missed is shared with the stream, which found nothing at path. A file that is away
	// for less than a poll looks as if nothing had happened.
	missed atomic.Bool
	// barred is shared: the file at path may not be read. own is shared: it is one that
	// this process writes.
	barred, own atomic.Bool
}

// look wakes the stream if its file has changed, was not there when the stream looked,
// or the stream waits for time to pass.
func (s *stream) look() {
	at, err := statPath(s.path)
	there := err == nil
	s.size.Store(at.size)
	if there != s.watch.there || at != s.watch.last || s.watch.deadline.Load() || there && s.watch.missed.Load() {
		s.watch.there, s.watch.last = there, at
		s.poke()
	}
}

func (s *stream) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
