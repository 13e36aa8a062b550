// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// inMemory returns how many bytes of data are in memory.
func inMemory(s *Scheduler) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inMemory
}

// brackets is a Precompress that can be seen, and makes data shorter than they were.
func brackets(_ context.Context, part Part) {
	part.Payload.Data = []byte("<" + string(part.Payload.Data[:1]) + ">")
}

func TestPrecompress_QueuedDataIsCompressedAndCountsAtItsFullSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchTimeout = time.Second
		s := start(t, Settings{Config: cfg, Precompress: brackets})
		a, b := &stub{endpoint: "a"}, &stub{endpoint: "b"}
		offer(t, s, one("a", "first", a, b), one("a", "second", a))
		assert.Equal(t, int64(len("first")+len("second")), held(s))
		assert.Equal(t, int64(2*len("first")+len("second")), total(s).QueuedBytes)
		assert.Equal(t, int64(len("<f>")+len("<s>")), inMemory(s))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"<f>+<s>"}, a.delivered(), "batch sizes are those before compression")
		assert.Equal(t, []string{"<f>"}, b.delivered())
		assert.Zero(t, held(s))
		assert.Zero(t, inMemory(s))
	})
}

// A flood of requests that do not fit must not cost the work of compression.
func TestPrecompress_IsNotCalledForARejectedOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxBytes, cfg.BatchTimeout = 10, time.Second
		calls := 0
		s := start(t, Settings{Config: cfg, Precompress: func(ctx context.Context, part Part) { calls++; brackets(ctx, part) }})
		d := &stub{endpoint: "d"}
		offer(t, s, one("a", "12345678", d))
		var full *FullError
		require.ErrorAs(t, s.Offer(context.Background(), []Part{one("a", "123", d)}), &full)
		var large *TooLargeError
		require.ErrorAs(t, s.Offer(context.Background(), []Part{one("a", "12345678901", d)}), &large)
		assert.Equal(t, 1, calls)
	})
}

// keeper is a store that returns err and shows what it got.
type keeper struct {
	kept
	err error
	got []string
}

func (k *keeper) Put(_ context.Context, parts []Part) error {
	for _, p := range parts {
		k.got = append(k.got, string(p.Payload.Data))
	}
	return k.err
}

func TestPrecompress_IsCalledBeforeTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &keeper{}
		s := start(t, Settings{Config: testConfig(), Store: st, Precompress: brackets})
		offer(t, s, one("a", "first", &stub{endpoint: "d"}))
		synctest.Wait()
		st.err = errors.New("no space")
		var failed *StoreError
		require.ErrorAs(t, s.Offer(context.Background(), []Part{one("a", "second", &stub{endpoint: "d"})}), &failed)
		assert.Equal(t, []string{"<f>", "<s>"}, st.got)
		assert.Zero(t, held(s))
		assert.Zero(t, inMemory(s))
	})
}

// An offer that is being compressed when the shutdown begins is delivered: its caller
// learns that it was accepted.
func TestShutdown_WaitsForOffersInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stub{endpoint: "d"}
		s := NewScheduler(Settings{Config: testConfig(), Logger: zap.NewNop(), Precompress: func(context.Context, Part) { time.Sleep(3 * time.Second) }})
		s.Start()
		done := make(chan error, 1)
		go func() { done <- s.Offer(context.Background(), []Part{one("a", "x", d)}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		begin := time.Now()
		s.Shutdown(ctx)
		assert.Equal(t, 3*time.Second, time.Since(begin))
		require.NoError(t, <-done)
		assert.Equal(t, []string{"x"}, d.delivered())
		st := total(s)
		in, out := balance(st)
		assert.Equal(t, in, out)
		assert.Equal(t, int64(1), st.Delivered)
	})
}

// An offer that takes longer than the shutdown may is rejected, because it would
// not be delivered.
func TestShutdown_RejectsAnOfferThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &stub{endpoint: "d"}
		s := NewScheduler(Settings{Config: testConfig(), Logger: zap.NewNop(), Precompress: func(context.Context, Part) { time.Sleep(time.Minute) }})
		s.Start()
		done := make(chan error, 1)
		go func() { done <- s.Offer(context.Background(), []Part{one("a", "x", d)}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		begin := time.Now()
		s.Shutdown(ctx)
		assert.Equal(t, 2*time.Second, time.Since(begin))
		require.ErrorIs(t, <-done, ErrShutdown)
		assert.Zero(t, held(s))
		assert.Zero(t, total(s).Accepted)
	})
}

// An offer is rejected too if it is ready at the deadline and only an attempt that ignores its
// context is in flight.
func TestShutdown_RejectsAnOfferWhileTheLastAttemptsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &stub{endpoint: "slow", answer: func(context.Context, *Batch) Result { time.Sleep(time.Minute); return Result{} }}
		s := NewScheduler(Settings{Config: testConfig(), Logger: zap.NewNop(), Precompress: func(_ context.Context, part Part) {
			if part.Payload.Tenant == "b" {
				time.Sleep(30 * time.Second)
			}
		}})
		s.Start()
		offer(t, s, one("a", "x", slow))
		done := make(chan error, 1)
		go func() { done <- s.Offer(context.Background(), []Part{one("b", "y", slow)}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		s.Shutdown(ctx)
		require.ErrorIs(t, <-done, ErrShutdown)
		assert.Equal(t, []string{"x"}, slow.delivered())
		st := total(s)
		assert.Equal(t, int64(1), st.Accepted)
		assert.Zero(t, st.Dropped[ReasonShutdown])
	})
}
