package tenantprocessor

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxRemembered bounds how long a refusal is repeated without asking Redis again.
const maxRemembered = 250 * time.Millisecond

// sharedState is what an account keeps beside its own counts when its limits are
// shared with other gateways.
type sharedState struct {
	refused [3]rememberedRefusal // by tenant.Signal
	owed    [3]amount            // counted here while Redis was away
	telling [3]amount            // of that, on its way to Redis
}

// rememberedRefusal is the last one for a rate. While the shared bucket is in debt
// nobody can take from it, so a tenant that floods does not become a flood on
// Redis.
type rememberedRefusal struct {
	over   excess
	limits tenant.Limits
	until  time.Time // when the debt is paid
	ask    time.Time // when to ask again in any case
}

// recall returns the refusal that still holds, or false.
func (a *account) recall(signal tenant.Signal, limits *tenant.Limits, now time.Time) (excess, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &a.shared.refused[signal]
	if !now.Before(r.ask) || r.limits != *limits {
		return excess{}, false
	}
	over := r.over
	over.wait = r.until.Sub(now)
	return over, true
}

// debts are what an account and Redis do not agree on yet.
type debts struct {
	known   [numQuotas]int64 // what Redis has said of each quota
	pending [numQuotas]int64 // what it is not told of each quota this time
	owed    amount           // what it is told, until told is called with it
}

// debts returns them for a request of signal. tell tells whether Redis is to be
// told what the account owes.
func (a *account) debts(signal tenant.Signal, tell bool, now time.Time) (d debts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.usage.turn(now)
	quotas := a.usage.quotas(signal, amount{}, &tenant.Limits{})
	for i, q := range quotas {
		d.known[i] = *q.used - a.owing(signal, q.what)
	}
	if tell {
		d.owed, a.shared.owed[signal] = a.shared.owed[signal], amount{}
		a.shared.telling[signal].add(d.owed)
	}
	for i, q := range quotas {
		d.pending[i] = part(&a.shared.owed, signal, q.what)
	}
	return d
}

// told ends the telling of owed. If it has failed it is owed again.
func (a *account) told(signal tenant.Signal, owed amount, failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shared.telling[signal].add(owed.negative())
	if failed {
		a.shared.owed[signal].add(owed)
	}
}

// owing returns what Redis may not know yet of a quota of signal.
func (a *account) owing(signal tenant.Signal, what quotaKind) int64 {
	return part(&a.shared.owed, signal, what) + part(&a.shared.telling, signal, what)
}

// part returns what a quota of signal counts of the amounts of all signals.
func part(of *[3]amount, signal tenant.Signal, what quotaKind) (n int64) {
	for s, m := range of {
		switch {
		case what == totalRecords, what == signalRecords && s == int(signal):
			n += m.records
		case what == totalBytes, what == signalBytes && s == int(signal):
			n += m.bytes
		}
	}
	return n
}

// owe notes what was counted here alone and Redis is still to be told.
func (a *account) owe(signal tenant.Signal, n amount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shared.owed[signal].add(n)
}

// owes returns what Redis may not know yet.
func (a *account) owes() (owed [3]counts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for signal, n := range a.shared.owed {
		n.add(a.shared.telling[signal])
		owed[signal] = counts{n.records, n.bytes}
	}
	return owed
}

// restored returns an account that goes on from u. Redis counts what it is told for
// the day in which it is told, so that debts of another day are forgotten.
func restored(u usage, now time.Time) *account {
	owed := u.Owed
	u.Owed = [3]counts{}
	a := &account{usage: u}
	if u.Day != now.UTC().Format(time.DateOnly) {
		return a
	}
	for signal, n := range owed {
		a.shared.owed[signal] = amount{n.Records, n.Bytes}
	}
	return a
}

// agree takes over what all gateways together have used, so that it is there to be
// told, saved, and gone on from when Redis is away.
func (a *account) agree(signal tenant.Signal, used [numQuotas]int64, over excess, t terms, now time.Time) (warnings []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.usage.turn(now)
	quotas := a.usage.quotas(signal, amount{}, t.limits)
	for i := range quotas {
		*quotas[i].used = used[i] + a.owing(signal, quotas[i].what)
	}
	if over.reason == rateExceeded && !t.force {
		a.shared.refused[signal] = rememberedRefusal{
			over: over, limits: *t.limits, until: now.Add(over.wait), ask: now.Add(min(over.wait, maxRemembered)),
		}
	}
	return warningsOf(quotas[:], signal, t)
}
