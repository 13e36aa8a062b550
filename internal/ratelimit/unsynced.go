// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxRemembered bounds how long an excess is repeated without asking the shared store.
const maxRemembered = 250 * time.Millisecond

// syncState is the state that an account keeps besides its counts while its limits are shared
// with other gateways. The used part of a quota is then what the newest answer of the
// shared store reports, plus what is unsynced and syncing.
type syncState struct {
	excess   [3]rememberedExcess // by tenant.Signal
	unsynced [3]periods          // counted here while the store was away
	syncing  [3]periods          // on its way to the store
	newest   [4]int64            // number of the newest answer, by signal and last over all signals
}

// periods are the counts of the current day and of the current month.
type periods struct{ day, month amount }

func (p *periods) add(q periods) {
	p.day.add(q.day)
	p.month.add(q.month)
}

func (p periods) negative() periods { return periods{p.day.negative(), p.month.negative()} }

// rememberedExcess is the last excess of a rate, or of a quota that is used up. While the
// shared bucket is in debt no gateway can take from it, so a tenant that floods a gateway
// does not flood the store.
type rememberedExcess struct {
	over   Excess
	limits tenant.Limits
	until  time.Time // when the excess ends
	ask    time.Time // when to ask the store again in any case
}

// remembered returns the excess that is still certain, or false.
func (a *account) remembered(signal tenant.Signal, limits *tenant.Limits, now time.Time) (Excess, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &a.sync.excess[signal]
	if !now.Before(r.ask) || r.limits != *limits {
		return Excess{}, false
	}
	over := r.over
	over.Wait = r.until.Sub(now)
	return over, true
}

// pendingSync is the difference between an account and the shared store.
type pendingSync struct {
	day, month string           // the periods of all this
	newest     int64            // number of the newest answer
	newestOwn  int64            // number of the newest answer about the signal
	known      [numQuotas]int64 // what the store has reported of each quota
	withheld   [numQuotas]int64 // what is not synced of each quota this time
	synced     periods          // what is synced, until endSync is called with it
}

// beginSync returns the difference for a request of signal. sync is whether the request
// may sync what is unsynced.
func (a *account) beginSync(signal tenant.Signal, sync bool, now time.Time) (p pendingSync) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rollOver(now)
	p.day, p.month = a.usage.Day, a.usage.Month
	p.newest, p.newestOwn = a.sync.newest[len(a.sync.newest)-1], a.sync.newest[signal]
	quotas := a.usage.quotas(signal, amount{}, &tenant.Limits{})
	for i := range quotas {
		p.known[i] = *quotas[i].used - a.notAcknowledged(signal, &quotas[i])
	}
	if sync {
		p.synced, a.sync.unsynced[signal] = a.sync.unsynced[signal], periods{}
		a.sync.syncing[signal].add(p.synced)
	}
	for i := range quotas {
		p.withheld[i] = part(&a.sync.unsynced, signal, &quotas[i])
	}
	return p
}

// rollOver begins a new day or month if now is in one. What is unsynced of the old one
// is dropped.
func (a *account) rollOver(now time.Time) {
	day, month := a.usage.Day, a.usage.Month
	a.usage.rollOver(now)
	for s := range a.sync.unsynced {
		if a.usage.Day != day {
			a.sync.unsynced[s].day, a.sync.syncing[s].day = amount{}, amount{}
		}
		if a.usage.Month != month {
			a.sync.unsynced[s].month, a.sync.syncing[s].month = amount{}, amount{}
		}
	}
}

// endSync ends a sync. If it failed, its counts are unsynced again.
func (a *account) endSync(signal tenant.Signal, p pendingSync, failed bool) {
	synced := p.synced
	if p.day != a.usage.Day {
		synced.day = amount{}
	}
	if p.month != a.usage.Month {
		synced.month = amount{}
	}
	a.sync.syncing[signal].add(synced.negative())
	if failed {
		a.sync.unsynced[signal].add(synced)
	}
}

// failSync ends a call of the shared store that failed.
func (a *account) failSync(signal tenant.Signal, p pendingSync) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.endSync(signal, p, true)
}

// notAcknowledged returns what the store may not know yet of a quota of signal.
func (a *account) notAcknowledged(signal tenant.Signal, q *quota) int64 {
	return part(&a.sync.unsynced, signal, q) + part(&a.sync.syncing, signal, q)
}

// part returns what a quota of signal counts of the given periods of all signals.
func part(of *[3]periods, signal tenant.Signal, q *quota) (n int64) {
	for s := range of {
		n += of[s].part(tenant.Signal(s) == signal, q)
	}
	return n
}

// part returns what a quota counts of p. own is whether p is of the quota's signal.
func (p *periods) part(own bool, q *quota) int64 {
	n := p.month
	if q.daily {
		n = p.day
	}
	switch {
	case q.what == totalRecords, q.what == signalRecords && own:
		return n.records
	case q.what == totalBytes, q.what == signalBytes && own:
		return n.bytes
	}
	return 0
}

// refundUnsynced is a refund of what the store has counted and cannot be reached for now.
func (a *account) refundUnsynced(signal tenant.Signal, n amount, charged time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	back := a.refundable(n, charged)
	a.usage.add(signal, back)
	a.addUnsynced(signal, back)
}

// addUnsynced adds counts that only this gateway has and that must be synced.
func (a *account) addUnsynced(signal tenant.Signal, n periods) { a.sync.unsynced[signal].add(n) }

// Unsynced is what a gateway has counted and the shared store does not know, by signal.
type Unsynced struct {
	Day   [3]Counts `json:"day,omitzero"`
	Month [3]Counts `json:"month,omitzero"`
}

// unsynced returns what the store may not know yet.
func (a *account) unsynced() (all Unsynced) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, p := range a.sync.unsynced {
		p.add(a.sync.syncing[s])
		all.Day[s] = Counts{p.day.records, p.day.bytes}
		all.Month[s] = Counts{p.month.records, p.month.bytes}
	}
	return all
}

// restored returns an account that continues from u.
func restored(u Usage) *account {
	unsynced := u.Unsynced
	u.Unsynced = Unsynced{}
	a := &account{usage: u}
	for s := range a.sync.unsynced {
		a.sync.unsynced[s].day = amount{unsynced.Day[s].Records, unsynced.Day[s].Bytes}
		a.sync.unsynced[s].month = amount{unsynced.Month[s].Records, unsynced.Month[s].Bytes}
	}
	return a
}

// reconcile adopts what all gateways together have used, for metrics, for saving, and to
// continue from while the store is away. It returns the warnings that are due.
func (a *account) reconcile(c *sharedCharge, got answer, now time.Time) (warnings []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rollOver(now)
	a.endSync(c.signal, c.sync, false)
	quotas := a.usage.quotas(c.signal, amount{}, c.terms.limits)
	for i := range quotas {
		q := &quotas[i]
		switch {
		case q.daily && c.sync.day != a.usage.Day, !q.daily && c.sync.month != a.usage.Month:
			// It is of a period that has ended meanwhile.
		case got.number > *a.newest(c.signal, q):
			*q.used = got.used[i] + a.notAcknowledged(c.signal, q)
		default: // a newer answer overtook this one and counts what was synced
			*q.used -= c.sync.synced.part(true, q)
		}
	}
	for i := range quotas {
		newest := a.newest(c.signal, &quotas[i])
		*newest = max(*newest, got.number)
	}
	if (got.over.Limit == RateLimit || got.over.Limit == QuotaLimit && exhausted(quotas[:])) && !c.terms.force {
		a.sync.excess[c.signal] = rememberedExcess{
			over: got.over, limits: *c.terms.limits, until: now.Add(got.over.Wait), ask: now.Add(min(got.over.Wait, maxRemembered)),
		}
	}
	return warningsOf(quotas[:], c.signal, c.terms)
}

// exhausted reports whether a quota has nothing left, so that no request fits, however
// small.
func exhausted(quotas []quota) bool {
	for _, q := range quotas {
		if q.limit > 0 && *q.used >= q.limit {
			return true
		}
	}
	return false
}

// newest returns the number of the newest answer about q.
func (a *account) newest(signal tenant.Signal, q *quota) *int64 {
	if q.what == totalBytes || q.what == totalRecords {
		return &a.sync.newest[len(a.sync.newest)-1]
	}
	return &a.sync.newest[signal]
}
