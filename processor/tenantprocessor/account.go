package tenantprocessor

import (
	"fmt"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// amount is how much one request carries.
type amount struct{ records, bytes int64 }

// terms are the conditions of a charge.
type terms struct {
	limits *tenant.Limits
	burst  time.Duration // how much of a rate may be sent at once
	warnAt float64       // share of a quota from which to warn
	force  bool          // let pass what is over a limit
}

// excess is the limit that a request is over. The zero value is none.
type excess struct {
	reason reason
	text   string
	wait   time.Duration // until the limit may let something through
}

// account is what one tenant has sent, against what it may send. It is safe for
// concurrent use.
type account struct {
	mu      sync.Mutex
	records [3]bucket // by tenant.Signal
	bytes   [3]bucket
	usage   usage
}

// charge takes n from every limit of signal. If one of them is exceeded it takes
// from none and returns the one that takes longest; with force it then takes
// from the quotas alone. warnings are what is to be said of quotas, each once in
// its period.
func (a *account) charge(signal tenant.Signal, n amount, t terms, now time.Time) (over excess, warnings []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.usage.turn(now)
	over = a.overQuota(n, t.limits, now)
	rate := t.limits.Rates[signal]
	a.records[signal].exceed(&over, rate.RecordsPerSecond, t.burst, now, func() string {
		return fmt.Sprintf("over the limit of %d %s per second", rate.RecordsPerSecond, nouns[signal])
	})
	a.bytes[signal].exceed(&over, rate.BytesPerSecond, t.burst, now, func() string {
		return fmt.Sprintf("over the limit of %s of %s per second", sizeText(rate.BytesPerSecond), signal)
	})
	switch {
	case over.reason == passed:
		a.take(signal, n)
	case t.force:
		a.usage.add(n.bytes)
	}
	return over, a.warnings(t)
}

var nouns = [3]string{tenant.Logs: "log records", tenant.Metrics: "data points", tenant.Traces: "spans"}

// overQuota counts a request as over a quota if it does not fit in whole.
func (a *account) overQuota(n amount, limits *tenant.Limits, now time.Time) (over excess) {
	if quota := limits.DailyBytes; quota > 0 && a.usage.DayBytes+n.bytes > quota {
		over = excess{quotaExceeded, fmt.Sprintf("over the daily quota of %s", sizeText(quota)), untilTomorrow(now)}
	}
	if quota := limits.MonthlyBytes; quota > 0 && a.usage.MonthBytes+n.bytes > quota {
		over = excess{quotaExceeded, fmt.Sprintf("over the monthly quota of %s", sizeText(quota)), untilNextMonth(now)}
	}
	return over
}

// exceed makes over the limit of b if b takes longer.
func (b *bucket) exceed(over *excess, rate int64, burst time.Duration, now time.Time, text func() string) {
	if rate <= 0 {
		*b = bucket{} // a limit that comes later begins with a full burst
		return
	}
	b.refill(float64(rate), max(1, float64(rate)*burst.Seconds()), now)
	if wait := b.wait(float64(rate)); wait > over.wait {
		*over = excess{rateExceeded, text(), wait}
	}
}

// take is a charge of n, or a refund if n is negative.
func (a *account) take(signal tenant.Signal, n amount) {
	a.records[signal].balance -= float64(n.records)
	a.bytes[signal].balance -= float64(n.bytes)
	a.usage.add(n.bytes)
}

// refund gives back what was charged for a request that nobody took.
func (a *account) refund(signal tenant.Signal, n amount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.take(signal, amount{-n.records, -n.bytes})
}

func (a *account) warnings(t terms) (say []string) {
	if quota := t.limits.DailyBytes; !a.usage.dayWarned && quota > 0 && share(a.usage.DayBytes, quota) >= t.warnAt {
		a.usage.dayWarned = true
		say = append(say, fmt.Sprintf("%.0f %% of the daily quota of %s is used", 100*share(a.usage.DayBytes, quota), sizeText(quota)))
	}
	if quota := t.limits.MonthlyBytes; !a.usage.monthWarned && quota > 0 && share(a.usage.MonthBytes, quota) >= t.warnAt {
		a.usage.monthWarned = true
		say = append(say, fmt.Sprintf("%.0f %% of the monthly quota of %s is used", 100*share(a.usage.MonthBytes, quota), sizeText(quota)))
	}
	return say
}

func share(used, quota int64) float64 { return float64(used) / float64(quota) }

// use returns what the running day and month have.
func (a *account) use(now time.Time) usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.usage.turn(now)
	return a.usage
}

// sizeText is a size with a unit, also where it is no multiple of a larger one.
func sizeText(bytes int64) string {
	text := bytesize.Size(bytes).String()
	if last := text[len(text)-1]; last >= '0' && last <= '9' {
		return text + " B"
	}
	return text
}
