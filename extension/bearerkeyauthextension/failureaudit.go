package bearerkeyauthextension

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit/segmented"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
)

const (
	// auditInterval is what one entry sums up.
	auditInterval = time.Minute

	// maxAudited bounds the entries of one minute. Sources with fewer refused
	// requests are in one entry together.
	maxAudited = 50

	// maxAuditWaiting bounds the entries that wait for a disk. What is over that
	// is summed up, so that no request is uncounted.
	maxAuditWaiting = 200
)

// failureAudit writes who had requests refused, and why, to the audit log of this
// gateway: an entry for each source and minute, and nothing of what they sent.
// A crash loses the running minute. What cannot be written waits.
type failureAudit struct {
	set     segmented.Settings
	sources *sources
	logger  *zap.Logger

	series  *segmented.Log // nil: not open yet
	from    time.Time      // when the running minute began
	waiting []*audit.Entry
	failing bool

	written, unwritten atomic.Int64 // entries, for metrics
}

// newFailureAudit returns nil without a directory.
func newFailureAudit(cfg FailureAuditConfig, actor string, s *sources, logger *zap.Logger, now func() time.Time) *failureAudit {
	if cfg.Directory == "" {
		return nil
	}
	path, key := filepath.Clean(cfg.Directory), cfg.KeyFile
	if key == "" {
		key = segmented.DefaultKeyFile(path)
	}
	return &failureAudit{
		set: segmented.Settings{
			Directory: path, KeyFile: key, MaxBytes: int64(cfg.MaxBytes), Actor: actor, User: audit.SystemUser(), Now: now,
		},
		sources: s, logger: logger,
	}
}

// run writes the log at the end of each minute until stopped is closed, and then
// what is left of the last.
func (a *failureAudit) run(stopped <-chan struct{}) {
	ctx := context.Background() // writing is short and must not end halfway
	a.from = a.set.Now().UTC().Truncate(time.Millisecond)
	a.report(a.open(ctx))
	for {
		timer := time.NewTimer(a.untilEnd())
		select {
		case <-stopped:
			timer.Stop()
			a.report(a.flush(ctx))
			a.close()
			return
		case <-timer.C:
			a.report(a.flush(ctx))
		}
	}
}

// untilEnd returns how long the running minute of the clock still is.
func (a *failureAudit) untilEnd() time.Duration {
	now := a.set.Now()
	return now.Truncate(auditInterval).Add(auditInterval).Sub(now)
}

func (a *failureAudit) open(ctx context.Context) error {
	if a.series != nil {
		return nil
	}
	series, err := segmented.Open(ctx, a.set)
	if err != nil {
		return err
	}
	a.series = series
	a.logger.Info("Refused requests are kept in the audit log", zap.String("directory", a.set.Directory), zap.String("verifier", series.Public()))
	if why := series.Damage(); why != "" {
		a.logger.Error("failures::audit: the audit log continues in a new segment", zap.String("directory", a.set.Directory), zap.String("reason", why))
	}
	return nil
}

// flush writes what has happened since the last call.
func (a *failureAudit) flush(ctx context.Context) error {
	a.collect()
	err := a.append(ctx)
	if errors.Is(err, audit.ErrDamaged) {
		// Somebody has changed the log while it was open.
		if err = a.reopen(ctx); err == nil {
			err = a.append(ctx)
		}
	}
	if err == nil {
		a.written.Add(int64(len(a.waiting)))
		a.waiting = nil
	}
	a.unwritten.Store(int64(len(a.waiting)))
	return err
}

func (a *failureAudit) append(ctx context.Context) error {
	if err := a.open(ctx); err != nil || len(a.waiting) == 0 {
		return err
	}
	return a.series.Append(ctx, a.waiting...)
}

func (a *failureAudit) reopen(ctx context.Context) error {
	err := a.series.Close()
	if errors.Is(err, audit.ErrDamaged) {
		err = nil // this is why
	}
	a.series = nil
	return errors.Join(err, a.open(ctx))
}

// collect makes entries of what was refused since the last call.
func (a *failureAudit) collect() {
	from, to := a.from, a.set.Now().UTC().Truncate(time.Millisecond)
	a.from = to
	if to.Before(from) {
		from = to // the clock was put back
	}
	for _, r := range a.sources.take(maxAudited) {
		reasons := make(map[string]int64)
		for d, n := range r.reasons {
			if n > 0 {
				reasons[decision(d).String()] = n
			}
		}
		a.waiting = append(a.waiting, a.entry(audit.Rejected{
			Source: nameOf(r.source), Sources: r.sources, From: from, To: to, Reasons: reasons,
		}))
	}
	if over := len(a.waiting) - maxAuditWaiting; over > 0 {
		a.waiting = append([]*audit.Entry{a.sum(a.waiting[:over+1])}, a.waiting[over+1:]...)
	}
}

func (a *failureAudit) entry(r audit.Rejected) *audit.Entry {
	return &audit.Entry{Time: r.To, Actor: a.set.Actor, User: a.set.User, Action: "auth refuse", Rejected: &r}
}

// sum makes one entry of some, the oldest first.
func (a *failureAudit) sum(entries []*audit.Entry) *audit.Entry {
	all := audit.Rejected{Source: nameOfOthers, From: entries[0].Rejected.From, Reasons: make(map[string]int64)}
	for _, e := range entries {
		all.To = e.Rejected.To
		all.Sources += max(1, e.Rejected.Sources)
		for reason, n := range e.Rejected.Reasons {
			all.Reasons[reason] += n
		}
	}
	return a.entry(all)
}

// report logs each change from success to failure and back once.
func (a *failureAudit) report(err error) {
	switch {
	case err != nil && !a.failing:
		a.logger.Error("failures::audit: refused requests cannot be written to the audit log and wait", diskspace.Fault(a.set.Directory, err)...)
	case err == nil && a.failing:
		a.logger.Info("failures::audit: refused requests are written to the audit log again")
	}
	a.failing = err != nil
}

func (a *failureAudit) close() {
	if n := len(a.waiting); n > 0 {
		a.logger.Error("failures::audit: entries are lost", zap.Int("entries", n))
	}
	if a.series == nil {
		return
	}
	if err := a.series.Close(); err != nil {
		a.logger.Error("failures::audit: closing the audit log failed", zap.Error(fmt.Errorf("%s: %w", a.set.Directory, err)))
	}
}

// register adds the metrics.
func (a *failureAudit) register(telemetry *metadata.TelemetryBuilder) error {
	err := telemetry.RegisterExtensionBearerKeyAuthAuditEntriesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(a.written.Load())
		return nil
	})
	if err != nil {
		return err
	}
	return telemetry.RegisterExtensionBearerKeyAuthAuditWaitingEntriesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(a.unwritten.Load())
		return nil
	})
}
