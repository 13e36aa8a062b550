// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Limit is a kind of limit.
type Limit uint8

// The kinds of limits. The zero value is no limit.
const (
	None Limit = iota
	RateLimit
	QuotaLimit
)

// Excess is the limit that a request is over. The zero value is no limit.
type Excess struct {
	Limit Limit
	Text  string        // names the configured limit to its tenant
	Wait  time.Duration // until the limit may let something through
}

// amount is how much one request carries.
type amount struct{ records, bytes int64 }

func (n *amount) add(m amount) {
	n.records += m.records
	n.bytes += m.bytes
}

func (n amount) negative() amount { return amount{-n.records, -n.bytes} }

// terms are the conditions of a charge.
type terms struct {
	limits   *tenant.Limits
	burst    time.Duration // how much of a rate may be sent at once
	warnAt   float64       // share of a quota from which to warn
	force    bool          // let through what is over a limit
	unsynced bool          // what is counted here is synced to the shared store later

	// Among how many gateways rates and quotas are divided. The two differ while the
	// shared store is away: the used part of a quota is then that of all gateways.
	rateGateways, quotaGateways int
}

// account counts the data of one tenant against its limits. It is safe for
// concurrent use.
type account struct {
	mu      sync.Mutex
	records [3]bucket // by tenant.Signal
	bytes   [3]bucket
	usage   Usage
	sync    syncState
	overBy  [3]map[Limit]int64 // records over a limit, by tenant.Signal
}

// charge takes n from every limit of signal. If one of them is exceeded it takes nothing
// and returns the one that takes longest; with force it then takes from the quotas only.
// It returns a warning for each quota that reaches its warning share, once in its period.
func (a *account) charge(signal tenant.Signal, n amount, t terms, now time.Time) (over Excess, warnings []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rollOver(now)
	quotas := a.usage.quotas(signal, n, t.limits)
	exceeded(&over, quotas[:], signal, t, now)
	rate := t.limits.Rates[signal]
	a.records[signal].exceed(&over, rate.RecordsPerSecond, t, now, func() string { return recordRate(rate, signal) })
	a.bytes[signal].exceed(&over, rate.BytesPerSecond, t, now, func() string { return byteRate(rate, signal) })
	switch {
	case over.Limit == None:
		a.take(signal, n)
		a.count(signal, periods{n, n}, t)
	case t.force:
		a.count(signal, periods{n, n}, t)
	}
	return over, warningsOf(quotas[:], signal, t)
}

// peek returns the limit that charge would find exceeded, and changes nothing.
func (a *account) peek(signal tenant.Signal, n amount, t terms, now time.Time) (over Excess) {
	a.mu.Lock()
	defer a.mu.Unlock()
	usage, records, bytes := a.usage, a.records[signal], a.bytes[signal]
	usage.rollOver(now)
	quotas := usage.quotas(signal, n, t.limits)
	exceeded(&over, quotas[:], signal, t, now)
	rate := t.limits.Rates[signal]
	records.exceed(&over, rate.RecordsPerSecond, t, now, func() string { return recordRate(rate, signal) })
	bytes.exceed(&over, rate.BytesPerSecond, t, now, func() string { return byteRate(rate, signal) })
	return over
}

// exceeded sets over to the exceeded quota that takes longest, if there is one.
func exceeded(over *Excess, quotas []quota, signal tenant.Signal, t terms, now time.Time) {
	for i := range quotas {
		q := &quotas[i]
		// Multiplying the left side avoids the fraction of limit / gateways.
		if q.limit > 0 && (*q.used+q.cost)*int64(t.quotaGateways) > q.limit {
			if full := q.excess(signal, now); full.Wait >= over.Wait {
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

// exceed sets over to the limit of b if b takes longer.
func (b *bucket) exceed(over *Excess, perSecond int64, t terms, now time.Time, text func() string) {
	if perSecond <= 0 {
		*b = bucket{} // a limit that is added later begins with a full burst
		return
	}
	rate := float64(perSecond) / float64(t.rateGateways)
	b.refill(rate, burstOf(rate, t.burst), now)
	if wait := b.wait(rate); wait > over.Wait {
		*over = Excess{RateLimit, text(), wait}
	}
}

// burstOf returns how much may be sent at once.
func burstOf(rate float64, burst time.Duration) float64 { return max(1, rate*burst.Seconds()) }

// take takes n from the rates, or gives it back if it is negative.
func (a *account) take(signal tenant.Signal, n amount) {
	a.records[signal].balance -= float64(n.records)
	a.bytes[signal].balance -= float64(n.bytes)
}

// count takes n from the quotas, or gives it back if it is negative.
func (a *account) count(signal tenant.Signal, n periods, t terms) {
	a.usage.add(signal, n)
	if t.unsynced {
		a.addUnsynced(signal, n)
	}
}

// refund returns a charge, made at a time, for a request that was not accepted.
func (a *account) refund(signal tenant.Signal, n amount, t terms, charged time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.take(signal, n.negative())
	a.count(signal, a.refundable(n, charged), t)
}

// refundable returns what the running day and month get back of a charge. A charge of
// the day before is no credit for this one.
func (a *account) refundable(n amount, charged time.Time) (back periods) {
	if charged.UTC().Format(time.DateOnly) == a.usage.Day {
		back.day = n.negative()
	}
	if charged.UTC().Format("2006-01") == a.usage.Month {
		back.month = n.negative()
	}
	return back
}

// warningsOf returns the warnings that are due and marks them as given.
func warningsOf(quotas []quota, signal tenant.Signal, t terms) (texts []string) {
	for i := range quotas {
		q := &quotas[i]
		if q.limit > 0 && !*q.warned && q.share(t.quotaGateways) >= t.warnAt {
			*q.warned = true
			texts = append(texts, fmt.Sprintf("%.0f %% of the %s is used", 100*q.share(t.quotaGateways), q.name(signal)))
		}
	}
	return texts
}

// use returns what the running day and month have.
func (a *account) use(now time.Time) Usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rollOver(now)
	return a.usage
}

// sizeText returns a size with a unit, even if it is no multiple of a larger one.
func sizeText(bytes int64) string {
	text := bytesize.Size(bytes).String()
	if last := text[len(text)-1]; last >= '0' && last <= '9' {
		return text + " B"
	}
	return text
}

// countOver counts records that were over a limit.
func (a *account) countOver(signal tenant.Signal, limit Limit, records int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.overBy[signal] == nil {
		a.overBy[signal] = make(map[Limit]int64)
	}
	a.overBy[signal][limit] += records
}

// over returns how many records were over a limit, by limit.
func (a *account) over(signal tenant.Signal) map[Limit]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.overBy[signal])
}

// rateUse returns the used part of the bursts of signal: 0 none, 1 all, above 1 the
// bucket is in debt, below 0 there is no such limit.
func (a *account) rateUse(signal tenant.Signal, t terms, now time.Time) (records, bytes float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rate := t.limits.Rates[signal]
	return a.records[signal].use(rate.RecordsPerSecond, t, now), a.bytes[signal].use(rate.BytesPerSecond, t, now)
}

// use works on a copy, because observing a bucket must not change it.
func (b bucket) use(perSecond int64, t terms, now time.Time) float64 {
	if perSecond <= 0 {
		return -1
	}
	rate := float64(perSecond) / float64(t.rateGateways)
	burst := burstOf(rate, t.burst)
	b.refill(rate, burst, now)
	return max(0, 1-b.balance/burst)
}
