// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedlog"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadata"
)

// limiter applies the limits of the tenants in the registry. The processors of one configuration
// share it.
type limiter struct {
	cfg       LimitsConfig
	id        component.ID
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	now       func() time.Time
	registry  tenant.Registry
	signals   tenant.Signals // of the processors that share it
	unpost    []func()       // from the guards

	registryID    component.ID
	tenantMetrics bool
	attribute     string                 // that carries the tenant's ID
	owners        atomic.Pointer[owners] // of the current snapshot; nil: none was loaded
	limits        *ratelimit.Limiter     // nil before Start
	unsubscribe   func()
	activity      *activity.Tracker // nil: there is none
	store         *usageStore       // nil: counts do not survive a restart
	redis         *redisStore       // nil: limits are this gateway's own
}

func newLimiter(set processor.Settings, cfg *Config) (*limiter, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	registryID, _ := cfg.registryID()
	return &limiter{
		cfg: cfg.Limits, id: set.ID, registryID: registryID, attribute: cfg.Attribute,
		tenantMetrics: cfg.Metrics.Tenant || cfg.Limits.TenantMetrics,
		logger:        sharedlog.Logger(set.Logger), telemetry: telemetry, now: time.Now,
	}, nil
}

// Start implements component.Component.
func (l *limiter) Start(ctx context.Context, host component.Host) error {
	registry, err := tenant.FindRegistry(host, l.registryID)
	if err != nil {
		return err
	}
	if l.cfg.TenantMetrics {
		l.logger.Warn(`"limits::tenant_metrics" is deprecated: replace it by "metrics::tenant"`)
	}
	l.registry = registry
	l.telemetry.ProcessorTenantQuotaWarnings.Add(ctx, 0) // the series exists before the first event
	if l.cfg.Mode == LimitsWarn {
		for _, limit := range []ratelimit.Limit{ratelimit.RateLimit, ratelimit.QuotaLimit} {
			l.telemetry.ProcessorTenantOverLimitRecords.Add(ctx, 0, metric.WithAttributes(attribute.String("reason", reasonOf(limit).String())))
		}
	}
	set := ratelimit.Settings{
		Burst: l.cfg.Burst, WarnAt: l.cfg.WarnAt, WarnOnly: l.cfg.Mode == LimitsWarn, Gateways: l.cfg.Gateways,
		Warn: l.warn, Now: func() time.Time { return l.now() },
	}
	if l.cfg.Scope == ScopeShared {
		store, err := newRedisStore(ctx, &l.cfg.Redis, l.logger)
		if err != nil {
			return err
		}
		l.redis = store
		set.Shared, set.KeyPrefix, set.Outage = store, l.cfg.Redis.KeyPrefix, l.outage
		if err := l.telemetry.RegisterProcessorTenantSharedLimitsCallback(l.observeShared); err != nil {
			return err
		}
	}
	l.limits = ratelimit.New(set)
	if l.cfg.Storage != nil {
		if err := l.restore(ctx, host); err != nil {
			return err
		}
	}
	l.activity = activity.Find(host)
	l.unpost = append(l.unpost, l.activity.PostQuotas(l.id, l.quotas))
	l.unsubscribe = registry.Subscribe(func(snapshot *tenant.Snapshot) {
		l.owners.Store(newOwners(snapshot, l.attribute))
		l.limits.Retain(func(id tenant.ID) bool { return snapshot.Tenant(id) != nil })
	})
	for _, g := range guard.FindAll(host) {
		l.unpost = append(l.unpost, g.PostLimiter(l.peek))
	}
	if l.tenantMetrics {
		return l.registerTenantMetrics()
	}
	return nil
}

// restore continues from the saved counts, and begins to save them.
func (l *limiter) restore(ctx context.Context, host component.Host) error {
	lost := func(err error) {
		l.logger.Error("Failed to read the saved usage counters; quotas begin at zero", zap.Error(err))
	}
	store, err := openUsageStore(ctx, host, *l.cfg.Storage, l.id, lost)
	if err != nil {
		return err
	}
	saved, err := store.load(ctx)
	if err != nil {
		lost(err)
	}
	l.limits.Restore(saved)
	l.store, store.recovery = store, recovery.New(l.logger)
	store.keep(l.limits.Usages, func(err error) {
		l.logger.Error("Failed to save usage counters; a restart would lose them", diskspace.Fault(store.path, err)...)
	})
	return nil
}

// Shutdown implements component.Component. It saves the counts.
func (l *limiter) Shutdown(ctx context.Context) error {
	for _, remove := range l.unpost {
		remove()
	}
	if l.unsubscribe != nil {
		l.unsubscribe()
	}
	l.telemetry.Shutdown()
	if l.store != nil {
		// An error of Shutdown would end a collector that reloads its configuration, so
		// this one is only logged.
		if err := l.store.close(ctx, l.limits.LastUsages()); err != nil {
			l.logger.Error("Failed to save usage counters; after a restart they resume from the last save, or from zero", zap.Error(err))
		}
	}
	if l.redis != nil {
		return l.redis.close()
	}
	return nil
}

func (l *limiter) warn(id tenant.ID, text string) {
	l.telemetry.ProcessorTenantQuotaWarnings.Add(context.Background(), 1)
	l.logger.Warn(text, zap.String("tenant", string(id)))
}

func (l *limiter) outage(err error) {
	if err != nil {
		l.logger.Warn("Redis cannot be used; each gateway applies limits alone until it can be", zap.Error(err))
		return
	}
	l.logger.Info("Redis can be used again; limits are shared")
}

// charge charges o for a request, or returns the rejection for the limit that it is over.
func (l *limiter) charge(ctx context.Context, o *owner, signal tenant.Signal, records int, size func() int) (ratelimit.Receipt, *rejection.Error) {
	paid, over := l.limits.Charge(ctx, ratelimit.Request{
		Tenant: o.id, Limits: o.limits, Signal: signal, Records: records, Size: size,
	})
	if over.Limit == ratelimit.None {
		return paid, nil
	}
	if l.cfg.Mode == LimitsWarn {
		l.telemetry.ProcessorTenantOverLimitRecords.Add(ctx, int64(records),
			metric.WithAttributes(attribute.String("reason", reasonOf(over.Limit).String())))
		return paid, nil
	}
	return paid, rejectionOf(over)
}

// peek returns the error that a request would get from its limits now. It charges
// nothing. A guard calls it before a request is read, and before it is decoded, which
// costs far more than the check. Where the number of records is not known yet, or the
// size on the wire is not the size that counts, the request has the smallest size: what
// is uncertain is left to the charge.
func (l *limiter) peek(id tenant.ID, signal tenant.Signal, records int, bytes int64) error {
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
	over := l.limits.Peek(id, &t.Limits, signal, int64(records), bytes)
	if over.Limit == ratelimit.None {
		return nil
	}
	l.telemetry.ProcessorTenantRefusedRecords.Add(context.Background(), int64(records),
		metric.WithAttributes(attribute.String("reason", reasonOf(over.Limit).String())))
	return rejectionOf(over)
}

// quotas returns the use of the limits of a tenant.
func (l *limiter) quotas(t *tenant.Tenant) (all []activity.Quota) {
	for use := range l.limits.QuotaUse(t.ID, &t.Limits) {
		q := quotaOf(use)
		q.Period, q.Used = "month", use.Used
		if use.Daily {
			q.Period = "day"
		}
		all = append(all, q)
	}
	for use := range l.limits.RateUse(t.ID, &t.Limits) {
		q := quotaOf(use)
		q.Period = "second"
		all = append(all, q)
	}
	return all
}

func quotaOf(use ratelimit.Use) activity.Quota {
	q := activity.Quota{Signal: use.Signal.String(), Unit: "records", Limit: use.Limit, Share: use.Share}
	if use.Total {
		q.Signal = "all"
	}
	if use.InBytes {
		q.Unit = "bytes"
	}
	return q
}
