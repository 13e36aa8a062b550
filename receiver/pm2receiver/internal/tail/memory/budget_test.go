// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package memory

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	waitFor = 30 * time.Second
	tick    = 2 * time.Millisecond
)

func TestBudget_ServesInOrder(t *testing.T) {
	b := NewBudget(100)
	got, err := b.Reserve(t.Context(), 500)
	require.NoError(t, err)
	assert.Equal(t, int64(100), got, "not more than the budget")
	order := make(chan int64, 3)
	var done sync.WaitGroup
	for _, n := range []int64{90, 20, 10} {
		done.Go(func() {
			got, err := b.Reserve(context.Background(), n)
			assert.NoError(t, err)
			order <- got
			b.Release(got)
		})
		require.Eventually(t, func() bool { return b.queued() > 0 && b.last() == n }, waitFor, tick)
	}
	ended, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := b.Reserve(ended, 100)
		failed <- err
	}()
	require.Eventually(t, func() bool { return b.queued() == 4 }, waitFor, tick)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	b.Release(100)
	done.Wait()
	assert.Equal(t, int64(90), <-order)
	assert.Equal(t, int64(100), b.free)
	assert.Zero(t, b.queued())
}

func (b *Budget) queued() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

func (b *Budget) last() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting[len(b.waiting)-1].size
}
