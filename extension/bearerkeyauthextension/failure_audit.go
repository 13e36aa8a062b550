// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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
	// auditInterval is the period that one entry covers.
	auditInterval = time.Minute

	// maxAudited limits the entries of one interval. One more entry sums up the
	// sources with fewer rejected requests.
	maxAudited = 50

	// maxPendingEntries limits the entries that are not written yet. The oldest ones
	// above the limit are summed up, so that all requests remain counted.
	maxPendingEntries = 200
)

// failureAudit writes the rejected requests without a valid key to the audit log of
// this gateway: an entry for each source and minute, without anything that the caller
// sent. A crash loses the current minute. Entries that cannot be written remain pending.
type failureAudit struct {
	set     segmented.Settings
	sources *sources
	logger  *zap.Logger

	log     *segmented.Log // nil: not open yet
	from    time.Time      // start of the current minute
	pending []*audit.Entry
	failing bool

	written, unwritten atomic.Int64 // entries, for the metrics
}

// newFailureAudit returns nil if no directory is configured.
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

// run writes the log at the end of each minute and a last time when stopped is closed.
func (a *failureAudit) run(stopped <-chan struct{}) {
	ctx := context.Background() // a write is short and must not be interrupted
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

// untilEnd returns the time until the end of the current minute.
func (a *failureAudit) untilEnd() time.Duration {
	now := a.set.Now()
	return now.Truncate(auditInterval).Add(auditInterval).Sub(now)
}

func (a *failureAudit) open(ctx context.Context) error {
	if a.log != nil {
		return nil
	}
	log, err := segmented.Open(ctx, a.set)
	if err != nil {
		return err
	}
	a.log = log
	a.logger.Info("Rejected requests are recorded in the audit log", zap.String("directory", a.set.Directory), zap.String("verifier", log.Public()))
	if why := log.Damage(); why != "" {
		a.logger.Error("The audit log is damaged and continues in a new segment", zap.String("directory", a.set.Directory), zap.String("reason", why))
	}
	return nil
}

// flush writes the rejected requests since the last call.
func (a *failureAudit) flush(ctx context.Context) error {
	a.collect()
	err := a.append(ctx)
	if errors.Is(err, audit.ErrDamaged) {
		// Something else changed the log while it was open.
		if err = a.reopen(ctx); err == nil {
			err = a.append(ctx)
		}
	}
	if err == nil {
		a.written.Add(int64(len(a.pending)))
		a.pending = nil
	}
	a.unwritten.Store(int64(len(a.pending)))
	return err
}

func (a *failureAudit) append(ctx context.Context) error {
	if err := a.open(ctx); err != nil || len(a.pending) == 0 {
		return err
	}
	return a.log.Append(ctx, a.pending...)
}

func (a *failureAudit) reopen(ctx context.Context) error {
	err := a.log.Close()
	if errors.Is(err, audit.ErrDamaged) {
		err = nil // the reason for reopening
	}
	a.log = nil
	return errors.Join(err, a.open(ctx))
}

// collect adds entries for the rejected requests since the last call.
func (a *failureAudit) collect() {
	from, to := a.from, a.set.Now().UTC().Truncate(time.Millisecond)
	a.from = to
	if to.Before(from) {
		from = to // the clock was set back
	}
	for _, r := range a.sources.take(maxAudited) {
		reasons := make(map[string]int64)
		for d, n := range r.reasons {
			if n > 0 {
				reasons[decision(d).String()] = n
			}
		}
		a.pending = append(a.pending, a.entry(audit.Rejected{
			Source: nameOf(r.source), Sources: r.sources, From: from, To: to, Reasons: reasons,
		}))
	}
	if over := len(a.pending) - maxPendingEntries; over > 0 {
		a.pending = append([]*audit.Entry{a.sum(a.pending[:over+1])}, a.pending[over+1:]...)
	}
}

func (a *failureAudit) entry(r audit.Rejected) *audit.Entry {
	return &audit.Entry{Time: r.To, Actor: a.set.Actor, User: a.set.User, Action: "auth reject", Rejected: &r}
}

// sum merges entries, the oldest of which is the first.
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

// report logs when writing starts to fail and when it works again.
func (a *failureAudit) report(err error) {
	switch {
	case err != nil && !a.failing:
		a.logger.Error("Failed to write rejected requests to the audit log; the entries remain in memory", diskspace.Fault(a.set.Directory, err)...)
	case err == nil && a.failing:
		a.logger.Info("Rejected requests are written to the audit log again")
	}
	a.failing = err != nil
}

func (a *failureAudit) close() {
	if n := len(a.pending); n > 0 {
		a.logger.Error("Entries of the audit log are lost", zap.Int("entries", n))
	}
	if a.log == nil {
		return
	}
	if err := a.log.Close(); err != nil {
		a.logger.Error("Failed to close the audit log", zap.Error(fmt.Errorf("%s: %w", a.set.Directory, err)))
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
