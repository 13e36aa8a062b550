// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// startWait is how long Start waits for a registry that is being written.
	startWait = time.Second

	// saveAgain is the number of poll intervals between attempts to write a copy.
	saveAgain = 20
)

// registry is the extension. Its tenant.Registry can be used before Start.
type registry struct {
	subscribers

	id        component.ID
	cfg       *Config
	log       *zap.Logger
	store     store
	parser    *registryfile.Parser
	recovery  *recovery.Recoverer
	telemetry *telemetry
	host      component.Host
	lastErr   string // the last error that was reported; empty if the source is valid
	failure   atomic.Pointer[healthboard.RegistryFailure]
	unpost    []func() // remove this registry from the health boards

	cancel     context.CancelFunc
	done       sync.WaitGroup // all goroutines except the saving one
	stopSaving context.CancelFunc
	saved      sync.WaitGroup
	wake       chan struct{}
	toSave     chan content // has at most the newest

	// Only for the goroutine that loads:
	accepted accepted // the registry accepted last, now or before the start
	copied   bool     // accepted is the copy on disk and not in force yet
	fork     *fork    // the other history that is rejected, or nil
}

// content is the text of a registry with its version.
type content struct {
	data    []byte
	readAt  time.Time
	version history.Version

	changedAt time.Time // time of its last change, by the clock of the source
}

// accepted is the registry that was accepted last. The next one must be a successor
// of it.
type accepted struct {
	content
	snapshot *tenant.Snapshot // nil: none
}

var (
	_ extension.Extension = (*registry)(nil)
	_ tenant.Registry     = (*registry)(nil)
)

func newRegistry(set extension.Settings, cfg *Config) (*registry, error) {
	recoverer := recovery.New(set.Logger)
	r := &registry{
		subscribers: subscribers{recovery: recoverer}, recovery: recoverer,
		id:     set.ID,
		cfg:    cfg,
		log:    set.Logger,
		parser: registryfile.NewParser(),
		wake:   make(chan struct{}, 1),
		toSave: make(chan content, 1),
	}
	source := r.openStore()
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	r.telemetry, err = newTelemetry(builder, &r.subscribers, source, r.silent)
	return r, err
}

// openStore sets the configured store and returns its name in metrics.
func (r *registry) openStore() (source string) {
	if r.cfg.Postgres.DSN == "" {
		r.store = newFileStore(r.cfg.File.Path)
		return "file"
	}
	r.store = newPostgresStore(r.cfg.Postgres, r.log)
	return "postgres"
}

// Start implements component.Component. It reads the registry, or else its copy,
// before it returns. Without either the extension starts too, and requests are
// rejected with an error that clients retry until there is a registry.
func (r *registry) Start(ctx context.Context, host component.Host) error {
	r.host = host
	for _, board := range healthboard.Find(host) {
		r.unpost = append(r.unpost, board.PostRegistry(r.id, r.health))
	}
	r.firstLoad(ctx)

	// The context of Start ends with the start.
	run, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.recovery.Keep(run.Done(), &r.done, "following the registry", func() { r.follow(run) })
	r.recovery.Go(&r.done, "watching the registry", func() {
		if err := r.watch(run); err != nil {
			r.log.Warn("The registry cannot be watched for changes and is polled instead",
				zap.Stringer("source", r.store), zap.Duration("poll_interval", r.cfg.PollInterval), zap.Error(err))
		}
	})
	saving, stop := context.WithCancel(context.Background())
	r.stopSaving = stop
	if r.cfg.Snapshot != "" {
		r.recovery.Keep(saving.Done(), &r.saved, "saving the copy of the registry", func() { r.save(saving) })
	}
	return nil
}

// Shutdown implements component.Component.
func (r *registry) Shutdown(context.Context) error {
	for _, remove := range r.unpost {
		remove()
	}
	r.unpost = nil
	if r.cancel != nil {
		r.cancel()
	}
	r.done.Wait() // these goroutines block only on the disk
	if r.stopSaving != nil {
		r.stopSaving() // only now: a change in the meantime must be saved too
	}
	r.saved.Wait()
	r.store.close()
	r.telemetry.shutdown()
	return nil
}

// NotifyConfig implements extensioncapabilities.ConfigWatcher. The collector calls
// it before pipelines start; an error prevents the start.
func (r *registry) NotifyConfig(_ context.Context, conf *confmap.Conf) error {
	return configcheck.Report(conf.ToStringMap(), r.id.String(), r.log)
}

// watch returns when the store cannot be watched any more or ctx is done.
func (r *registry) watch(ctx context.Context) (err error) {
	defer r.recovery.Catch("watching the registry", &err)
	return r.store.watch(ctx, r.wakeUp)
}

func (r *registry) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default: // it is woken already
	}
}

func (r *registry) firstLoad(ctx context.Context) {
	if r.cfg.Snapshot != "" {
		r.loadSnapshot()
	}
	deadline := time.Now().Add(startWait)
	wait := r.check(ctx)
	for wait > 0 && time.Now().Add(wait).Before(deadline) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = r.check(ctx)
	}
	if wait > 0 {
		r.reject(ctx, fmt.Errorf("%v %w", r.store, errStillWritten))
	}
	if r.Snapshot() == nil {
		r.useSnapshot()
	}
}

// follow checks the store until ctx is done.
func (r *registry) follow(ctx context.Context) {
	timer := time.NewTimer(r.cfg.PollInterval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
		next := r.cfg.PollInterval
		if wait := r.check(ctx); wait > 0 {
			next = min(next, wait)
		}
		timer.Reset(next)
	}
}

// check loads the registry if it has changed. If the registry is being written,
// check returns the positive duration after which to check again. A panic counts as
// a failure of the source, whose content caused it: the registry in force stays.
func (r *registry) check(ctx context.Context) (wait time.Duration) {
	err := r.recovery.Run("loading the registry", func() { wait = r.load(ctx) })
	if err != nil {
		r.reject(ctx, fmt.Errorf("%v: %w", r.store, err))
	}
	return wait
}

func (r *registry) load(ctx context.Context) time.Duration {
	readAt := time.Now()
	l, err := r.store.load(ctx, r.accepted.version)
	var unstable unstableError
	switch {
	case errors.Is(err, errUnchanged):
		if r.lastErr == "" && r.Snapshot() != nil {
			r.telemetry.confirmed(readAt)
		}
		return 0
	case errors.As(err, &unstable):
		return unstable.retryAfter
	case ctx.Err() != nil:
		return 0
	case err != nil:
		r.reject(ctx, err)
		return 0
	}
	snapshot, err := r.parser.Parse(l.data)
	if err != nil {
		r.reject(ctx, fmt.Errorf("%v is not a valid registry:\n%w", r.store, err))
		return 0
	}
	if err := r.checkSuccessor(snapshot, l); err != nil {
		r.useSnapshot()
		r.reject(ctx, fmt.Errorf("%v is rejected: %w", r.store, err))
		r.restrict(l, snapshot)
		return 0
	}
	r.accept(ctx, snapshot, accepted{content{l.data, readAt, l.version, l.changedAt}, snapshot})
	return 0
}

// accept puts a registry of the source in force.
func (r *registry) accept(ctx context.Context, snapshot *tenant.Snapshot, c accepted) {
	moved := r.accepted.version != c.version
	r.accepted, r.copied, r.fork = c, false, nil
	old, recovered := r.Snapshot(), r.lastErr != ""
	r.lastErr = ""
	r.failure.Store(nil)
	changed := old == nil || old.Hash() != snapshot.Hash()
	if changed {
		r.publish(snapshot)
		r.log.Info("The registry is in force", zap.Stringer("source", r.store), zap.Int("tenants", snapshot.Len()),
			zap.String("hash", shortHash(snapshot)))
		r.warnAboutConfusable(snapshot)
	} else if recovered {
		r.log.Info("The registry is valid again and unchanged", zap.Stringer("source", r.store))
	}
	r.telemetry.confirmed(c.readAt)
	if !changed && !recovered && !r.telemetry.restarted.Load() {
		if moved {
			r.saveLater(c.content)
		}
		return // the content is the same
	}
	r.telemetry.loaded(ctx, c.readAt)
	componentstatus.ReportStatus(r.host, componentstatus.NewEvent(componentstatus.StatusOK))
	r.saveLater(c.content)
}

// maxConfusable bounds the number of log lines about one registry.
const maxConfusable = 20

// warnAboutConfusable logs names that can be mistaken for others. They do not change
// which tenant a request belongs to, so they are no reason to reject a registry.
func (r *registry) warnAboutConfusable(s *tenant.Snapshot) {
	twins := s.Twins()
	for _, pair := range twins[:min(len(twins), maxConfusable)] {
		r.log.Warn("The IDs of two tenants differ in case only; file systems that ignore case confuse them",
			zap.String("tenant", string(pair[0])), zap.String("other", string(pair[1])))
	}
	logged := 0
	for t := range s.Tenants() {
		for name := range t.Attributes {
			if tenant.LooksLikeIdentity(name) && logged < maxConfusable {
				logged++
				r.log.Warn("An attribute of a tenant could be mistaken for "+tenant.AttributeKey+", which the tenant processor sets; rename it",
					zap.String("tenant", string(t.ID)), zap.String("attribute", name))
			}
		}
	}
}

// reject reports an error of the source once. The registry in force stays.
func (r *registry) reject(ctx context.Context, err error) {
	if err.Error() == r.lastErr {
		return
	}
	r.lastErr = err.Error()
	since := time.Now()
	if before := r.failure.Load(); before != nil {
		since = before.Since
	}
	failure := newFailure(err, since)
	defer func() { // after it is logged
		r.telemetry.rejected(ctx, failure.Class)
		r.failure.Store(failure)
	}()
	msg := "The registry cannot be used; no tenant is known until it is valid"
	switch {
	case r.Snapshot() != nil:
		msg = "The registry cannot be used; the last good one stays in force"
	case r.cfg.Snapshot != "":
		msg = "The registry cannot be used; without a copy, no tenant is known until it is valid"
	}
	r.log.Error(msg, zap.Stringer("source", r.store), zap.Error(err))
	lines, more := furtherFaults(err)
	for _, line := range lines {
		r.log.Error("More registry entries are invalid", zap.Stringer("source", r.store), zap.String("faults", line))
	}
	if more > 0 {
		r.log.Error("More invalid registry entries are not listed", zap.Int("entries", more))
	}
	componentstatus.ReportStatus(r.host, componentstatus.NewRecoverableErrorEvent(errors.New(safetext.Lines(err.Error()))))
}

// health returns the state of the registry without tenants.
func (r *registry) health() healthboard.Registry {
	h := healthboard.Registry{Failure: r.failure.Load()}
	if since := r.store.silentSince(); h.Failure == nil && r.overdue(since) {
		h.Failure = &healthboard.RegistryFailure{Class: healthboard.FailureUnavailable, Since: since}
	}
	if s := r.Snapshot(); s != nil {
		h.Loaded, h.Hash, h.Source = true, shortHash(s), r.telemetry.source()
	}
	if at := r.telemetry.confirmedAt.Load(); at != nil {
		h.ConfirmedAt = *at
	}
	return h
}

// silent reports whether an answer of the source is pending for longer than the poll
// interval. The error follows after the timeout.
func (r *registry) silent() bool { return r.overdue(r.store.silentSince()) }

func (r *registry) overdue(since time.Time) bool {
	return !since.IsZero() && time.Since(since) > r.cfg.PollInterval
}

func shortHash(s *tenant.Snapshot) string {
	return s.Hash()[:min(12, len(s.Hash()))]
}
