package lane

import (
	"context"
	"time"
)

// Shutdown ends the scheduler. Without a store it tries everything that is
// queued once more, at once, and gives up and counts what fails; with one it
// leaves the queue where it is, and breaks off attempts of lanes with failures,
// so that a backend that hangs delays nothing. It returns when that is done or
// ctx ends, which also ends attempts in flight. It must be called once, after
// Start.
func (s *Scheduler) Shutdown(ctx context.Context) {
	defer s.cancel()
	if s.Store != nil {
		s.cancelSuspects()
	}
	s.mu.Lock()
	s.closed = true
	now := time.Now()
	if s.Store == nil {
		s.draining = true
		for _, l := range s.lanes {
			s.settle(l, now)
		}
		s.pump(now)
	} else {
		s.halted = true // nothing new begins
	}
	s.mu.Unlock()

	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = true
		s.halted = true
		s.cancel()
		s.idle.Broadcast()
	})
	s.mu.Lock()
	for s.inFlight > 0 || (s.offering > 0 && !s.ended) {
		s.idle.Wait()
	}
	s.mu.Unlock()
	stop()
	s.workers.Wait()
	close(s.stop)
	<-s.loopDone

	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.Store == nil {
		for _, l := range s.lanes {
			for l.hasWork() { // what is given up may set free what was held for it
				s.drop(l, l.expired(time.Now().Add(time.Hour)), ReasonShutdown)
				l.endSearches()
			}
		}
	}
}
