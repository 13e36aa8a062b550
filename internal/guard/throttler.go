// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// throttler divides the processors among tenants while processors are scarce. Tenants that
// use more than a limit pause. The limit falls while the process uses too much, and rises
// again afterwards. A tenant that uses less than others never pauses, and neither does the
// only active tenant.
//
// The Go scheduler runs goroutines in the order in which they become runnable, and while
// there are any it polls the network only every 10 ms. So a tenant that keeps the processors
// busy delays each step of each request of other tenants, however small these requests are.
//
// Use is an estimate: the times between the reads of a connection, and the time that code
// computes for a request. The sum of the estimates is compared with the processor time that
// the process has really used.
//
// It is safe for concurrent use.
type throttler struct {
	processors float64
	target     float64 // how many processors may be used; 0: never throttle
	measure    func() usage
	now        func() time.Time
	logger     *zap.Logger

	limit      atomic.Int64 // of one tenant, in nanoseconds of counted work per second; 0: none
	used       atomic.Int64 // counted work of all tenants, in nanoseconds
	active     atomic.Int64 // tenants that had a request in the last two periods
	nextUpdate atomic.Int64 // in Unix nanoseconds

	unauthenticated account
	stats           throttleStats

	tenants sync.Map // *account by tenant.ID, of tenants with a request in the last two periods
	period  atomic.Int64

	// mu guards the fields below. Requests only try to lock it: under load, a goroutine that
	// holds a lock may not run for a long time.
	mu           sync.Mutex
	periodBegan  time.Time
	lastUsage    usage
	lastUsed     int64
	lastUpdate   time.Time
	factor       float64 // processor time of the process per counted work
	scarceLimit  float64 // the limit when processors were last scarce
	lastReported time.Time
}

// throttleStats counts pauses.
type throttleStats struct {
	nanos   atomic.Int64 // total length of all pauses
	tenants atomic.Int64 // tenants that paused in the last period
}

func (t *throttleStats) add(d time.Duration) { t.nanos.Add(int64(d)) }

const (
	updateInterval = 50 * time.Millisecond
	periodLength   = time.Second
	reportInterval = 10 * time.Second

	// longWait is the scheduling latency that means that processors are scarce. See
	// [latencies.since] for the quantile.
	longWait = 500 * time.Microsecond

	// When processors are scarce, the limit falls at once to a value that would have kept
	// use at the target, and at least by fallFactor. Otherwise each update raises it by
	// riseFactor up to nearScarce of scarceLimit, and then by creepFactor, so that the
	// process rarely reaches the point where processors are scarce.
	fallFactor  = 0.85
	riseFactor  = 1.04
	nearScarce  = 0.9
	creepFactor = 1.002

	// All throttled tenants together keep throttledShare of the processors. Each of them
	// keeps fairShare times an equal share.
	throttledShare = 0.5
	fairShare      = 1.5

	maxFactor = 8
)

// newThrottler returns a throttler for a number of processors, of which percent may be used.
func newThrottler(processors, percent int, logger *zap.Logger) *throttler {
	t := &throttler{
		processors: float64(processors), target: float64(processors*max(percent, 0)) / 100, measure: measureUsage(), now: time.Now, logger: logger,
		factor: 1,
	}
	t.unauthenticated.throttler = t
	return t
}

// account returns the account of a tenant that has a request.
func (t *throttler) account(id tenant.ID) *account {
	period := t.period.Load()
	known, ok := t.tenants.Load(id)
	if !ok {
		known, ok = t.tenants.LoadOrStore(id, &account{throttler: t, tenant: id})
		if !ok {
			t.active.Add(1)
		}
	}
	a := known.(*account)
	if a.period.Load() != period {
		a.period.Store(period)
	}
	return a
}

// prune starts a new period if it is due. See [throttler.startPeriod].
func (t *throttler) prune() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.startPeriod(t.now())
}

// startPeriod starts a new period if it is due: it prunes the accounts of tenants without
// a request in the last two periods, and logs which tenant paused longest. The caller holds
// the lock.
func (t *throttler) startPeriod(now time.Time) {
	passed := now.Sub(t.periodBegan)
	if passed < periodLength {
		return
	}
	t.periodBegan = now
	period := t.period.Add(1)
	var most *account
	var longest, paused, active int64
	count := func(a *account) {
		d := a.paused.Swap(0)
		if d > 0 {
			paused++
		}
		if d > longest {
			most, longest = a, d
		}
	}
	t.tenants.Range(func(id, known any) bool {
		a := known.(*account)
		if a.period.Load() < period-1 {
			t.tenants.Delete(id)
			return true
		}
		active++
		count(a)
		return true
	})
	count(&t.unauthenticated)
	t.active.Store(active)
	if passed >= 2*periodLength {
		paused, most = 0, nil // the pauses are too old to report
	}
	t.stats.tenants.Store(paused)
	t.report(now, most, longest, paused)
}

// report logs the tenant that paused longest, if there is one, at most once per
// reportInterval. The caller holds the lock.
func (t *throttler) report(now time.Time, most *account, longest, paused int64) {
	if most == nil || now.Sub(t.lastReported) < reportInterval {
		return
	}
	t.lastReported = now
	who := zap.String("tenant", string(most.tenant))
	if most == &t.unauthenticated {
		who = zap.Bool("unauthenticated", true)
	}
	t.logger.Warn("The processors are overloaded; requests of the tenant that uses most of them are throttled, so that others are not delayed",
		who, zap.Duration("paused", time.Duration(longest)), zap.Int64("throttled", paused))
}

// delaysOthers reports whether a tenant other than the owner of a is active.
func (t *throttler) delaysOthers(a *account) bool {
	if a == &t.unauthenticated {
		return t.active.Load() > 0
	}
	return t.active.Load() > 1
}

// update starts a period and adjusts the limit if they are due. It returns at once if another
// goroutine is doing so.
func (t *throttler) update(now int64) {
	next := t.nextUpdate.Load()
	if now < next || !t.nextUpdate.CompareAndSwap(next, now+int64(updateInterval)) {
		return
	}
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	t.startPeriod(time.Unix(0, now))
	if t.target > 0 {
		t.adjustLimit(time.Unix(0, now))
	}
}

// adjustLimit measures use since the last call and sets the limit. The caller holds the lock.
func (t *throttler) adjustLimit(now time.Time) {
	current, used := t.measure(), t.used.Load()
	passed := now.Sub(t.lastUpdate)
	processor, counted := current.processor-t.lastUsage.processor, time.Duration(used-t.lastUsed)
	wait := current.latencies.since(t.lastUsage.latencies)
	t.lastUsage, t.lastUsed, t.lastUpdate = current, used, now
	limit := float64(t.limit.Load())
	if passed > 10*updateInterval { // the process was idle
		t.limit.Store(0)
		return
	}
	if processor > 0 && counted > 0 {
		factor := min(max(float64(processor)/float64(counted), 1), maxFactor)
		t.factor += (factor - t.factor) / 4
	}
	whole := t.processors * float64(time.Second) / t.factor // all processors, in counted work
	scarce := float64(processor) > t.target*float64(passed) || wait > longWait
	switch {
	case scarce && t.active.Load() > 0:
		if limit == 0 {
			limit = whole
		}
		t.scarceLimit = limit
		fall := min(fallFactor, t.target*float64(passed)/max(float64(processor), 1))
		limit = max(limit*fall, t.minLimit(whole))
	case limit > 0 && limit < nearScarce*t.scarceLimit:
		limit *= riseFactor
	case limit > 0:
		limit *= creepFactor
		t.scarceLimit = max(t.scarceLimit, limit)
	}
	if limit >= whole {
		limit = 0
	}
	t.limit.Store(int64(limit))
}

// minLimit returns how far the limit may fall. whole is all processors, in counted work. The
// caller holds the lock.
func (t *throttler) minLimit(whole float64) float64 {
	users := t.active.Load()
	if t.unauthenticated.busy.Swap(false) {
		users++
	}
	return whole * max(fairShare/float64(max(users, 1)), throttledShare/float64(max(t.stats.tenants.Load(), 1)))
}
