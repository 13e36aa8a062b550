// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
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

const (
	// closeTimeout bounds how long closing files and connections may take after shutdown_timeout. The
	// collector's context has no deadline, and a disk that hangs would block the shutdown.
	closeTimeout = 10 * time.Second

	// leastClose is how long a shutdown waits for this even if its context has ended.
	leastClose = time.Second
)

// router accepts requests and routes them to lanes. It serves all signals of one configuration.
type router struct {
	cfg *Config
	set exporter.Settings

	registry   tenant.Registry  // nil: the tenants are those that resources name
	observed   *observedTenants // nil: there is a registry
	plans      *plans
	totals     *converters
	pool       *backend.Pool
	store      *store.Store      // nil without storage
	letters    *deadLetters      // nil: rejected data is dropped
	run        *lastend.Recorder // nil: another component records it, or none does
	stateDir   string            // of storage; empty: not known
	shortage   *diskShortage
	scheduler  atomic.Pointer[lane.Scheduler] // nil before start
	rejected   rejectedRequests
	routes     atomic.Pointer[healthboard.Routes] // nil: there are no faults
	boards     rejection.Boards
	recovery   *recovery.Recoverer
	reported   atomic.Int64 // Unix time of the last log line about failing storage
	telemetry  *telemetry
	helped     *helped
	laneIdle   time.Duration
	migrations migrations

	changed     chan struct{} // the registry has a new snapshot
	stop        chan struct{}
	tasks       sync.WaitGroup
	unsubscribe func()
	unpost      []func() // from boards
}

func newRouter(cfg *Config, set exporter.Settings) *router {
	r := &router{
		cfg: cfg, set: set, laneIdle: laneIdleTimeout, recovery: recovery.New(set.Logger),
		changed: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	r.shortage = r.newShortage()
	return r
}

func (r *router) start(ctx context.Context, host component.Host) (err error) {
	if !r.cfg.hasRegistry() {
		r.observed = newObservedTenants(r.cfg.MaxTenants)
	} else if r.registry, err = tenant.FindRegistry(host, r.cfg.Registry); err != nil {
		return err
	}
	if r.helped, err = newHelped(r.set); err != nil {
		return err
	}
	r.boards = rejection.FindBoards(host)
	safetext.StandardLog(r.set.Logger)
	r.pool = backend.NewPool(r.set.TelemetrySettings, r.set.BuildInfo, host, r.recovery)
	destinations := make(map[string]*backend.Destination, len(r.cfg.Destinations))
	for name, d := range r.cfg.Destinations {
		if destinations[name], err = d.compile(name, r.pool, r.cfg); err != nil {
			return err
		}
		if destinations[name].Ordered() && r.cfg.Lane.Concurrency > defaultConcurrency {
			r.set.Logger.Warn(`"lane::concurrency" does not apply to a destination that accepts samples in order only: a lane sends it one batch at a time`,
				zap.String("destination", name), zap.Int("concurrency", r.cfg.Lane.Concurrency))
		}
	}
	r.plans = newPlans(destinations, &r.cfg.Routes, r.cfg.References.policy())
	// Close what is open if a later step fails: the collector does not shut down a component whose
	// Start failed.
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(context.WithoutCancel(ctx)))
		}
	}()
	var requests *deadletter.RequestQueue // nil: there are no dead letters
	if r.cfg.DeadLetter.HasValue() {
		if r.letters, err = openDeadLetters(r.cfg, r.set.Logger); err != nil {
			return err
		}
		if requests, err = deadletter.OpenRequestQueue(r.cfg.DeadLetter.Get().Directory); err != nil {
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
	for _, board := range direct.FindAll(host) {
		r.unpost = append(r.unpost, board.PostSink(r.set.ID, r))
	}
	for _, board := range healthboard.Find(host) {
		r.unpost = append(r.unpost, board.PostLanes(r.set.ID, r.health))
	}
	if r.cfg.hasRegistry() {
		r.unpost = append(r.unpost, activity.Find(host).PostDeliveries(r.set.ID, deliveries{r}))
	}
	r.unpost = append(r.unpost, condition.Post(host, component.KindExporter, r.set.ID, newLosses(r, time.Now).findings))
	sched.Start()
	r.recovery.Keep(r.stop, &r.tasks, "following the registry", r.followRegistry)
	if requests != nil {
		r.recovery.Keep(r.stop, &r.tasks, "replaying dead letters", func() { r.followReplays(requests) })
	}
	r.recovery.Keep(r.stop, &r.tasks, "closing what is idle", r.sweep)
	if len(r.migrations.list) > 0 {
		r.recovery.Keep(r.stop, &r.tasks, "delivering queues of earlier versions", r.migrate)
	}
	return nil
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
		set.Rejected = r.keepDeadLetter
	}
	return set
}

// openStore opens the queue and returns what an earlier run left, with the targets of tenants that are
// known already.
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

// tidy releases resources that were not used for a while and those of removed tenants.
func (r *router) tidy(now time.Time) {
	r.pool.Sweep(now)
	r.shortage.look(now)
	r.totals.sweep(now)
	sched := r.scheduler.Load()
	if r.observed != nil {
		used := sched.Tenants()
		r.totals.addTenants(used)
		r.observed.forget(used)
	}
	if dir := r.directory(); dir != nil { // lanes may have closed since a tenant was removed
		r.plans.forget(dir)
		r.totals.forget(dir)
		sched.Forget(func(id tenant.ID) bool { return dir.Tenant(id) == nil })
	}
	if r.letters != nil {
		r.letters.tidy(now)
		if dir := r.directory(); dir != nil {
			r.letters.forget(func(id tenant.ID) bool { return dir.Tenant(id) == nil })
		}
	}
}

// shutdown returns within ctx, or leastClose after it. Work that waits for a disk that hangs continues in
// the background.
func (r *router) shutdown(ctx context.Context) error {
	r.unsubscribe()
	for _, remove := range r.unpost {
		remove()
	}
	close(r.stop)
	ctx, cancel := context.WithTimeout(ctx, r.cfg.ShutdownTimeout+closeTimeout)
	ended := make(chan struct{})
	var ending sync.WaitGroup // nothing waits for it, because a disk may hang
	r.recovery.Go(&ending, "shutting down", func() {
		defer cancel()
		defer close(ended)
		r.end(ctx)
	})
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	last := time.NewTimer(leastClose)
	defer last.Stop()
	select {
	case <-ended:
	case <-last.C:
		r.set.Logger.Error("The shutdown continues without waiting for a disk or a backend that does not answer. Accepted data is in storage; the last delivered batches may be delivered again. Check the disk of these directories",
			zap.Strings("directories", r.directories()))
	}
	return nil
}

// end delivers what it can and closes everything.
func (r *router) end(ctx context.Context) {
	wait := r.cfg.ShutdownTimeout
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)*3/4) // leave time for closing
	}
	deliver, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if r.waitForTasks(wait / 4) { // otherwise a queue that is migrated is still in use
		r.closeMigrations(context.WithoutCancel(ctx))
	}
	sched := r.scheduler.Load()
	sched.Shutdown(deliver)
	r.logDropped(sched)
	// An error of Shutdown would end a collector that reloads its configuration.
	if err := errors.Join(r.telemetry.shutdown(), r.close(context.WithoutCancel(ctx))); err != nil {
		r.set.Logger.Error("Failed to close all files and connections; the last delivered batches may be delivered again", zap.Error(err))
	}
}

// waitForTasks waits for the goroutines of the router, and reports whether they have ended. One that
// writes to a disk that hangs must not prevent the delivery of lanes.
func (r *router) waitForTasks(most time.Duration) bool {
	ended := make(chan struct{})
	var waiting sync.WaitGroup
	r.recovery.Go(&waiting, "waiting for tasks", func() {
		r.tasks.Wait()
		close(ended)
	})
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

// directories returns the known directories that the exporter writes to.
func (r *router) directories() (list []string) {
	if r.stateDir != "" {
		list = append(list, r.stateDir)
	}
	if r.cfg.DeadLetter.HasValue() {
		list = append(list, r.cfg.DeadLetter.Get().Directory)
	}
	for _, d := range r.cfg.Destinations {
		if d.Archive.HasValue() {
			list = append(list, d.Archive.Get().Directory)
		}
	}
	slices.Sort(list)
	return list
}

// logDropped logs what the shutdown dropped, because the metrics of a collector that has ended are not
// collected any more.
func (r *router) logDropped(sched *lane.Scheduler) {
	lost := make(map[lane.StatsKey]int64)
	for key, st := range sched.Observe() {
		if n := st.Dropped[lane.ReasonShutdown]; n > 0 {
			lost[lane.StatsKey{Destination: key.Destination, Signal: key.Signal}] += n
		}
	}
	for key, n := range lost {
		r.set.Logger.Error("Dropped accepted data at the shutdown, because it was in memory only and could not be delivered; with `storage` it is kept",
			zap.String("destination", key.Destination), zap.Stringer("signal", key.Signal), zap.Int64("records", n))
	}
}

// closeMigrations closes the queues of other exporters. Their remaining requests stay there.
func (r *router) closeMigrations(ctx context.Context) {
	for _, m := range r.migrations.list {
		if err := m.close(ctx); err != nil {
			r.set.Logger.Warn("Failed to close the sending queue of another exporter",
				zap.Stringer("exporter", m.exporter), zap.Stringer("signal", m.signal), zap.Error(err))
		}
	}
}

// close closes files and connections.
func (r *router) close(ctx context.Context) error {
	var errs []error
	if r.store != nil {
		errs = append(errs, r.store.Close(ctx))
	}
	if r.letters != nil {
		errs = append(errs, r.letters.Close())
	}
	if r.run != nil {
		errs = append(errs, r.run.Close())
	}
	return errors.Join(append(errs, r.pool.Close())...)
}
