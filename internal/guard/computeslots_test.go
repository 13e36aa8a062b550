// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestComputeSlots_ServesTenantsRoundRobin(t *testing.T) {
	s := newComputeSlots(func() int { return 1 })
	require.NoError(t, s.acquire(t.Context(), "x"))
	var (
		mu    sync.Mutex
		order []tenant.ID
		all   sync.WaitGroup
	)
	wait := func(id tenant.ID, position int) {
		all.Go(func() {
			assert.NoError(t, s.acquire(t.Context(), id))
			mu.Lock()
			order = append(order, id)
			mu.Unlock()
			s.release()
		})
		require.Eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.waiting[id]) == position
		}, waitFor, tick)
	}
	for i := range 5 {
		wait("many", i+1)
	}
	wait("b", 1)
	wait("c", 1)
	s.release()
	all.Wait()
	assert.Equal(t, []tenant.ID{"many", "b", "c", "many", "many", "many", "many"}, order)
	assert.Empty(t, s.waiting)
	assert.Empty(t, s.order)
	assert.Zero(t, s.held)
}

func TestComputeSlots_DropsARequestWhoseContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComputeSlots(func() int { return 1 })
		require.NoError(t, s.acquire(t.Context(), "a"))
		ctx, cancel := contextWithCancel(t)
		ended := make(chan error)
		go func() { ended <- s.acquire(ctx, "a") }()
		go func() { ended <- s.acquire(t.Context(), "b") }()
		synctest.Wait()
		assert.Equal(t, 2, s.waitingRequests())
		cancel()
		require.Error(t, <-ended)
		assert.Equal(t, 1, s.waitingRequests())
		s.release()
		require.NoError(t, <-ended)
		s.release()
		assert.Zero(t, s.held)
		assert.Empty(t, s.order)
		assert.Empty(t, s.waiting)
	})
}

func TestRequest_LargeRequestsKeepAProcessorFree(t *testing.T) {
	g := New(Settings{LargeRequest: 100})
	large := make([]byte, 100)
	most := g.computeSlots.limit()
	begin := func(id tenant.ID) (*Request, error) {
		r := admit(asTenant(id), t, g)
		ctx := r.Context(t.Context())
		require.NoError(t, r.hasSize(int64(len(large))))
		assert.True(t, r.hasComputeSlot)
		r.Computed()
		assert.False(t, r.hasComputeSlot)
		end, err := Compute(ctx)
		if err == nil {
			end()
		}
		return r, err
	}
	r, err := begin("a")
	require.NoError(t, err)
	r.Release()
	admit(asTenant("b"), t, g).Release()
	assert.Equal(t, max(1, most-1), g.computeSlots.limit())
	assert.Zero(t, g.computeSlots.held)

	for range g.computeSlots.limit() {
		require.NoError(t, g.computeSlots.acquire(t.Context(), "c"))
	}
	ctx, cancel := contextWithCancel(t)
	cancel()
	r = admit(asTenant("a"), t, g)
	r.ctx, r.large = ctx, true
	_, err = Compute(r.Context(ctx))
	require.ErrorIs(t, err, ctx.Err())
	_, err = r.Check(false, large)
	assert.Equal(t, rejection.Canceled, rejection.From(err).Reason())
	r.Release()
	small := admit(asTenant("a"), t, g)
	_, err = small.Check(true, []byte("{}"))
	require.NoError(t, err, "a small request does not wait for large ones")
	end, err := Compute(small.Context(t.Context()))
	require.NoError(t, err)
	end()
	small.Release()
	end, err = Compute(t.Context())
	require.NoError(t, err, "receivers without a guard have no request")
	end()
}

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}
