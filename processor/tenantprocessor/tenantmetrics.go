// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"errors"
	"iter"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// registerTenantMetrics adds the metrics that have series for each tenant. They are read
// from the accounts, so that the series of a tenant end when it leaves the registry.
func (l *limiter) registerTenantMetrics() error {
	return errors.Join(
		l.telemetry.RegisterProcessorTenantQuotaUseCallback(l.observeQuotas),
		l.telemetry.RegisterProcessorTenantRateUseCallback(l.observeRates),
		l.telemetry.RegisterProcessorTenantLimitedRecordsCallback(l.observeOver),
	)
}

// tenants yields the tenants of the registry.
func (l *limiter) tenants() iter.Seq[*tenant.Tenant] {
	snapshot := l.registry.Snapshot()
	if snapshot == nil {
		return func(func(*tenant.Tenant) bool) {}
	}
	return snapshot.Tenants()
}

// observeQuotas reports the used share of each quota.
func (l *limiter) observeQuotas(_ context.Context, o metric.Float64Observer) error {
	for t := range l.tenants() {
		for use := range l.limits.QuotaUse(t.ID, &t.Limits) {
			period := "month"
			if use.Daily {
				period = "day"
			}
			o.Observe(use.Share, metric.WithAttributes(append(useAttributes(t.ID, use), attribute.String("period", period))...))
		}
	}
	return nil
}

// observeRates reports the used share of each burst.
func (l *limiter) observeRates(_ context.Context, o metric.Float64Observer) error {
	for t := range l.tenants() {
		for use := range l.limits.RateUse(t.ID, &t.Limits) {
			o.Observe(use.Share, metric.WithAttributes(useAttributes(t.ID, use)...))
		}
	}
	return nil
}

func useAttributes(id tenant.ID, use ratelimit.Use) []attribute.KeyValue {
	signal, unit := use.Signal.String(), "records"
	if use.Total {
		signal = "all"
	}
	if use.InBytes {
		unit = "bytes"
	}
	return []attribute.KeyValue{
		attribute.String("tenant", string(id)), attribute.String("signal", signal), attribute.String("unit", unit),
	}
}

// observeOver reports the records that were over a limit.
func (l *limiter) observeOver(_ context.Context, o metric.Int64Observer) error {
	for t := range l.tenants() {
		for _, signal := range tenant.AllSignals() {
			for limit, n := range l.limits.Over(t.ID, signal) {
				if n > 0 {
					o.Observe(n, metric.WithAttributes(attribute.String("tenant", string(t.ID)),
						attribute.String("signal", signal.String()), attribute.String("reason", reasonOf(limit).String())))
				}
			}
		}
	}
	return nil
}

// observeShared reports whether limits are shared at present.
func (l *limiter) observeShared(_ context.Context, o metric.Int64Observer) error {
	up := int64(0)
	if l.limits.SharedWorks() {
		up = 1
	}
	o.Observe(up)
	return nil
}
