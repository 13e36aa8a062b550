package tenantprocessor

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedlog"
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
	signals   tenant.Signals // of the processors that share it
	unpost    []func()       // from the guards

	mu       sync.RWMutex
	accounts map[tenant.ID]*account

	startOnce   sync.Once
	startErr    error
	unsubscribe func()
	store       *usageStore   // nil: nothing survives a restart
	shared      *sharedLimits // nil: limits are this gateway's alone
}

func newLimiter(set processor.Settings, cfg LimitsConfig) (*limiter, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &limiter{
		cfg: cfg, id: set.ID, logger: sharedlog.Logger(set.Logger), telemetry: telemetry,
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
	if l.cfg.Scope == ScopeShared {
		shared, err := newSharedLimits(ctx, &l.cfg.Redis, l.logger, l.now)
		if err != nil {
			return err
		}
		l.shared = shared
		if err := l.telemetry.RegisterProcessorTenantSharedLimitsCallback(l.observeShared); err != nil {
			return err
		}
	}
	if l.cfg.Storage != nil {
		lost := func(err error) {
			l.logger.Error("limits: what was counted before the start cannot be read, quotas begin at zero", zap.Error(err))
		}
		store, err := openUsageStore(ctx, host, *l.cfg.Storage, l.id, lost)
		if err != nil {
			return err
		}
		saved, err := store.load(ctx)
		if err != nil {
			lost(err)
		}
		for id, u := range saved {
			l.accounts[id] = restored(u)
		}
		l.store, store.recovery = store, recovery.New(l.logger)
		store.keep(l.usages, func(err error) {
			l.logger.Error("limits: counts cannot be saved, a restart would lose them", diskspace.Fault(store.path, err)...)
		})
	}
	l.unsubscribe = registry.Subscribe(l.forget)
	l.postTo(host)
	if l.cfg.TenantMetrics {
		return l.registerTenantMetrics()
	}
	return nil
}

// stop saves what was counted. It is called once, by the last of the processors.
func (l *limiter) stop(ctx context.Context) error {
	for _, remove := range l.unpost {
		remove()
	}
	if l.unsubscribe != nil {
		l.unsubscribe()
	}
	l.telemetry.Shutdown()
	var errs []error
	if l.store != nil {
		// Returned, an error would end a collector that is asked to read its
		// configuration again.
		if err := l.store.close(ctx, l.lastUsages()); err != nil {
			l.logger.Error("limits: counts cannot be saved, they begin at zero or where they were saved last", zap.Error(err))
		}
	}
	if l.shared != nil {
		errs = append(errs, l.shared.close())
	}
	return errors.Join(errs...)
}

// charge charges who for a request, unless it is over a limit. It asks for the
// size only if a limit is in bytes.
func (l *limiter) charge(ctx context.Context, who owner, signal tenant.Signal, records int, size func() int) (receipt, excess) {
	n := amount{records: int64(records)}
	if who.limits.InBytes(signal) {
		n.bytes = int64(size())
	}
	t := l.terms(who.limits)
	paid := receipt{limiter: l, account: l.account(who.id), tenant: who.id, signal: signal, amount: n, terms: t, at: l.now()}
	over, warnings := l.chargeShared(ctx, &paid)
	if !paid.shared {
		over, warnings = paid.account.charge(signal, n, t, l.now())
	}
	if len(warnings) > 0 {
		l.telemetry.ProcessorTenantQuotaWarnings.Add(ctx, int64(len(warnings)))
	}
	for _, text := range warnings {
		l.logger.Warn("limits: "+text, zap.String("tenant", string(who.id)))
	}
	if over.reason == rejection.None {
		return paid, excess{}
	}
	paid.account.noteOver(signal, over.reason, n.records)
	if l.cfg.Mode == LimitsWarn {
		l.telemetry.ProcessorTenantOverLimitRecords.Add(ctx, n.records,
			metric.WithAttributes(attribute.String("reason", over.reason.String())))
		return receipt{}, excess{}
	}
	return receipt{}, over
}

// countRefused counts records that were refused before a processor saw them.
func (l *limiter) countRefused(records int, why rejection.Reason) {
	l.telemetry.ProcessorTenantRefusedRecords.Add(context.Background(), int64(records),
		metric.WithAttributes(attribute.String("reason", why.String())))
}

// chargeShared charges for a request in Redis and notes in paid that it did. It
// does not if limits are not shared or Redis is away.
func (l *limiter) chargeShared(ctx context.Context, paid *receipt) (over excess, warnings []string) {
	if l.shared == nil || l.shared.away() {
		return excess{}, nil
	}
	now := l.now()
	a := paid.account
	if !paid.terms.force {
		if over, ok := a.recall(paid.signal, paid.terms.limits, now); ok {
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
		return excess{}, nil
	}
	paid.shared = true
	return got.over, a.agree(&c, got, now)
}

// call asks Redis and reports what the account owes. It does not report while it is
// not known that Redis is back: what is reported to a Redis that answers too late is
// reported again, and counts twice. The caller passes the answer to a.agree.
func (l *limiter) call(ctx context.Context, a *account, c *sharedCharge, now time.Time) (answer, error) {
	c.debts = a.debts(c.signal, !l.shared.failed.Load(), now)
	got, err := l.shared.do(ctx, *c, now)
	if ctx.Err() == nil {
		l.shared.note(err) // a caller that went away says nothing of Redis
	}
	if err != nil {
		a.fail(c.signal, c.debts)
	}
	return got, err
}

// terms are the conditions for a tenant with limits.
func (l *limiter) terms(limits *tenant.Limits) terms {
	t := terms{
		limits: limits, burst: l.cfg.Burst, warnAt: l.cfg.WarnAt, force: l.cfg.Mode == LimitsWarn,
		rateGateways: l.cfg.Gateways, quotaGateways: l.divisor(), owe: l.shared != nil,
	}
	if limits.Burst > 0 {
		t.burst = limits.Burst
	}
	return t
}

// receipt is what was charged for one request.
type receipt struct {
	limiter *limiter
	account *account
	tenant  tenant.ID
	signal  tenant.Signal
	amount  amount
	terms   terms
	shared  bool // in Redis, not here
	at      time.Time
}

// refund is for a request that was refused further on: its sender comes again
// and is charged again.
func (r *receipt) refund(ctx context.Context) {
	switch {
	case r.account == nil:
	case r.shared:
		r.refundShared(context.WithoutCancel(ctx))
	default:
		r.account.refund(r.signal, r.amount, r.terms, r.at)
	}
}

// refundShared gives back in Redis. What cannot be given back to a quota now, or is
// of the day before, is owed; what a rate has too little is small and soon forgotten.
func (r *receipt) refundShared(ctx context.Context) {
	l, now := r.limiter, r.limiter.now()
	c := sharedCharge{mode: chargeModeGive, tenant: r.tenant, signal: r.signal, amount: r.amount, terms: r.terms}
	var got answer
	err := errRedisPaused
	if !l.shared.away() && now.Sub(r.at) < untilTomorrow(r.at) {
		got, err = l.call(ctx, r.account, &c, now)
	}
	if err != nil {
		r.account.giveBack(r.signal, r.amount, r.at)
		return
	}
	r.account.agree(&c, got, now)
}

var errRedisPaused = errors.New("limits: Redis is left alone for a moment")

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
		if u := a.use(now); !u.empty() {
			all[id] = u
		}
	}
	return all
}

// lastUsages returns usages with what was not reported to Redis. A crash must not
// report it twice, so it is saved once reports have ended.
func (l *limiter) lastUsages() map[tenant.ID]usage {
	all := l.usages()
	l.mu.RLock()
	defer l.mu.RUnlock()
	for id, u := range all {
		u.Owed = l.accounts[id].owes()
		all[id] = u
	}
	return all
}

// divisor is among how many gateways quotas are divided.
func (l *limiter) divisor() int {
	if l.shared != nil {
		return 1
	}
	return l.cfg.Gateways
}
