// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Settings are the settings of a [Limiter].
type Settings struct {
	// Burst is how much of a rate may be sent at once, as the time in which the rate
	// allows it. A tenant's own burst replaces it.
	Burst time.Duration

	// WarnAt is the share of a quota, above 0 and up to 1, from which Warn is called.
	WarnAt float64

	// WarnOnly accepts data over a limit. It still counts towards quotas.
	WarnOnly bool

	// Gateways is the number of gateways among which limits are divided while they are
	// not shared.
	Gateways int

	// Shared is where gateways share their counts; nil: limits are this gateway's own.
	Shared Script

	// KeyPrefix begins the name of every key in Shared.
	KeyPrefix string

	// Warn is called when a tenant reaches WarnAt of a quota, once in its period. nil:
	// it is not.
	Warn func(id tenant.ID, text string)

	// Outage is called with an error when Shared fails, and with nil when it works
	// again, once each. nil: it is not.
	Outage func(err error)

	// Now is the clock. nil: time.Now.
	Now func() time.Time
}

// Limiter holds all tenants to their limits. A tenant has an account from its first
// request with a limit until [Limiter.Retain] removes it. It is safe for concurrent use.
type Limiter struct {
	set    Settings
	now    func() time.Time
	shared *shared // nil: limits are this gateway's own

	mu       sync.RWMutex
	accounts map[tenant.ID]*account
}

// New returns a limiter without accounts.
func New(set Settings) *Limiter {
	l := &Limiter{set: set, now: set.Now, accounts: make(map[tenant.ID]*account)}
	if l.now == nil {
		l.now = time.Now
	}
	if set.Shared != nil {
		l.shared = newShared(set, l.now)
	}
	return l
}

// Request is what one request of a tenant carries.
type Request struct {
	Tenant  tenant.ID
	Limits  *tenant.Limits
	Signal  tenant.Signal
	Records int

	// Size returns the bytes of the request in protobuf. It is called only if a limit
	// counts bytes.
	Size func() int
}

// Charge charges a tenant for a request. If the request is over a limit it charges
// nothing and returns the limit that takes longest; with Settings.WarnOnly it then
// charges the quotas. The receipt gives the charge back.
func (l *Limiter) Charge(ctx context.Context, r Request) (Receipt, Excess) {
	n := amount{records: int64(r.Records)}
	if r.Limits.InBytes(r.Signal) {
		n.bytes = int64(r.Size())
	}
	t := l.terms(r.Limits)
	paid := Receipt{limiter: l, account: l.account(r.Tenant), tenant: r.Tenant, signal: r.Signal, amount: n, terms: t, at: l.now()}
	over, warnings := l.chargeShared(ctx, &paid)
	if !paid.shared {
		over, warnings = paid.account.charge(r.Signal, n, t, l.now())
	}
	if l.set.Warn != nil {
		for _, text := range warnings {
			l.set.Warn(r.Tenant, text)
		}
	}
	if over.Limit == None {
		return paid, Excess{}
	}
	paid.account.countOver(r.Signal, over.Limit, n.records)
	return Receipt{}, over
}

// Peek returns the limit that a request of records and bytes would exceed now, without
// charging it or asking the shared store. A tenant that has sent nothing yet is under
// every limit. What is over is counted as such.
func (l *Limiter) Peek(id tenant.ID, limits *tenant.Limits, signal tenant.Signal, records, bytes int64) Excess {
	l.mu.RLock()
	a := l.accounts[id]
	l.mu.RUnlock()
	if a == nil {
		return Excess{}
	}
	over := l.peek(a, signal, amount{max(1, records), max(1, bytes)}, limits, l.now())
	if over.Limit != None {
		a.countOver(signal, over.Limit, records)
	}
	return over
}

// peek uses the account alone: asking the shared store would cost every request another
// round trip. An excess that the store has reported is remembered for as long as it is
// certain.
func (l *Limiter) peek(a *account, signal tenant.Signal, n amount, limits *tenant.Limits, now time.Time) Excess {
	if l.shared != nil && !l.shared.paused() {
		over, _ := a.remembered(signal, limits, now)
		return over
	}
	return a.peek(signal, n, l.terms(limits), now)
}

// chargeShared charges a request in the shared store and sets paid.shared if it did. It
// does not if limits are not shared or the store is paused after a failure.
func (l *Limiter) chargeShared(ctx context.Context, paid *Receipt) (over Excess, warnings []string) {
	if l.shared == nil || l.shared.paused() {
		return Excess{}, nil
	}
	now := l.now()
	a := paid.account
	if !paid.terms.force {
		if over, ok := a.remembered(paid.signal, paid.terms.limits, now); ok {
			paid.shared = true
			return over, nil
		}
	}
	c := sharedCharge{
		mode: chargeModeCharge, tenant: paid.tenant, signal: paid.signal, amount: paid.amount, terms: paid.terms,
	}
	if paid.terms.force {
		c.mode = chargeModeForce
	}
	got, err := l.call(ctx, a, &c, now)
	if err != nil {
		return Excess{}, nil
	}
	paid.shared = true
	return got.over, a.reconcile(&c, got, now)
}

// call runs the script and syncs what the account has counted alone. It does not sync
// until the store is known to work again: a sync that the store answers too late would
// be repeated and count twice. The caller passes the answer to account.reconcile.
func (l *Limiter) call(ctx context.Context, a *account, c *sharedCharge, now time.Time) (answer, error) {
	c.sync = a.beginSync(c.signal, !l.shared.failed.Load(), now)
	got, err := l.shared.do(ctx, *c, now)
	if ctx.Err() == nil { // a caller that went away says nothing about the store
		l.shared.note(err)
	}
	if err != nil {
		a.failSync(c.signal, c.sync)
	}
	return got, err
}

// terms are the conditions for a tenant with limits.
func (l *Limiter) terms(limits *tenant.Limits) terms {
	t := terms{
		limits: limits, burst: l.set.Burst, warnAt: l.set.WarnAt, force: l.set.WarnOnly,
		rateGateways: l.set.Gateways, quotaGateways: l.quotaGateways(), unsynced: l.shared != nil,
	}
	if limits.Burst > 0 {
		t.burst = limits.Burst
	}
	return t
}

// quotaGateways is among how many gateways quotas are divided.
func (l *Limiter) quotaGateways() int {
	if l.shared != nil {
		return 1
	}
	return l.set.Gateways
}

// SharedWorks reports whether the last call of the shared store succeeded.
func (l *Limiter) SharedWorks() bool { return l.shared != nil && !l.shared.failed.Load() }

func (l *Limiter) account(id tenant.ID) *account {
	l.mu.RLock()
	a := l.accounts[id]
	l.mu.RUnlock()
	if a != nil {
		return a
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a = l.accounts[id]; a == nil {
		a = &account{}
		l.accounts[id] = a
	}
	return a
}

// Retain removes the accounts of all tenants for which keep returns false.
func (l *Limiter) Retain(keep func(tenant.ID) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.accounts {
		if !keep(id) {
			delete(l.accounts, id)
		}
	}
}

// Restore adds accounts that continue from saved usages. Call it before the first
// charge.
func (l *Limiter) Restore(saved map[tenant.ID]Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, u := range saved {
		l.accounts[id] = restored(u)
	}
}

// Usages returns what the accounts have counted.
func (l *Limiter) Usages() map[tenant.ID]Usage {
	now := l.now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make(map[tenant.ID]Usage, len(l.accounts))
	for id, a := range l.accounts {
		if u := a.use(now); !u.empty() {
			all[id] = u
		}
	}
	return all
}

// LastUsages returns [Limiter.Usages] with the counts that are not synced to the shared store. Save
// it only after the last charge: after a crash it would be synced twice.
func (l *Limiter) LastUsages() map[tenant.ID]Usage {
	all := l.Usages()
	l.mu.RLock()
	defer l.mu.RUnlock()
	for id, u := range all {
		u.Unsynced = l.accounts[id].unsynced()
		all[id] = u
	}
	return all
}

// Receipt is the charge for one request. The zero value is no charge.
type Receipt struct {
	limiter *Limiter
	account *account
	tenant  tenant.ID
	signal  tenant.Signal
	amount  amount
	terms   terms
	shared  bool // charged in the shared store, not here
	at      time.Time
}

// Refund gives the charge back, for a request that a later component rejects: its sender
// sends it again and is charged again.
func (r *Receipt) Refund(ctx context.Context) {
	switch {
	case r.account == nil:
	case r.shared:
		r.refundShared(context.WithoutCancel(ctx))
	default:
		r.account.refund(r.signal, r.amount, r.terms, r.at)
	}
}

// refundShared gives back in the shared store. What cannot be given back to a quota now,
// or belongs to the day before, stays unsynced. What a rate lacks is small and refills
// soon.
func (r *Receipt) refundShared(ctx context.Context) {
	l, now := r.limiter, r.limiter.now()
	c := sharedCharge{mode: chargeModeRefund, tenant: r.tenant, signal: r.signal, amount: r.amount, terms: r.terms}
	var got answer
	err := errPaused
	if !l.shared.paused() && now.Sub(r.at) < untilTomorrow(r.at) {
		got, err = l.call(ctx, r.account, &c, now)
	}
	if err != nil {
		r.account.refundUnsynced(r.signal, r.amount, r.at)
		return
	}
	r.account.reconcile(&c, got, now)
}

var errPaused = errors.New("the shared store is paused after a failure")

// Use is the used part of one limit.
type Use struct {
	Signal  tenant.Signal
	Total   bool // over all signals; Signal is then Logs
	Daily   bool // of a quota: daily or monthly
	InBytes bool // bytes or records
	Limit   int64
	Used    int64 // of a quota, by this gateway or, with a shared store, by all
	Share   float64
}

// QuotaUse yields the used share of each quota of a tenant with limits.
func (l *Limiter) QuotaUse(id tenant.ID, limits *tenant.Limits) iter.Seq[Use] {
	return func(yield func(Use) bool) {
		a := l.find(id)
		if a == nil {
			return
		}
		u := a.use(l.now())
		for _, signal := range tenant.AllSignals() {
			for _, q := range u.quotas(signal, amount{}, limits) {
				if q.limit == 0 || q.total() && signal != tenant.Logs { // a total once
					continue
				}
				use := Use{Signal: signal, Total: q.total(), Daily: q.daily, InBytes: q.inBytes(), Limit: q.limit, Used: *q.used, Share: q.share(l.quotaGateways())}
				if !yield(use) {
					return
				}
			}
		}
	}
}

// RateUse yields the used share of the burst of each rate of a tenant with limits: 0 is
// none, 1 is all, above 1 the rate has to catch up. It yields nothing if rates are
// shared: they are then in the shared store.
func (l *Limiter) RateUse(id tenant.ID, limits *tenant.Limits) iter.Seq[Use] {
	return func(yield func(Use) bool) {
		a := l.find(id)
		if a == nil || l.shared != nil {
			return
		}
		terms, now := l.terms(limits), l.now()
		for _, signal := range tenant.AllSignals() {
			records, bytes := a.rateUse(signal, terms, now)
			rate := limits.Rates[signal]
			if records >= 0 && !yield(Use{Signal: signal, Limit: rate.RecordsPerSecond, Share: records}) {
				return
			}
			if bytes >= 0 && !yield(Use{Signal: signal, InBytes: true, Limit: rate.BytesPerSecond, Share: bytes}) {
				return
			}
		}
	}
}

// Over returns how many records of a tenant's signal were over a limit, by limit.
func (l *Limiter) Over(id tenant.ID, signal tenant.Signal) map[Limit]int64 {
	a := l.find(id)
	if a == nil {
		return nil
	}
	return a.over(signal)
}

// find returns the account of id, or nil.
func (l *Limiter) find(id tenant.ID) *account {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.accounts[id]
}
