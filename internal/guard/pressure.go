package guard

import (
	"sync"
	"sync/atomic"
	"time"
)

// minPressure is how long pressure lasts at least, since what it changes is not free.
const minPressure = time.Second

// pressure tells somebody whether much memory is in flight.
type pressure struct {
	high, low int64
	tell      func(bool)

	is    atomic.Bool
	mu    sync.Mutex
	since time.Time
}

func newPressure(memory int64, tell func(bool)) *pressure {
	if tell == nil {
		return nil
	}
	return &pressure{high: memory / 4, low: memory / 8, tell: tell}
}

// held notes how much memory is in flight.
func (p *pressure) held(n int64) {
	if p == nil || p.is.Load() && n >= p.low || !p.is.Load() && n <= p.high {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case n > p.high && !p.is.Load():
		p.since = time.Now()
		p.is.Store(true)
		p.tell(true)
	case n < p.low && p.is.Load() && time.Since(p.since) >= minPressure:
		p.is.Store(false)
		p.tell(false)
	}
}
