package tenantprocessor

import (
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// postTo has the guards of host ask l before a request is read, and before it is
// decoded and stamped, which costs far more than a limit.
func (l *limiter) postTo(host component.Host) {
	for _, g := range guard.FindAll(host) {
		l.unpost = append(l.unpost, g.PostLimiter(l.over))
	}
}

// over returns the error that a request would get from its limits now. It charges
// nothing. No records ask before they are known, and no bytes where the size on the
// wire says nothing about the size that counts: then a request is of the smallest
// size, so that what is not sure is left to the charge.
func (l *limiter) over(id tenant.ID, signal tenant.Signal, records int, bytes int64) error {
	if l.cfg.Mode == LimitsWarn || !l.signals.Has(signal) {
		return nil
	}
	snapshot := l.registry.Snapshot()
	if snapshot == nil {
		return nil
	}
	t := snapshot.Tenant(id)
	if t == nil || t.Limits == (tenant.Limits{}) {
		return nil
	}
	l.mu.RLock()
	a := l.accounts[id]
	l.mu.RUnlock()
	if a == nil {
		return nil // it has sent nothing yet
	}
	now := l.now()
	over := l.peek(a, signal, amount{max(1, int64(records)), max(1, bytes)}, &t.Limits, now)
	if over.reason == rejection.None {
		return nil
	}
	a.noteOver(signal, over.reason, int64(records))
	l.countRefused(records, over.reason)
	return rejectionOf(over)
}

// peek asks the account alone: a question to Redis would cost every request another
// one. What Redis has refused is remembered for as long as it is sure to hold.
func (l *limiter) peek(a *account, signal tenant.Signal, n amount, limits *tenant.Limits, now time.Time) excess {
	if l.shared != nil && !l.shared.away() {
		over, _ := a.recall(signal, limits, now)
		return over
	}
	return a.peek(signal, n, l.terms(limits), now)
}

// peek returns the limit that charge would find exceeded, and changes nothing.
func (a *account) peek(signal tenant.Signal, n amount, t terms, now time.Time) (over excess) {
	a.mu.Lock()
	defer a.mu.Unlock()
	usage, records, bytes := a.usage, a.records[signal], a.bytes[signal]
	usage.turn(now)
	quotas := usage.quotas(signal, n, t.limits)
	exceeded(&over, quotas[:], signal, t, now)
	rate := t.limits.Rates[signal]
	records.exceed(&over, rate.RecordsPerSecond, t, now, func() string { return recordRate(rate, signal) })
	bytes.exceed(&over, rate.BytesPerSecond, t, now, func() string { return byteRate(rate, signal) })
	return over
}
