package tenantprocessor

import (
	"context"
	"errors"
	"iter"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// registerTenantMetrics adds the metrics that have series for each tenant. They
// are read from the accounts, so that a tenant that leaves the registry takes its
// series along.
func (l *limiter) registerTenantMetrics() error {
	return errors.Join(
		l.telemetry.RegisterProcessorTenantQuotaUseCallback(l.observeQuotas),
		l.telemetry.RegisterProcessorTenantRateUseCallback(l.observeRates),
		l.telemetry.RegisterProcessorTenantLimitedRecordsCallback(l.observeOver),
	)
}

// known yields the accounts of tenants that the registry knows.
func (l *limiter) known() iter.Seq2[*tenant.Tenant, *account] {
	return func(yield func(*tenant.Tenant, *account) bool) {
		snapshot := l.registry.Snapshot()
		if snapshot == nil {
			return
		}
		l.mu.RLock()
		defer l.mu.RUnlock()
		for id, a := range l.accounts {
			if t := snapshot.Tenant(id); t != nil && !yield(t, a) {
				return
			}
		}
	}
}

// observeQuotas tells the used share of each quota.
func (l *limiter) observeQuotas(_ context.Context, o metric.Float64Observer) error {
	now := l.now()
	for t, a := range l.known() {
		u := a.use(now)
		for _, signal := range tenant.AllSignals() {
			for _, q := range u.quotas(signal, amount{}, &t.Limits) {
				if q.limit == 0 || q.total() && signal != tenant.Logs { // those of all signals once
					continue
				}
				o.Observe(q.share(l.divisor()), metric.WithAttributes(q.attributes(t.ID, signal)...))
			}
		}
	}
	return nil
}

// total tells whether q is over all signals.
func (q *quota) total() bool { return q.what == totalBytes || q.what == totalRecords }

func (q *quota) attributes(id tenant.ID, signal tenant.Signal) []attribute.KeyValue {
	period, of, unit := "month", signal.String(), unitRecords
	if q.daily {
		period = "day"
	}
	if q.total() {
		of = "all"
	}
	if q.what == totalBytes || q.what == signalBytes {
		unit = unitBytes
	}
	return []attribute.KeyValue{
		attribute.String("tenant", string(id)), attribute.String("period", period),
		attribute.String("signal", of), attribute.String("unit", unit),
	}
}

const (
	unitRecords = "records"
	unitBytes   = "bytes"
)

// observeRates tells how much of each burst is used. What is shared is in Redis
// and not told.
func (l *limiter) observeRates(_ context.Context, o metric.Float64Observer) error {
	if l.shared != nil {
		return nil
	}
	now := l.now()
	for t, a := range l.known() {
		terms := l.terms(&t.Limits)
		for _, signal := range tenant.AllSignals() {
			records, bytes := a.rateUse(signal, terms, now)
			for unit, use := range map[string]float64{unitRecords: records, unitBytes: bytes} {
				if use >= 0 {
					o.Observe(use, metric.WithAttributes(attribute.String("tenant", string(t.ID)),
						attribute.String("signal", signal.String()), attribute.String("unit", unit)))
				}
			}
		}
	}
	return nil
}

// observeOver tells what was over a limit.
func (l *limiter) observeOver(_ context.Context, o metric.Int64Observer) error {
	for t, a := range l.known() {
		for _, signal := range tenant.AllSignals() {
			for reason, n := range a.over(signal) {
				if n > 0 {
					o.Observe(n, metric.WithAttributes(attribute.String("tenant", string(t.ID)),
						attribute.String("signal", signal.String()), attribute.String("reason", reason.String())))
				}
			}
		}
	}
	return nil
}

func (l *limiter) observeShared(_ context.Context, o metric.Int64Observer) error {
	up := int64(1)
	if l.shared.failed.Load() {
		up = 0
	}
	o.Observe(up)
	return nil
}
