package guard

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// shares divides the processors while they are short: tenants that use more than a limit
// pause, the limit falls while too much is used and rises again. Who uses less than others
// never pauses, nor does a tenant that is alone.
//
// Between runnable goroutines Go has no order but that of their coming, and looks for what
// came over the network only every 10 ms while there are some. So a tenant that keeps
// the processors busy delays each step of each request of others, however small they are.
//
// What is used is an estimate: times between the reads of a connection, and of what
// computes for a request. Their sum is compared with what the process really used.
type shares struct {
	processors float64
	target     float64 // how many of them may be used; 0: no limit ever
	measure    func() usage
	now        func() time.Time
	logger     *zap.Logger

	limit  atomic.Int64 // of one tenant, nanoseconds of counted work in a second; 0: none
	used   atomic.Int64 // nanoseconds of counted work of all
	active atomic.Int64 // tenants that had a request in the last seconds
	next   atomic.Int64 // when to look next

	unauthenticated share
	stats           throttleStats

	tenants sync.Map // of *share by tenant.ID, of those that had a request in the last periods
	period  atomic.Int64

	// The rest is of who looks, which nobody waits for: under load it may be long until a
	// goroutine that holds a lock goes on.
	mu       sync.Mutex
	rotated  time.Time
	last     usage
	lastUsed int64
	lastTime time.Time
	factor   float64 // of what is counted, what the process uses
	short    float64 // the limit at which the processors were short last
	reported time.Time
}

// throttleStats are counts of pauses.
type throttleStats struct {
	nanos   atomic.Int64 // of all pauses
	tenants atomic.Int64 // that paused in the last period
}

// usage is what a process has used since its start, and how long its goroutines waited.
type usage struct {
	processor time.Duration // 0: unknown
	waits     waits
}

const (
	lookInterval   = 50 * time.Millisecond
	sharePeriod    = time.Second
	reportInterval = 10 * time.Second

	// longWait is how long nine of ten goroutines that can run may wait for a processor.
	longWait = 500 * time.Microsecond

	// leastWaits is of how many the share is known.
	leastWaits = 20

	// The limit falls at once to what would not be too much, and at least by limitFalls. It
	// rises by limitRises at each look up to limitNear of where it last was too much, and
	// then by limitCreeps, so that what is too much is found again only now and then.
	limitFalls  = 0.85
	limitRises  = 1.04
	limitNear   = 0.9
	limitCreeps = 1.002

	// keptShare is what all throttled tenants together keep of the processors, and
	// aboveFair how many times the equal share of all tenants each of them keeps.
	keptShare = 0.5
	aboveFair = 1.5

	maxFactor = 8
)

// newShares returns shares of processors of which percent may be used.
func newShares(processors, percent int, logger *zap.Logger) *shares {
	s := &shares{
		processors: float64(processors), target: float64(processors*max(percent, 0)) / 100, measure: measureUsage(), now: time.Now, logger: logger,
		factor: 1,
	}
	s.unauthenticated.all = s
	return s
}

// of returns the share of a tenant that has a request.
func (s *shares) of(id tenant.ID) *share {
	period := s.period.Load()
	known, ok := s.tenants.Load(id)
	if !ok {
		known, ok = s.tenants.LoadOrStore(id, &share{all: s, tenant: id})
		if !ok {
			s.active.Add(1)
		}
	}
	own := known.(*share)
	if own.period.Load() != period {
		own.period.Store(period)
	}
	return own
}

// expire forgets who had no request for two periods.
func (s *shares) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotate(s.now())
}

// rotate begins a new period if it is time to: it forgets who had no request in the last
// two, and reports who paused. The caller holds the lock.
func (s *shares) rotate(now time.Time) {
	passed := now.Sub(s.rotated)
	if passed < sharePeriod {
		return
	}
	s.rotated = now
	period := s.period.Add(1)
	var most *share
	var longest, paused, active int64
	count := func(own *share) {
		d := own.paused.Swap(0)
		if d > 0 {
			paused++
		}
		if d > longest {
			most, longest = own, d
		}
	}
	s.tenants.Range(func(id, known any) bool {
		own := known.(*share)
		if own.period.Load() < period-1 {
			s.tenants.Delete(id)
			return true
		}
		active++
		count(own)
		return true
	})
	count(&s.unauthenticated)
	s.active.Store(active)
	if passed >= 2*sharePeriod {
		paused, most = 0, nil // it is long ago
	}
	s.stats.tenants.Store(paused)
	if most == nil || now.Sub(s.reported) < reportInterval {
		return
	}
	s.reported = now
	who := zap.String("tenant", string(most.tenant))
	if most == &s.unauthenticated {
		who = zap.Bool("unauthenticated", true)
	}
	s.logger.Warn("The processors are overloaded; requests of the tenant that uses most of them are throttled, so that others are not delayed",
		who, zap.Duration("paused", time.Duration(longest)), zap.Int64("throttled", paused))
}

// others reports whether anybody would be delayed by own.
func (s *shares) others(own *share) bool {
	if own == &s.unauthenticated {
		return s.active.Load() > 0
	}
	return s.active.Load() > 1
}

// look adapts the limit if it is time to.
func (s *shares) look(now int64) {
	next := s.next.Load()
	if now < next || !s.next.CompareAndSwap(next, now+int64(lookInterval)) {
		return
	}
	if !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	s.rotate(time.Unix(0, now))
	if s.target > 0 {
		s.adapt(time.Unix(0, now))
	}
}

// adapt measures and sets the limit. The caller holds the lock.
func (s *shares) adapt(now time.Time) {
	current, used := s.measure(), s.used.Load()
	passed := now.Sub(s.lastTime)
	processor, counted := current.processor-s.last.processor, time.Duration(used-s.lastUsed)
	wait := current.waits.since(s.last.waits)
	s.last, s.lastUsed, s.lastTime = current, used, now
	limit := float64(s.limit.Load())
	if passed > 10*lookInterval { // nothing happened
		s.limit.Store(0)
		return
	}
	if processor > 0 && counted > 0 {
		factor := min(max(float64(processor)/float64(counted), 1), maxFactor)
		s.factor += (factor - s.factor) / 4
	}
	whole := s.processors * float64(time.Second) / s.factor // as it is counted
	short := float64(processor) > s.target*float64(passed) || wait > longWait
	switch {
	case short && s.active.Load() > 0:
		if limit == 0 {
			limit = whole
		}
		s.short = limit
		falls := min(limitFalls, s.target*float64(passed)/max(float64(processor), 1))
		limit = max(limit*falls, s.least(whole))
	case limit > 0 && limit < limitNear*s.short:
		limit *= limitRises
	case limit > 0:
		limit *= limitCreeps
		s.short = max(s.short, limit)
	}
	if limit >= whole {
		limit = 0
	}
	s.limit.Store(int64(limit))
}

// least is how far the limit may fall, of all that there is. The caller holds the lock.
func (s *shares) least(whole float64) float64 {
	users := s.active.Load()
	if s.unauthenticated.busy.Swap(false) {
		users++
	}
	return whole * max(aboveFair/float64(max(users, 1)), keptShare/float64(max(s.stats.tenants.Load(), 1)))
}
