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

// known returns what Redis said of the quotas of signal, in their order, and what
// the account owes, which it owes no longer.
func (a *account) known(signal tenant.Signal, now time.Time) (used [numQuotas]int64, owed amount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.usage.turn(now)
	for i, q := range a.usage.quotas(signal, amount{}, &tenant.Limits{}) {
		used[i] = *q.used - a.owing(signal, q.what)
	}
	owed, a.shared.owed[signal] = a.shared.owed[signal], amount{}
	return used, owed
}

// owing returns what Redis is still to be told of a quota of signal.
func (a *account) owing(signal tenant.Signal, what quotaKind) (n int64) {
	switch what {
	case signalRecords:
		return a.shared.owed[signal].records
	case signalBytes:
		return a.shared.owed[signal].bytes
	}
	for _, owed := range a.shared.owed {
		if what == totalRecords {
			n += owed.records
		} else {
			n += owed.bytes
		}
	}
	return n
}

// owe notes what was counted here alone and Redis is still to be told.
func (a *account) owe(signal tenant.Signal, n amount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shared.owed[signal].records += n.records
	a.shared.owed[signal].bytes += n.bytes
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
