// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync"
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// limitFunc returns the error to send to a caller that is over a limit, or nil. See
// [Guard.PostLimiter].
type limitFunc = func(id tenant.ID, signal tenant.Signal, records int, bytes int64) error

// limiters are the functions that [Guard.PostLimiter] has registered. Requests read them
// without a lock. The zero value is empty. It is safe for concurrent use.
type limiters struct {
	mu  sync.Mutex // serializes writers
	all atomic.Pointer[[]*limiter]
}

// limiter gives a function an identity, so that it can be removed.
type limiter struct{ over limitFunc }

// add registers over. After remove returns, check does not call it for new requests.
func (l *limiters) add(over limitFunc) (remove func()) {
	added := &limiter{over}
	l.update(func(all []*limiter) []*limiter { return append(all, added) })
	return sync.OnceFunc(func() {
		l.update(func(all []*limiter) []*limiter { return without(all, added) })
	})
}

// update replaces the list by what change makes of a copy.
func (l *limiters) update(change func([]*limiter) []*limiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*limiter
	if old := l.all.Load(); old != nil {
		all = append(all, *old...)
	}
	all = change(all)
	l.all.Store(&all)
}

// check returns the error of the first limiter that has one.
func (l *limiters) check(id tenant.ID, signal tenant.Signal, records int, bytes int64) error {
	all := l.all.Load()
	if all == nil {
		return nil
	}
	for _, one := range *all {
		if err := one.over(id, signal, records, bytes); err != nil {
			return err
		}
	}
	return nil
}
