package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lastend"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/storageclient"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	endpointConcurrency = 64
	maxInFlight         = 256
	laneIdleTimeout     = time.Minute
	sweepInterval       = 30 * time.Second
)

// router accepts data for lanes. It serves all signals of one configuration.
type router struct {
	cfg *Config
	set exporter.Settings

	registry   tenant.Registry // nil: there are the tenants that data names
	named      *named          // nil: there is a registry
	plans      *plans
	totals     *converters
	pool       *backend.Pool
	store      *store.Store      // nil without storage
	letters    *deadLetters      // nil: refused data is dropped
	run        *lastend.Recorder // nil: another keeps it, or nobody
	stateDir   string            // of storage; empty: not known
	want       diskWant
	scheduler  atomic.Pointer[lane.Scheduler] // nil before start
	rejected   rejectedRequests
	routes     atomic.Pointer[healthboard.Routes] // nil: there are no faults
	boards     rejection.Boards
	recovery   *recovery.Recoverer
	reported   atomic.Int64 // Unix time of the last report of failing storage
	telemetry  *telemetry
	laneIdle   time.Duration
	migrations migrations

	changed     chan struct{} // the registry has a new snapshot
	stop        chan struct{}
	tasks       sync.WaitGroup
	unsubscribe func()
	unpost      []func() // take the lanes off the boards of health
}

func newRouter(cfg *Config, set exporter.Settings) *router {
	return &router{
		cfg: cfg, set: set, laneIdle: laneIdleTimeout, recovery: recovery.New(set.Logger),
		changed: make(chan struct{}, 1), stop: make(chan struct{}),
	}
}

func (r *router) start(ctx context.Context, host component.Host) (err error) {
	if !r.cfg.hasRegistry() {
		r.named = newNamed(r.cfg.MaxTenants)
	} else if r.registry, err = tenant.FindRegistry(host, r.cfg.Registry); err != nil {
		return err
	}
	r.boards = rejection.FindBoards(host)
	safetext.StandardLog()
	r.pool = backend.NewPool(r.set.TelemetrySettings, r.set.BuildInfo, host, r.recovery)
	destinations := make(map[string]*backend.Destination, len(r.cfg.Destinations))
	for name, d := range r.cfg.Destinations {
		if destinations[name], err = d.compile(name, r.pool, r.cfg); err != nil {
			return err
		}
		if destinations[name].Ordered() && r.cfg.Lane.Concurrency > defaultConcurrency {
			r.set.Logger.Warn(`"lane::concurrency" does not hold for a destination that takes samples in order only: it gets one batch of a lane at a time`,
				zap.String("destination", name), zap.Int("concurrency", r.cfg.Lane.Concurrency))
		}
	}
	r.plans = newPlans(destinations, &r.cfg.Routes, r.cfg.References.policy())
	// What fails below leaves nothing open: a component whose Start failed is
	// not shut down.
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(context.WithoutCancel(ctx)))
		}
	}()
	var desk *deadletter.Desk // nil: there are no dead letters
	if r.cfg.DeadLetter.HasValue() {
		if r.letters, err = openDeadLetters(r.cfg, r.set.Logger); err != nil {
			return err
		}
		if desk, err = deadletter.OpenDesk(r.cfg.DeadLetter.Get().Directory); err != nil {
			return fmt.Errorf("dead_letter: %w", err)
		}
	}
	var left []lane.Part
	if r.cfg.Storage != nil {
		if left, err = r.openStore(ctx, host); err != nil {
			return err
		}
	}
	r.totals = newConverters(&r.cfg.Delta, r.gatewayID(destinations))
	sched := lane.NewScheduler(r.laneSettings())
	for _, part := range left {
		if part.Payload.Deaths >= store.PoisonDeaths {
			r.quarantine(ctx, sched, part)
			continue
		}
		sched.Recover(part)
	}
	if r.telemetry, err = newTelemetry(r, sched); err != nil {
		return err
	}
	r.scheduler.Store(sched)
	if r.cfg.Storage != nil {
		r.warnOfOrphanedQueues(host)
		r.openMigrations(ctx, host, left)
	}
	r.subscribe()
	for _, board := range healthboard.Find(host) {
		r.unpost = append(r.unpost, board.PostLanes(r.set.ID, r.health))
	}
	r.unpost = append(r.unpost, condition.Post(host, component.KindExporter, r.set.ID, newLosses(r, time.Now).findings))
	sched.Start()
	r.recovery.Keep(r.stop, &r.tasks, "following the registry", r.followRegistry)
	if desk != nil {
		r.recovery.Keep(r.stop, &r.tasks, "replaying dead letters", func() { r.followReplays(desk) })
	}
	r.recovery.Keep(r.stop, &r.tasks, "closing what is idle", r.sweep)
	if len(r.migrations.list) > 0 {
		r.recovery.Keep(r.stop, &r.tasks, "delivering queues of earlier versions", r.migrate)
	}
	return nil
}

// subscribe has changes of the registry looked at, if there is one, and what was loaded before.
func (r *router) subscribe() {
	r.unsubscribe = func() {}
	if r.registry == nil {
		return
	}
	changed := func(*tenant.Snapshot) {
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
	r.unsubscribe = r.registry.Subscribe(changed)
	changed(nil)
}

func (r *router) laneSettings() lane.Settings {
	c := r.cfg
	set := lane.Settings{
		Config: lane.Config{
			MaxBytes: int64(c.Lane.MaxBytes), MaxAge: c.Lane.MaxAge,
			BatchMaxBytes: int(c.Lane.Batch.MaxBytes), BatchTimeout: c.Lane.Batch.Timeout, Concurrency: c.Lane.Concurrency,
			RetryInitial: c.Retry.InitialInterval, RetryMax: c.Retry.MaxInterval,
			BreakerFailures: c.CircuitBreaker.Failures, BreakerOpen: c.CircuitBreaker.Open,
			MaxTotalBytes: int64(c.MaxTotalBytes), MaxMemoryBytes: int64(c.MaxMemoryBytes),
			EntryBytes: store.EntryMemory, EntryMemory: store.EntryMemory,
			EndpointConcurrency: endpointConcurrency, InFlight: maxInFlight, IdleTimeout: r.laneIdle,
		},
		Precompress: r.pool.Precompress,
		Cut:         r.pool.Cut,
		Logger:      r.set.Logger,
		PerTenant:   c.Metrics.Tenant,
	}
	if r.store != nil {
		set.Store = &safeStore{r.store, r.recovery}
		set.Space, set.Watch, set.EntryBytes = r.store.Space, r.store.Watch, store.EntryDisk
	}
	if r.letters != nil {
		set.Refused = r.keepDeadLetter
	}
	return set
}

// openStore returns what an earlier run left, with targets as far as the
// registry knows the tenants by now.
func (r *router) openStore(ctx context.Context, host component.Host) ([]lane.Part, error) {
	ext, err := storageclient.Find(host, "storage", *r.cfg.Storage)
	if err != nil {
		return nil, err
	}
	owner := storageclient.Owner{Kind: component.KindExporter, ID: r.set.ID}
	s, parts, err := store.Open(ctx, store.Settings{
		Open:     func(ctx context.Context, name string) (storage.Client, error) { return ext.Open(ctx, owner, name) },
		Locate:   func(name string) (string, bool) { return ext.Locate(owner, name) },
		Logger:   r.set.Logger,
		MaxBytes: int64(r.cfg.MaxTotalBytes), Reserve: int64(r.cfg.StorageReserve),
		Fault: r.lastEnd(host, ext).Kind.Own(),
	})
	if err != nil {
		return nil, fmt.Errorf("failed to open the queue in storage: %w", err)
	}
	r.store = s
	for i := range parts {
		r.restoreTenant(parts[i].Payload.Tenant)
	}
	dir := r.directory()
	for i := range parts {
		p := parts[i].Payload
		for j := range parts[i].Routes {
			route := &parts[i].Routes[j]
			route.Target = r.plans.target(dir, lane.Key{Tenant: p.Tenant, Destination: route.Destination, Signal: p.Signal})
		}
	}
	return parts, nil
}

// followRegistry puts changes of tenants into force for what is queued; new
// requests look at the registry themselves.
func (r *router) followRegistry() {
	reported := make(map[string]bool)
	for {
		select {
		case <-r.stop:
			return
		case <-r.changed:
		}
		_ = r.recovery.Run("following the registry", func() { reported = r.retarget(reported) })
	}
}

func (r *router) retarget(reported map[string]bool) map[string]bool {
	snap := r.registry.Snapshot()
	if snap == nil {
		return reported
	}
	sched := r.scheduler.Load()
	r.plans.forget(snap)
	r.totals.forget(snap)
	sched.Retarget(func(k lane.Key) lane.Target { return r.plans.target(snap, k) })
	sched.Forget(func(id tenant.ID) bool { return snap.Tenant(id) == nil })
	return r.report(snap, reported)
}

// report logs which tenants have routes that cannot work, and which destinations they
// should not share, once each, and returns them.
func (r *router) report(snap *tenant.Snapshot, before map[string]bool) map[string]bool {
	now := make(map[string]bool)
	for _, name := range r.plans.shared(snap) {
		text := "shared: " + name
		now[text] = true
		if !before[text] {
			r.set.Logger.Warn("Several tenants share a destination that does not separate their data: anyone who may query it sees all of them. "+
				"Give each tenant an instance, by a variable in its endpoint, or put a proxy before it that tells them apart",
				zap.String("destination", name))
		}
	}
	var counts routeCounts
	for t := range snap.Tenants() {
		if t.Status != tenant.StatusActive {
			continue
		}
		faults := r.plans.check(t)
		counts.add(faults)
		if err := routeError(faults); err != nil {
			text := string(t.ID) + ": " + err.Error()
			now[text] = true
			if !before[text] {
				r.set.Logger.Warn("A tenant's routes do not work", zap.String("tenant", string(t.ID)), zap.String("problem", err.Error()))
			}
		}
	}
	r.routes.Store(counts.health())
	return now
}

func (r *router) sweep() {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case now := <-ticker.C:
			_ = r.recovery.Run("closing what is idle", func() { r.tidy(now) })
		}
	}
}

// tidy releases what has not been used for a while, and what belongs to tenants that are gone.
func (r *router) tidy(now time.Time) {
	r.pool.Sweep(now)
	r.want.look(now, r.set.Logger)
	r.totals.sweep(now)
	sched := r.scheduler.Load()
	if r.named != nil {
		used := sched.Tenants()
		r.totals.addTenants(used)
		r.named.forget(used)
	}
	if dir := r.directory(); dir != nil { // lanes may have closed since the tenant went
		r.plans.forget(dir)
		r.totals.forget(dir)
		sched.Forget(func(id tenant.ID) bool { return dir.Tenant(id) == nil })
	}
	if r.letters != nil {
		r.letters.tidy(now)
	}
}
