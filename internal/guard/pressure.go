package guard

import (
	"sync"
	"sync/atomic"
	"time"
)

// minPressure is how long pressure lasts at least, since what it changes is not free.
const minPressure = time.Second

// pressure reports whether much memory is in flight. It is safe for concurrent use.
type pressure struct {
	high, low int64
	report    func(high bool)
	held      func() int64 // what is in flight now

	is     atomic.Bool
	mu     sync.Mutex
	since  time.Time
	ending bool // a timer looks when minPressure is over
}

func newPressure(memory *budget, report func(bool)) *pressure {
	if report == nil {
		return nil
	}
	return &pressure{high: memory.total / 4, low: memory.total / 8, report: report, held: memory.held}
}

// changed is called after every change of what is in flight.
func (p *pressure) changed() {
	if p == nil {
		return
	}
	if n, is := p.held(), p.is.Load(); is && n >= p.low || !is && n <= p.high {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch n, is := p.held(), p.is.Load(); {
	case !is && n > p.high:
		p.since = time.Now()
		p.is.Store(true)
		p.report(true)
	case !is || n >= p.low || p.ending:
	case time.Since(p.since) >= minPressure:
		p.is.Store(false)
		p.report(false)
	default: // no request may come that would end it
		p.ending = true
		time.AfterFunc(time.Until(p.since.Add(minPressure)), func() {
			p.mu.Lock()
			p.ending = false
			p.mu.Unlock()
			p.changed()
		})
	}
}
