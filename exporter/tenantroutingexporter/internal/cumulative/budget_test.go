// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sums returns a request of so many time series.
func sums(from, n int) map[string]int64 {
	out := make(map[string]int64, n)
	for i := range n {
		out[string(rune('a'+from+i))] = 1
	}
	return out
}

// A tenant that holds much is rejected before tenants that hold little.
func TestBudget_IsShared(t *testing.T) {
	budget := NewBudget(10, 1000)
	set := settings()
	greedy, modest := New(set, budget, time.Unix(0, 0)), New(set, budget, time.Unix(0, 0))
	assert.Equal(t, Dropped{TooMany: 3}, accept(t, greedy, deltaSum(100, sums(0, 8))), "half")
	assert.Equal(t, 5, budget.Streams())
	assert.Equal(t, Dropped{TooMany: 1}, accept(t, modest, deltaSum(100, sums(0, 3))), "half of the rest")
	assert.Equal(t, 7, budget.Streams())

	rejected, err := modest.Convert(deltaSum(110, sums(10, 1)), time.Unix(0, 0))
	require.NoError(t, err)
	assert.Equal(t, Dropped{TooMany: 1}, rejected.Dropped)
	rejected.Close()
	rejected, err = New(set, budget, time.Unix(0, 0)).Convert(deltaSum(110, sums(10, 1)), time.Unix(0, 0))
	require.NoError(t, err)
	assert.Equal(t, 8, budget.Streams())
	rejected.Close()
	assert.Equal(t, 7, budget.Streams(), "what was not accepted holds nothing")

	greedy.Sweep(time.Unix(0, 0).Add(2 * set.MaxIdle))
	assert.Equal(t, 2, budget.Streams())
	modest.Discard()
	assert.Zero(t, budget.Streams())
	md := deltaSum(120, sums(0, 1))
	assert.Equal(t, Dropped{TooMany: 1}, accept(t, modest, md), "a tenant that is gone")
	assert.Zero(t, budget.Streams())
}

func TestBudget_BoundsBuckets(t *testing.T) {
	budget := NewBudget(10, 1000)
	c := New(settings(), budget, time.Unix(0, 0))
	assert.Zero(t, accept(t, c, shaped(1, shape{make([]float64, 249), 250})))
	assert.Equal(t, Dropped{TooMany: 1}, accept(t, c, shaped(2, shape{make([]float64, 250), 251})))
	assert.Equal(t, Dropped{TooMany: 1}, accept(t, c, placed(2, layout{buckets: 1})))
	assert.Equal(t, 499, budget.buckets)
	assert.Zero(t, accept(t, c, shaped(3, shape{nil, 1})))
	assert.Equal(t, 1, budget.buckets, "a total that begins again")
	conversion, err := c.Convert(shaped(4, shape{make([]float64, 99), 100}), time.Unix(0, 0))
	require.NoError(t, err)
	assert.Equal(t, 199, budget.buckets)
	conversion.Close()
	assert.Equal(t, 1, budget.buckets)
	assert.Zero(t, accept(t, c, placed(5, layout{buckets: 3})))
	assert.Equal(t, 7, budget.buckets)
	c.Discard()
	assert.Zero(t, budget.buckets)
}
