// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync"
	"sync/atomic"
	"time"
)

// minPressure is the minimum time between the report of high pressure and of its end, since
// reacting to a report costs time.
const minPressure = time.Second

// pressure reports when requests in flight hold much memory, and when they no longer do. A nil
// pressure reports nothing. It is safe for concurrent use.
type pressure struct {
	high, low int64
	report    func(high bool)
	held      func() int64 // bytes in flight

	active atomic.Bool // high pressure was reported last
	mu     sync.Mutex
	since  time.Time
	ending bool // a timer runs that calls changed at the end of minPressure
}

func newPressure(memory *budget, report func(bool)) *pressure {
	if report == nil {
		return nil
	}
	return &pressure{high: memory.total / 4, low: memory.total / 8, report: report, held: memory.held}
}

// changed must be called after every change of the bytes in flight.
func (p *pressure) changed() {
	if p == nil {
		return
	}
	if n, active := p.held(), p.active.Load(); active && n >= p.low || !active && n <= p.high {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch n, active := p.held(), p.active.Load(); {
	case !active && n > p.high:
		p.since = time.Now()
		p.active.Store(true)
		p.report(true)
	case !active || n >= p.low || p.ending:
	case time.Since(p.since) >= minPressure:
		p.active.Store(false)
		p.report(false)
	default: // there may be no further request whose change would end it
		p.ending = true
		time.AfterFunc(time.Until(p.since.Add(minPressure)), func() {
			p.mu.Lock()
			p.ending = false
			p.mu.Unlock()
			p.changed()
		})
	}
}
