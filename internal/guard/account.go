// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync/atomic"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// throttleBurst is how much time ahead of its limit a tenant may use the processors
	// without a pause.
	throttleBurst = 10 * time.Millisecond

	// maxPause bounds one pause. It also bounds the debt of an account, so a tenant recovers
	// from earlier use within this time.
	maxPause = 100 * time.Millisecond
)

// account counts the processor time that one tenant, or all unauthenticated clients together,
// have used. It is safe for concurrent use.
type account struct {
	throttler *throttler
	tenant    tenant.ID // empty: unauthenticated clients, or callers without an identity

	// paidUntil is the time, in Unix nanoseconds, up to which the limit allows what was
	// used. Each use moves it by the time in which the limit allows that much.
	paidUntil atomic.Int64
	paused    atomic.Int64 // nanoseconds of pauses since the last report
	period    atomic.Int64 // of the last request
	busy      atomic.Bool  // used since the limit was last lowered
}

// use counts work.
func (a *account) use(work time.Duration) {
	t := a.throttler
	if !a.busy.Load() {
		a.busy.Store(true)
	}
	t.used.Add(int64(work))
	now := t.now().UnixNano()
	t.update(now)
	limit := t.limit.Load()
	if limit == 0 || !t.delaysOthers(a) {
		return
	}
	takes := int64(float64(work) * float64(time.Second) / float64(limit))
	for {
		old := a.paidUntil.Load()
		next := min(max(old, now)+takes, now+int64(maxPause+throttleBurst))
		if a.paidUntil.CompareAndSwap(old, next) {
			return
		}
	}
}

// pause returns how long the owner must wait before it uses more, and counts the pause.
func (a *account) pause() time.Duration {
	t := a.throttler
	if t.limit.Load() == 0 || !t.delaysOthers(a) {
		return 0
	}
	d := time.Duration(a.paidUntil.Load()-t.now().UnixNano()) - throttleBurst
	if d <= 0 {
		return 0
	}
	a.paused.Add(int64(d))
	return min(d, maxPause)
}
