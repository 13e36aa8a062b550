// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package memory

import (
	"context"
	"slices"
	"sync"
)

// Budget is an amount of memory that is reserved and released, first come, first served.
type Budget struct {
	size int64

	mu      sync.Mutex
	free    int64
	waiting []*reservation
}

type reservation struct {
	size    int64
	granted chan struct{} // closed when the memory is reserved
}

// NewBudget returns a budget of size bytes.
func NewBudget(size int64) *Budget { return &Budget{size: size, free: size} }

// Reserve waits until n bytes are free and reserves them. If the budget is smaller than n, it
// reserves the whole budget. It returns how much it reserved, or an error if ctx ended first.
func (b *Budget) Reserve(ctx context.Context, n int64) (int64, error) {
	n = min(n, b.size)
	b.mu.Lock()
	if len(b.waiting) == 0 && b.free >= n {
		b.free -= n
		b.mu.Unlock()
		return n, nil
	}
	r := &reservation{size: n, granted: make(chan struct{})}
	b.waiting = append(b.waiting, r)
	b.mu.Unlock()
	select {
	case <-r.granted:
		return n, nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	at := slices.Index(b.waiting, r)
	if at >= 0 {
		b.waiting = slices.Delete(b.waiting, at, at+1)
	}
	b.mu.Unlock()
	if at < 0 { // granted at the same moment
		b.Release(n)
	} else {
		b.Release(0) // the next ones may need less
	}
	return 0, context.Canceled
}

// Release returns n reserved bytes.
func (b *Budget) Release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	for len(b.waiting) > 0 && b.free >= b.waiting[0].size {
		b.free -= b.waiting[0].size
		close(b.waiting[0].granted)
		b.waiting = slices.Delete(b.waiting, 0, 1)
	}
}
