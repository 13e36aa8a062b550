package tenantprocessor

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadata"
)

// limiter holds all tenants to their limits. The processors of one component ID
// share it, because a quota is over all signals. Tenants have an account from
// their first data with a limit until they leave the registry.
type limiter struct {
	cfg       LimitsConfig
	id        component.ID
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	now       func() time.Time
	registry  tenant.Registry

	mu       sync.RWMutex
	accounts map[tenant.ID]*account

	startOnce   sync.Once
	startErr    error
	unsubscribe func()
	store       *usageStore // nil: nothing survives a restart
}

func newLimiter(set processor.Settings, cfg LimitsConfig) (*limiter, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &limiter{
		cfg: cfg, id: set.ID, logger: set.Logger, telemetry: telemetry,
		now: time.Now, accounts: map[tenant.ID]*account{},
	}, nil
}

// start is called by each processor that shares l.
func (l *limiter) start(ctx context.Context, host component.Host, registry tenant.Registry) error {
	l.startOnce.Do(func() { l.startErr = l.startNow(ctx, host, registry) })
	return l.startErr
}

func (l *limiter) startNow(ctx context.Context, host component.Host, registry tenant.Registry) error {
	l.registry = registry
	if l.cfg.Storage != nil {
		store, err := openUsageStore(ctx, host, *l.cfg.Storage, l.id)
		if err != nil {
			return err
		}
		saved, err := store.load(ctx)
		if err != nil {
			l.logger.Error("limits: what was counted before the start cannot be read, quotas begin anew", zap.Error(err))
		}
		for id, u := range saved {
			l.accounts[id] = &account{usage: u}
		}
		l.store = store
		store.keep(l.usages, func(err error) {
			l.logger.Error("limits: counts cannot be saved, a restart would lose them", zap.Error(err))
		})
	}
	l.unsubscribe = registry.Subscribe(l.forget)
	return l.telemetry.RegisterProcessorTenantQuotaUseCallback(l.observe)
}

// stop saves what was counted. It is called once, by the last of the processors.
func (l *limiter) stop(ctx context.Context) error {
	if l.unsubscribe != nil {
		l.unsubscribe()
	}
	l.telemetry.Shutdown()
	if l.store == nil {
		return nil
	}
	return l.store.close(ctx, l.usages())
}

// charge charges who for a request, unless it is over a limit. It asks for the
// size only if a limit is in bytes.
func (l *limiter) charge(ctx context.Context, who owner, signal tenant.Signal, records int, size func() int) (receipt, excess) {
	n := amount{records: int64(records)}
	if who.limits.Rates[signal].BytesPerSecond > 0 || who.limits.DailyBytes > 0 || who.limits.MonthlyBytes > 0 {
		n.bytes = int64(size())
	}
	account := l.account(who.id)
	over, warnings := account.charge(signal, n, terms{
		limits: who.limits, burst: l.cfg.Burst, warnAt: l.cfg.WarnAt, force: l.cfg.Mode == LimitsWarn,
	}, l.now())
	for _, text := range warnings {
		l.logger.Warn("limits: "+text, zap.String("tenant", string(who.id)))
	}
	if over.reason == passed {
		return receipt{account, signal, n}, excess{}
	}
	if l.cfg.Mode == LimitsWarn {
		l.telemetry.ProcessorTenantOverLimitRecords.Add(ctx, n.records,
			metric.WithAttributes(attribute.String("reason", over.reason.String())))
		return receipt{}, excess{}
	}
	return receipt{}, over
}

// receipt is what was charged for one request.
type receipt struct {
	account *account
	signal  tenant.Signal
	amount  amount
}

// refund is for a request that was refused further on: its sender comes again
// and is charged again.
func (r receipt) refund() {
	if r.account != nil {
		r.account.refund(r.signal, r.amount)
	}
}

func (l *limiter) account(id tenant.ID) *account {
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

// forget closes the accounts of tenants that snapshot does not know.
func (l *limiter) forget(snapshot *tenant.Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.accounts {
		if snapshot.Tenant(id) == nil {
			delete(l.accounts, id)
		}
	}
}

// usages returns what the accounts have counted.
func (l *limiter) usages() map[tenant.ID]usage {
	now := l.now()
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make(map[tenant.ID]usage, len(l.accounts))
	for id, a := range l.accounts {
		if u := a.use(now); u.MonthBytes > 0 {
			all[id] = u
		}
	}
	return all
}

func (l *limiter) observe(_ context.Context, o metric.Float64Observer) error {
	snapshot := l.registry.Snapshot()
	if snapshot == nil {
		return nil
	}
	for id, u := range l.usages() {
		t := snapshot.Tenant(id)
		if t == nil {
			continue
		}
		if quota := t.Limits.DailyBytes; quota > 0 {
			o.Observe(share(u.DayBytes, quota), metric.WithAttributes(attribute.String("tenant", string(id)), attribute.String("period", "day")))
		}
		if quota := t.Limits.MonthlyBytes; quota > 0 {
			o.Observe(share(u.MonthBytes, quota), metric.WithAttributes(attribute.String("tenant", string(id)), attribute.String("period", "month")))
		}
	}
	return nil
}
