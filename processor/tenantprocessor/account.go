package tenantprocessor

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// amount is how much one request carries.
type amount struct{ records, bytes int64 }

func (n *amount) add(m amount) {
	n.records += m.records
	n.bytes += m.bytes
}

func (n amount) negative() amount { return amount{-n.records, -n.bytes} }

// terms are the conditions of a charge.
type terms struct {
	limits *tenant.Limits
	burst  time.Duration // how much of a rate may be sent at once
	warnAt float64       // share of a quota from which to warn
	force  bool          // let pass what is over a limit
	owe    bool          // it is reported to Redis later

	// Among how many gateways rates and quotas are divided. The two differ while
	// Redis is away: what has been used of a quota is then that of all gateways.
	rateGateways, quotaGateways int
}

// excess is the limit that a request is over. The zero value is none.
type excess struct {
	reason rejection.Reason
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
	shared  sharedState
	overBy  [3]map[rejection.Reason]int64 // records over a limit, by tenant.Signal
}

// charge takes n from every limit of signal. If one of them is exceeded it takes
// from none and returns the one that takes longest; with force it then takes
// from the quotas alone. warnings are what is to be said of quotas, each once in
// its period.
func (a *account) charge(signal tenant.Signal, n amount, t terms, now time.Time) (over excess, warnings []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	quotas := a.usage.quotas(signal, n, t.limits)
	exceeded(&over, quotas[:], signal, t, now)
	rate := t.limits.Rates[signal]
	a.records[signal].exceed(&over, rate.RecordsPerSecond, t, now, func() string { return recordRate(rate, signal) })
	a.bytes[signal].exceed(&over, rate.BytesPerSecond, t, now, func() string { return byteRate(rate, signal) })
	switch {
	case over.reason == rejection.None:
		a.take(signal, n)
		a.count(signal, debt{n, n}, t)
	case t.force:
		a.count(signal, debt{n, n}, t)
	}
	return over, warningsOf(quotas[:], signal, t)
}

// exceeded makes over the quota that is exceeded and takes longest.
func exceeded(over *excess, quotas []quota, signal tenant.Signal, t terms, now time.Time) {
	for i := range quotas {
		q := &quotas[i]
		// What is divided is compared without a loss: limit / gateways may be broken.
		if q.limit > 0 && (*q.used+q.cost)*int64(t.quotaGateways) > q.limit {
			if full := q.excess(signal, now); full.wait >= over.wait {
				*over = full
			}
		}
	}
}

var nouns = [3]string{tenant.Logs: "log records", tenant.Metrics: "data points", tenant.Traces: "spans"}

func recordRate(rate tenant.Rate, signal tenant.Signal) string {
	return fmt.Sprintf("over the limit of %d %s per second", rate.RecordsPerSecond, nouns[signal])
}

func byteRate(rate tenant.Rate, signal tenant.Signal) string {
	return fmt.Sprintf("over the limit of %s of %s per second", sizeText(rate.BytesPerSecond), signal)
}

// exceed makes over the limit of b if b takes longer.
func (b *bucket) exceed(over *excess, perSecond int64, t terms, now time.Time, text func() string) {
	if perSecond <= 0 {
		*b = bucket{} // a limit that comes later begins with a full burst
		return
	}
	rate := float64(perSecond) / float64(t.rateGateways)
	b.refill(rate, burstOf(rate, t.burst), now)
	if wait := b.wait(rate); wait > over.wait {
		*over = excess{rejection.Rate, text(), wait}
	}
}

// burstOf is how much may come at once.
func burstOf(rate float64, burst time.Duration) float64 { return max(1, rate*burst.Seconds()) }

// take takes n from the rates, or gives it back if it is negative.
func (a *account) take(signal tenant.Signal, n amount) {
	a.records[signal].balance -= float64(n.records)
	a.bytes[signal].balance -= float64(n.bytes)
}

// count takes n from the quotas, or gives it back if it is negative.
func (a *account) count(signal tenant.Signal, n debt, t terms) {
	a.usage.add(signal, n)
	if t.owe {
		a.owe(signal, n)
	}
}

// refund gives back what was charged at some time for a request that was not accepted.
func (a *account) refund(signal tenant.Signal, n amount, t terms, charged time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.take(signal, n.negative())
	a.count(signal, a.refundable(n, charged), t)
}

// refundable is what the running day and month get back of a charge. One of the day
// before is no credit for this one.
func (a *account) refundable(n amount, charged time.Time) (back debt) {
	if charged.UTC().Format(time.DateOnly) == a.usage.Day {
		back.day = n.negative()
	}
	if charged.UTC().Format("2006-01") == a.usage.Month {
		back.month = n.negative()
	}
	return back
}

// warningsOf returns what is to be said of quotas and marks it as said.
func warningsOf(quotas []quota, signal tenant.Signal, t terms) (say []string) {
	for i := range quotas {
		q := &quotas[i]
		if q.limit > 0 && !*q.warned && q.share(t.quotaGateways) >= t.warnAt {
			*q.warned = true
			say = append(say, fmt.Sprintf("%.0f %% of the %s is used", 100*q.share(t.quotaGateways), q.name(signal)))
		}
	}
	return say
}

// use returns what the running day and month have.
func (a *account) use(now time.Time) usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
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

// noteOver counts records that were over a limit.
func (a *account) noteOver(signal tenant.Signal, why rejection.Reason, records int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.overBy[signal] == nil {
		a.overBy[signal] = make(map[rejection.Reason]int64)
	}
	a.overBy[signal][why] += records
}

// over returns how many records were over a limit, by reason.
func (a *account) over(signal tenant.Signal) map[rejection.Reason]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.overBy[signal])
}

// rateUse returns the used part of the bursts of signal: 0 none, 1 all, above 1 it
// is in debt, below 0 there is no such limit.
func (a *account) rateUse(signal tenant.Signal, t terms, now time.Time) (records, bytes float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rate := t.limits.Rates[signal]
	return a.records[signal].use(rate.RecordsPerSecond, t, now), a.bytes[signal].use(rate.BytesPerSecond, t, now)
}

// use works on a copy: to look at a bucket must not change it.
func (b bucket) use(perSecond int64, t terms, now time.Time) float64 {
	if perSecond <= 0 {
		return -1
	}
	rate := float64(perSecond) / float64(t.rateGateways)
	burst := burstOf(rate, t.burst)
	b.refill(rate, burst, now)
	return max(0, 1-b.balance/burst)
}
