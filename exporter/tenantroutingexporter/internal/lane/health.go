package lane

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Health sums up all lanes.
func (s *Scheduler) Health() tenant.LaneHealth {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := tenant.LaneHealth{QueuedBytes: s.total, MaxBytes: s.MaxTotalBytes}
	now := time.Now()
	var states [numStates]int
	for _, l := range s.lanes {
		states[l.state(now, &s.Config)]++
		if l.bytes > s.MaxBytes-s.MaxBytes/20 {
			h.Full++
		}
		if l.odd {
			h.NotOTLP++
		}
		if at, ok := l.oldestHeld(); ok {
			h.Oldest = max(h.Oldest, now.Sub(at))
		}
	}
	h.Idle, h.Active, h.Waiting, h.Open = states[StateIdle], states[StateActive], states[StateWaiting], states[StateOpen]
	return h
}
