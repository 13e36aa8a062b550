// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// losses derives conditions from counters of lost and rejected data. Its methods are safe for concurrent use.
type losses struct {
	router *router
	now    func() time.Time

	mu                       sync.Mutex
	dropped, missing, failed condition.Growth
	loop                     *loopDetector
}

func newLosses(r *router, now func() time.Time) *losses {
	return &losses{router: r, now: now, loop: newLoopDetector(r.cfg)}
}

// findings returns the conditions that the state of the lanes does not show.
func (l *losses) findings() (all []condition.Finding) {
	r := l.router
	total, reasons := droppedOf(r.scheduler.Load())
	missing := r.rejected.of(rejection.NoTenant) + r.rejected.of(rejection.TenantMismatch) +
		r.rejected.of(rejection.UnknownTenant) + r.rejected.of(rejection.TooManyTenants)
	failed := r.rejected.of(rejection.Storage)

	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	all = append(all, l.loop.findings(now)...)
	if n, since := l.dropped.Look(total, now, condition.LossHold); n > 0 {
		all = append(all, condition.Finding{
			Name: condition.DataDropped, Since: since,
			Message: fmt.Sprintf("Records dropped or kept as dead letters since %s: %d; since the start: %s", since.UTC().Format(time.TimeOnly+"Z"), n, reasons),
		})
	}
	if n, since := l.missing.Look(missing, now, condition.RefusalHold); n > 0 {
		all = append(all, condition.Finding{
			Name: condition.TenantMissing, Since: since,
			Message: fmt.Sprintf("%d requests were rejected, because their data has no tenant in the resource attribute %q, or one that is not allowed here", n, r.cfg.Attribute),
		})
	}
	if n, since := l.failed.Look(failed, now, condition.RefusalHold); n > 0 {
		all = append(all, condition.Finding{
			Name: condition.StorageFailed, Cause: "queue_write", Since: since,
			Message: fmt.Sprintf("%d requests were rejected, because the queue on the disk does not take data; the log has the cause", n),
		})
	}
	return all
}

// droppedOf returns how many records were dropped or became dead letters, and the reasons.
func droppedOf(sched *lane.Scheduler) (total int64, reasons string) {
	stats := sched.Observe()
	var by [len(lane.Stats{}.Dropped)]int64
	letters := int64(0)
	for _, st := range stats {
		for reason, n := range st.Dropped {
			total += n
			by[reason] += n
		}
		for _, n := range st.DeadLettered {
			letters += n
		}
	}
	var parts []string
	for reason, n := range by {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, lane.Reason(reason))) //nolint:gosec // there are few reasons
		}
	}
	if letters > 0 {
		parts = append(parts, fmt.Sprintf("%d dead letters", letters))
	}
	return total + letters, strings.Join(parts, ", ")
}
