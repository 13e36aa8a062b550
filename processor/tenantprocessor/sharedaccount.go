package tenantprocessor

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxRemembered bounds how long a refusal is repeated without asking Redis again.
const maxRemembered = 250 * time.Millisecond

// sharedState is what an account keeps beside its own counts when its limits are
// shared with other gateways. What is used of a quota is what the newest answer of
// Redis says, and what is owed and being told.
type sharedState struct {
	refused [3]rememberedRefusal // by tenant.Signal
	owed    [3]debt              // counted here while Redis was away
	telling [3]debt              // of that, on its way to Redis
	newest  [4]int64             // number of the answer that was taken over, by signal and last over all
}

// debt is what was counted in the running day and in the running month.
type debt struct{ day, month amount }

func (d *debt) add(e debt) {
	d.day.add(e.day)
	d.month.add(e.month)
}

func (d debt) negative() debt { return debt{d.day.negative(), d.month.negative()} }

// rememberedRefusal is the last one for a rate, or for a quota that is used up. While
// the shared bucket is in debt nobody can take from it, so a tenant that floods does
// not become a flood on Redis.
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
	day, month string           // the periods of all this
	newest     int64            // number of the newest answer
	newestOwn  int64            // number of the newest about the signal
	known      [numQuotas]int64 // what Redis has said of each quota
	pending    [numQuotas]int64 // what it is not told of each quota this time
	owed       debt             // what it is told, until settle is called with it
}

// debts returns them for a request of signal. tell tells whether Redis is to be
// told what the account owes.
func (a *account) debts(signal tenant.Signal, tell bool, now time.Time) (d debts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	d.day, d.month = a.usage.Day, a.usage.Month
	d.newest, d.newestOwn = a.shared.newest[len(a.shared.newest)-1], a.shared.newest[signal]
	quotas := a.usage.quotas(signal, amount{}, &tenant.Limits{})
	for i := range quotas {
		d.known[i] = *quotas[i].used - a.owing(signal, &quotas[i])
	}
	if tell {
		d.owed, a.shared.owed[signal] = a.shared.owed[signal], debt{}
		a.shared.telling[signal].add(d.owed)
	}
	for i := range quotas {
		d.pending[i] = part(&a.shared.owed, signal, &quotas[i])
	}
	return d
}

// turn begins a new day or month if now is in one. Nobody is to be told any more of
// what was owed for the old one.
func (a *account) turn(now time.Time) {
	day, month := a.usage.Day, a.usage.Month
	a.usage.turn(now)
	for s := range a.shared.owed {
		if a.usage.Day != day {
			a.shared.owed[s].day, a.shared.telling[s].day = amount{}, amount{}
		}
		if a.usage.Month != month {
			a.shared.owed[s].month, a.shared.telling[s].month = amount{}, amount{}
		}
	}
}

// settle ends the telling of debts. If it has failed they are owed again.
func (a *account) settle(signal tenant.Signal, d debts, failed bool) {
	owed := d.owed
	if d.day != a.usage.Day {
		owed.day = amount{}
	}
	if d.month != a.usage.Month {
		owed.month = amount{}
	}
	a.shared.telling[signal].add(owed.negative())
	if failed {
		a.shared.owed[signal].add(owed)
	}
}

// fail ends a request to Redis that has failed.
func (a *account) fail(signal tenant.Signal, d debts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(signal, d, true)
}

// owing returns what Redis may not know yet of a quota of signal.
func (a *account) owing(signal tenant.Signal, q *quota) int64 {
	return part(&a.shared.owed, signal, q) + part(&a.shared.telling, signal, q)
}

// part returns what a quota of signal counts of the debts of all signals.
func part(of *[3]debt, signal tenant.Signal, q *quota) (n int64) {
	for s := range of {
		n += of[s].part(tenant.Signal(s) == signal, q)
	}
	return n
}

// part returns what a quota counts of d. own tells whether d is of its signal.
func (d *debt) part(own bool, q *quota) int64 {
	n := d.month
	if q.daily {
		n = d.day
	}
	switch {
	case q.what == totalRecords, q.what == signalRecords && own:
		return n.records
	case q.what == totalBytes, q.what == signalBytes && own:
		return n.bytes
	}
	return 0
}

// giveBack is a refund of what Redis has counted and cannot be told of now.
func (a *account) giveBack(signal tenant.Signal, n amount, charged time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	back := a.refundable(n, charged)
	a.usage.add(signal, back)
	a.owe(signal, back)
}

// owe notes what was counted here alone and Redis is still to be told.
func (a *account) owe(signal tenant.Signal, n debt) { a.shared.owed[signal].add(n) }

// debtsOf is what a gateway owes Redis at its end, by signal.
type debtsOf struct {
	Day   [3]counts `json:"day,omitzero"`
	Month [3]counts `json:"month,omitzero"`
}

// owes returns what Redis may not know yet.
func (a *account) owes() (all debtsOf) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, d := range a.shared.owed {
		d.add(a.shared.telling[s])
		all.Day[s] = counts{d.day.records, d.day.bytes}
		all.Month[s] = counts{d.month.records, d.month.bytes}
	}
	return all
}

// restored returns an account that goes on from u.
func restored(u usage) *account {
	owed := u.Owed
	u.Owed = debtsOf{}
	a := &account{usage: u}
	for s := range a.shared.owed {
		a.shared.owed[s].day = amount{owed.Day[s].Records, owed.Day[s].Bytes}
		a.shared.owed[s].month = amount{owed.Month[s].Records, owed.Month[s].Bytes}
	}
	return a
}

// agree takes over what all gateways together have used, so that it is there to be
// told, saved, and gone on from when Redis is away.
func (a *account) agree(c *sharedCharge, got answer, now time.Time) (warnings []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	a.settle(c.signal, c.debts, false)
	quotas := a.usage.quotas(c.signal, amount{}, c.terms.limits)
	for i := range quotas {
		q := &quotas[i]
		switch {
		case q.daily && c.debts.day != a.usage.Day, !q.daily && c.debts.month != a.usage.Month:
			// It is of a period that has ended meanwhile.
		case got.number > *a.newest(c.signal, q):
			*q.used = got.used[i] + a.owing(c.signal, q)
		default: // a newer answer came before this one, and counts what was told
			*q.used -= c.debts.owed.part(true, q)
		}
	}
	for i := range quotas {
		newest := a.newest(c.signal, &quotas[i])
		*newest = max(*newest, got.number)
	}
	if (got.over.reason == rejection.Rate || got.over.reason == rejection.Quota && exhausted(quotas[:])) && !c.terms.force {
		a.shared.refused[c.signal] = rememberedRefusal{
			over: got.over, limits: *c.terms.limits, until: now.Add(got.over.wait), ask: now.Add(min(got.over.wait, maxRemembered)),
		}
	}
	return warningsOf(quotas[:], c.signal, c.terms)
}

// exhausted tells whether a quota has nothing left, so that nobody can take from it,
// however little.
func exhausted(quotas []quota) bool {
	for _, q := range quotas {
		if q.limit > 0 && *q.used >= q.limit {
			return true
		}
	}
	return false
}

// newest is the number of the answer that q is of.
func (a *account) newest(signal tenant.Signal, q *quota) *int64 {
	if q.what == totalBytes || q.what == totalRecords {
		return &a.shared.newest[len(a.shared.newest)-1]
	}
	return &a.shared.newest[signal]
}
