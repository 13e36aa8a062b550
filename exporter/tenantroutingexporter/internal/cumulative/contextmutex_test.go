// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAcquire_EndsWithItsContext(t *testing.T) {
	c := New(Settings{MaxStreams: 10, MaxBuckets: 10, MaxGrowth: 10}, NewBudget(100, 100), time.Unix(0, 0))
	h, err := c.Acquire(context.Background())
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("gone")
	cancel(gone)
	_, err = c.Acquire(ctx)
	require.ErrorIs(t, err, gone)
	h.Release()
	h.Release() // does nothing
	h, err = c.Acquire(ctx)
	require.NoError(t, err, "it is free, and nothing is waited for")
	done, err := h.Convert(deltaSum(110, map[string]int64{"a": 1}), time.Unix(0, 0))
	require.NoError(t, err)
	h.Release() // does nothing: the conversion holds it
	assert.False(t, c.mu.tryLock())
	done.Close()
	assert.True(t, c.mu.tryLock())
}

// Discard does not wait for conversions, and a conversion in progress does not restore what it discards.
func TestDiscard_DoesNotWait(t *testing.T) {
	budget := NewBudget(100, 100)
	c := New(Settings{MaxStreams: 10, MaxBuckets: 10, MaxGrowth: 10, MaxFuture: time.Hour}, budget, time.Unix(0, 0))
	done, err := c.Convert(deltaSum(110, map[string]int64{"a": 1}), time.Unix(0, 0))
	require.NoError(t, err)
	done.Accept()
	c.Discard()
	assert.Equal(t, 1, budget.Streams())
	done.Close()
	assert.Zero(t, budget.Streams())
	done, err = c.Convert(deltaSum(120, map[string]int64{"a": 1}), time.Unix(0, 0))
	require.NoError(t, err)
	assert.Equal(t, 1, done.Dropped.TooMany)
	done.Close()
}

func TestDiscard_WhileOthersConvert(t *testing.T) {
	for range 50 {
		budget := NewBudget(100, 100)
		c := New(Settings{MaxStreams: 10, MaxBuckets: 10, MaxGrowth: 10, MaxFuture: time.Hour}, budget, time.Unix(0, 0))
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				done, err := c.Convert(deltaSum(110+i, map[string]int64{"a": 1}), time.Unix(0, 0))
				if assert.NoError(t, err) {
					done.Accept()
					done.Close()
				}
			})
		}
		wg.Go(c.Discard)
		wg.Go(func() { c.Sweep(time.Unix(0, 0)) })
		wg.Wait()
		assert.Zero(t, budget.Streams())
	}
}
