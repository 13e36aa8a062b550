package guard

import (
	"sync/atomic"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// share is what one tenant, or all unauthenticated clients together, use of the processors. It is safe
// for concurrent use.
type share struct {
	all    *shares
	tenant tenant.ID // empty: of unauthenticated clients, or of callers without identity

	// paid is until when what was used is allowed: each use moves it by the time
	// in which the limit allows as much.
	paid   atomic.Int64
	paused atomic.Int64 // nanoseconds of pauses since the last report
	period atomic.Int64 // in which the last request was
	busy   atomic.Bool  // used since the limit fell last
}

const (
	// shareBurst is how far ahead a tenant may use the processors without a pause.
	shareBurst = 10 * time.Millisecond

	// maxPause bounds one pause, and how long ago a tenant is remembered for what it used.
	maxPause = 100 * time.Millisecond
)

// use counts work.
func (s *share) use(work time.Duration) {
	a := s.all
	if !s.busy.Load() {
		s.busy.Store(true)
	}
	a.used.Add(int64(work))
	now := a.now().UnixNano()
	a.look(now)
	limit := a.limit.Load()
	if limit == 0 || !a.others(s) {
		return
	}
	takes := int64(float64(work) * float64(time.Second) / float64(limit))
	for {
		old := s.paid.Load()
		next := min(max(old, now)+takes, now+int64(maxPause+shareBurst))
		if s.paid.CompareAndSwap(old, next) {
			return
		}
	}
}

// pause returns how long the owner has to wait before it uses more, and counts it.
func (s *share) pause() time.Duration {
	if s.all.limit.Load() == 0 || !s.all.others(s) {
		return 0
	}
	d := time.Duration(s.paid.Load()-s.all.now().UnixNano()) - shareBurst
	if d <= 0 {
		return 0
	}
	s.paused.Add(int64(d))
	return min(d, maxPause)
}
