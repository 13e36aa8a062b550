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
	// startWait is how long a start waits for a registry that is being written.
	startWait = time.Second

	// saveAgain is after how many poll intervals a copy is tried again that could
	// not be written.
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
	lastErr   string // what was last reported; empty: the source is good
	failure   atomic.Pointer[healthboard.RegistryFailure]
	unpost    []func() // take this registry off the boards of health

	cancel     context.CancelFunc
	done       sync.WaitGroup // all but who saves
	stopSaving context.CancelFunc
	saved      sync.WaitGroup
	wake       chan struct{}
	toSave     chan content // holds at most the newest

	// Of the goroutine that loads:
	taken  taken // what was taken last, here or before the start
	copied bool  // taken is the copy on disk, and not in force yet
	fork   *fork // the other history that is refused; nil: none is
}

// content is a registry as it was read.
type content struct {
	data   []byte
	readAt time.Time
	mark   history.Mark

	changedAt time.Time // of its last change, by the source's clock
}

// taken is the last registry that was taken: what comes must be its successor.
type taken struct {
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

// openStore sets the store that is configured, and returns its name in metrics.
func (r *registry) openStore() (source string) {
	if r.cfg.Postgres.DSN == "" {
		r.store = newFileStore(r.cfg.File.Path)
		return "file"
	}
	r.store = newPostgresStore(r.cfg.Postgres, r.log)
	return "postgres"
}

// Start implements component.Component. It reads the registry, or else its
// copy, before it returns; without either it starts all the same, and callers
// are refused with an error that they may retry until there is one.
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
	r.done.Wait() // nothing it waits for blocks on anything but the disk
	if r.stopSaving != nil {
		r.stopSaving() // only now: a change that came meanwhile is to be saved too
	}
	r.saved.Wait()
	r.store.close()
	r.telemetry.shutdown()
	return nil
}

// NotifyConfig implements extensioncapabilities.ConfigWatcher. The collector calls
// it before pipelines start; an error ends the start.
func (r *registry) NotifyConfig(_ context.Context, conf *confmap.Conf) error {
	return configcheck.Report(conf.ToStringMap(), r.id.String(), r.log)
}

// watch returns when the store cannot be watched any more, or ctx ends.
func (r *registry) watch(ctx context.Context) (err error) {
	defer r.recovery.Catch("watching the registry", &err)
	return r.store.watch(ctx, r.wakeUp)
}

func (r *registry) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default: // it will be woken already
	}
}

func (r *registry) firstLoad(ctx context.Context) {
	if r.cfg.Snapshot != "" {
		r.loadBackup()
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
		r.refuse(ctx, fmt.Errorf("%v %w", r.store, errStillWritten))
	}
	if r.Snapshot() == nil {
		r.useBackup()
	}
}

// follow checks the store until ctx ends.
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

// check loads what is new. It returns a positive duration if something is being
// written and should be looked at again after it. A panic is a failure of the source:
// what it holds is the reason, and what is in force stays.
func (r *registry) check(ctx context.Context) (wait time.Duration) {
	err := r.recovery.Run("loading the registry", func() { wait = r.load(ctx) })
	if err != nil {
		r.refuse(ctx, fmt.Errorf("%v: %w", r.store, err))
	}
	return wait
}

func (r *registry) load(ctx context.Context) time.Duration {
	readAt := time.Now()
	l, err := r.store.load(ctx, r.taken.mark)
	var unsettled unsettledError
	switch {
	case errors.Is(err, errUnchanged):
		if r.lastErr == "" && r.Snapshot() != nil {
			r.telemetry.confirmed(readAt)
		}
		return 0
	case errors.As(err, &unsettled):
		return unsettled.retryAfter
	case ctx.Err() != nil:
		return 0
	case err != nil:
		r.refuse(ctx, err)
		return 0
	}
	snapshot, err := r.parser.Parse(l.data)
	if err != nil {
		r.refuse(ctx, fmt.Errorf("%v is not a valid registry:\n%w", r.store, err))
		return 0
	}
	if err := r.succeeds(snapshot, l); err != nil {
		r.useBackup()
		r.refuse(ctx, fmt.Errorf("%v is refused: %w", r.store, err))
		r.restrict(l, snapshot)
		return 0
	}
	r.accept(ctx, snapshot, taken{content{l.data, readAt, l.mark, l.changedAt}, snapshot})
	return 0
}

// accept puts a snapshot of the source in force.
func (r *registry) accept(ctx context.Context, snapshot *tenant.Snapshot, c taken) {
	moved := r.taken.mark != c.mark
	r.taken, r.copied, r.fork = c, false, nil
	old, recovered := r.Snapshot(), r.lastErr != ""
	r.lastErr = ""
	r.failure.Store(nil)
	changed := old == nil || old.Hash() != snapshot.Hash()
	if changed {
		r.publish(snapshot)
		r.log.Info("The registry is in force", zap.Stringer("source", r.store), zap.Int("tenants", snapshot.Len()),
			zap.String("hash", shortHash(snapshot)))
		r.warnOfConfusable(snapshot)
	} else if recovered {
		r.log.Info("The registry is good again and says what is in force", zap.Stringer("source", r.store))
	}
	r.telemetry.confirmed(c.readAt)
	if !changed && !recovered && !r.telemetry.restarted.Load() {
		if moved {
			r.keep(c.content)
		}
		return // the same content was read again
	}
	r.telemetry.loaded(ctx, c.readAt)
	componentstatus.ReportStatus(r.host, componentstatus.NewEvent(componentstatus.StatusOK))
	r.keep(c.content)
}

// maxConfusable bounds how many lines one registry puts into the log.
const maxConfusable = 20

// warnOfConfusable logs what could be taken for something else. Neither takes part
// in who a tenant is, so it is no reason to refuse a registry that is in force.
func (r *registry) warnOfConfusable(s *tenant.Snapshot) {
	twins := s.Twins()
	for _, pair := range twins[:min(len(twins), maxConfusable)] {
		r.log.Warn("The IDs of two tenants differ in case only; file systems that ignore case take them for the same",
			zap.String("tenant", string(pair[0])), zap.String("other", string(pair[1])))
	}
	logged := 0
	for t := range s.Tenants() {
		for name := range t.Attributes {
			if tenant.LooksLikeIdentity(name) && logged < maxConfusable {
				logged++
				r.log.Warn("An attribute of a tenant would be taken for "+tenant.AttributeKey+", which the tenant processor sets; rename it",
					zap.String("tenant", string(t.ID)), zap.String("attribute", name))
			}
		}
	}
}

// refuse reports an error of the source, once. What is in force stays.
func (r *registry) refuse(ctx context.Context, err error) {
	if err.Error() == r.lastErr {
		return
	}
	r.lastErr = err.Error()
	since := time.Now()
	if before := r.failure.Load(); before != nil {
		since = before.Since
	}
	failure := newFailure(err, since)
	defer func() { // once the log has it
		r.telemetry.refused(ctx, failure.Class)
		r.failure.Store(failure)
	}()
	msg := "The registry cannot be used; no tenant is known until it can"
	switch {
	case r.Snapshot() != nil:
		msg = "The registry cannot be used; the last good one stays in force"
	case r.cfg.Snapshot != "":
		msg = "The registry cannot be used; unless there is a copy, no tenant is known until it can"
	}
	r.log.Error(msg, zap.Stringer("source", r.store), zap.Error(err))
	lines, more := furtherFaults(err)
	for _, line := range lines {
		r.log.Error("Further entries that cannot be used", zap.Stringer("source", r.store), zap.String("faults", line))
	}
	if more > 0 {
		r.log.Error("Further entries that cannot be used are not named", zap.Int("entries", more))
	}
	componentstatus.ReportStatus(r.host, componentstatus.NewRecoverableErrorEvent(errors.New(safetext.Lines(err.Error()))))
}

// health returns what others may know of the registry.
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

// silent tells whether the source owes an answer for longer than the time between
// two looks. The error comes when its timeout is over.
func (r *registry) silent() bool { return r.overdue(r.store.silentSince()) }

func (r *registry) overdue(since time.Time) bool {
	return !since.IsZero() && time.Since(since) > r.cfg.PollInterval
}

func shortHash(s *tenant.Snapshot) string {
	return s.Hash()[:min(12, len(s.Hash()))]
}
