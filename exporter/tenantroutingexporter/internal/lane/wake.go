package lane

import (
	"container/heap"
	"time"
)

// wakeHeap orders lanes by the time at which they have to be looked at again.
type wakeHeap []*lane

var _ heap.Interface = (*wakeHeap)(nil)

func (h wakeHeap) Len() int           { return len(h) }
func (h wakeHeap) Less(i, j int) bool { return h[i].wakeAt.Before(h[j].wakeAt) }
func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].wakeIndex, h[j].wakeIndex = i, j
}

func (h *wakeHeap) Push(x any) {
	l := x.(*lane)
	l.wakeIndex = len(*h)
	*h = append(*h, l)
}

func (h *wakeHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.wakeIndex = -1
	return l
}

// setWake makes the loop look at l at the time at; zero means not by time.
func (s *Scheduler) setWake(l *lane, at time.Time) {
	switch {
	case at.IsZero():
		if l.wakeIndex >= 0 {
			heap.Remove(&s.wakes, l.wakeIndex)
		}
		return
	case l.wakeIndex < 0:
		l.wakeAt = at
		heap.Push(&s.wakes, l)
	case !l.wakeAt.Equal(at):
		l.wakeAt = at
		heap.Fix(&s.wakes, l.wakeIndex)
	}
	if l.wakeIndex == 0 && (s.loopAt.IsZero() || at.Before(s.loopAt)) {
		s.loopAt = at
		select {
		case s.kick <- struct{}{}:
		default:
		}
	}
}

// loop looks at lanes when their time has come. It is the scheduler's only
// goroutine besides the workers.
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
		s.mu.Lock()
		now := time.Now()
		for len(s.wakes) > 0 && !s.wakes[0].wakeAt.After(now) {
			l := heap.Pop(&s.wakes).(*lane)
			if !s.closeIfIdle(l, now) {
				s.settle(l, now)
			}
		}
		s.pump(now)
		wait := time.Hour
		s.loopAt = now.Add(wait)
		if len(s.wakes) > 0 {
			s.loopAt = s.wakes[0].wakeAt
		}
		if !s.pumpAt.IsZero() && s.pumpAt.Before(s.loopAt) {
			s.loopAt = s.pumpAt
		}
		wait = s.loopAt.Sub(now)
		s.mu.Unlock()
		timer.Reset(wait)
	}
}
