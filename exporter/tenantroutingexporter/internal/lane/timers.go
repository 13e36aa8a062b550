// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"container/heap"
	"time"
)

// timerHeap orders lanes by the time at which they are rescheduled.
type timerHeap []*lane

var _ heap.Interface = (*timerHeap)(nil)

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].timerAt.Before(h[j].timerAt) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].timerIndex, h[j].timerIndex = i, j
}

func (h *timerHeap) Push(x any) {
	l := x.(*lane)
	l.timerIndex = len(*h)
	*h = append(*h, l)
}

func (h *timerHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.timerIndex = -1
	return l
}

// setTimer makes the loop reschedule l at the time at. The zero time removes the timer.
func (s *Scheduler) setTimer(l *lane, at time.Time) {
	switch {
	case at.IsZero():
		if l.timerIndex >= 0 {
			heap.Remove(&s.timers, l.timerIndex)
		}
		return
	case l.timerIndex < 0:
		l.timerAt = at
		heap.Push(&s.timers, l)
	case !l.timerAt.Equal(at):
		l.timerAt = at
		heap.Fix(&s.timers, l.timerIndex)
	}
	if l.timerIndex == 0 {
		s.wakeLoop(at)
	}
}

// wakeLoop makes the loop run at the time at or earlier.
func (s *Scheduler) wakeLoop(at time.Time) {
	if !s.loopAt.IsZero() && !at.Before(s.loopAt) {
		return
	}
	s.loopAt = at
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// loop reschedules lanes when their timers fire. It is the scheduler's only goroutine besides the
// attempts.
func (s *Scheduler) loop() {
	defer close(s.loopDone)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.kick:
		case <-timer.C:
		}
		timer.Reset(s.runTimers())
	}
}

// runTimers fires the timers that are due, and returns how long to wait for the next one.
func (s *Scheduler) runTimers() (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.timers) > 0 && !s.timers[0].timerAt.After(now) {
		l := heap.Pop(&s.timers).(*lane)
		if !s.closeIfIdle(l, now) {
			s.reschedule(l, now)
		}
	}
	s.dispatch(now)
	s.loopAt = now.Add(time.Hour)
	if len(s.timers) > 0 {
		s.loopAt = s.timers[0].timerAt
	}
	if !s.demoteAt.IsZero() && s.demoteAt.Before(s.loopAt) {
		s.loopAt = s.demoteAt
	}
	return s.loopAt.Sub(now)
}
