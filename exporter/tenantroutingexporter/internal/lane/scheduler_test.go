// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestOffer_MergesWhatComesWithinTheBatchTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchTimeout, cfg.BatchMaxBytes = 200*time.Millisecond, 4
		s := start(t, Settings{Config: cfg})
		d := &stub{}
		begin := time.Now()
		offer(t, s, one("a", "1", d))
		offer(t, s, one("a", "2", d))
		synctest.Wait()
		assert.Empty(t, d.delivered(), "the batch is neither full nor old")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []string{"1+2"}, d.delivered())
		assert.Equal(t, begin.Add(200*time.Millisecond), d.at[0])

		for _, text := range []string{"33", "44", "55"} {
			offer(t, s, one("a", text, d))
		}
		synctest.Wait()
		assert.Equal(t, []string{"1+2", "33+44"}, d.delivered(), "a full batch goes at once")
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"1+2", "33+44", "55"}, d.delivered())
	})
}

func TestOffer_SendsAPayloadLargerThanABatchAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		d := &stub{}
		big := strings.Repeat("x", 500)
		offer(t, s, one("a", big, d))
		synctest.Wait()
		assert.Equal(t, []string{big}, d.delivered())
	})
}

func TestOffer_FullLaneRejectsOnlyItsTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		dead, ok := &stub{endpoint: "dead", answer: hang}, &stub{endpoint: "ok"}
		chunk := strings.Repeat("x", 400)
		offer(t, s, one("a", chunk, dead), one("b", chunk, ok))
		offer(t, s, one("a", chunk, dead))

		err := s.Offer(context.Background(), []Part{one("a", chunk, dead)})
		var full *FullError
		require.ErrorAs(t, err, &full)
		assert.Equal(t, "lane::max_bytes", full.Rule)
		assert.EqualError(t, err, "the logs queue of the tenant is full (lane::max_bytes: 1000)")

		for range 20 {
			offer(t, s, one("b", chunk, ok))
			synctest.Wait()
		}
		assert.Len(t, ok.delivered(), 21)
	})
}

func TestOffer_IsAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		dead, ok := &stub{endpoint: "dead", answer: hang}, &stub{endpoint: "ok"}
		chunk := strings.Repeat("x", 600)
		offer(t, s, one("a", chunk, &stub{endpoint: "ok"}, dead))
		synctest.Wait()
		before := total(s)

		// The second destination of a is full; neither its first nor b may get it.
		err := s.Offer(context.Background(), []Part{one("b", chunk, ok), one("a", chunk, ok, dead)})
		require.Error(t, err)
		synctest.Wait()
		assert.Empty(t, ok.delivered())
		assert.Equal(t, before.Accepted, total(s).Accepted)
	})
}

func TestOffer_RejectsOversizedDataPermanently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		err := s.Offer(context.Background(), []Part{one("a", strings.Repeat("x", 1001), &stub{})})
		var large *TooLargeError
		require.ErrorAs(t, err, &large)
		assert.Contains(t, err.Error(), "lane::max_bytes: 1000")
	})
}

func TestOffer_BoundsSeveralPartsOfOneLaneTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		dead := &stub{answer: hang}
		chunk := strings.Repeat("x", 400)
		err := s.Offer(context.Background(), []Part{one("a", chunk, dead), one("a", chunk, dead), one("a", chunk, dead)})
		var large *TooLargeError
		require.ErrorAs(t, err, &large, "together they never fit")
		offer(t, s, one("a", chunk, dead))
		err = s.Offer(context.Background(), []Part{one("a", chunk, dead), one("a", chunk, dead)})
		var full *FullError
		require.ErrorAs(t, err, &full)
		offer(t, s, one("a", chunk, dead))
	})
}

func TestOffer_AFloodLeavesSpaceForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxTotalBytes = 1000
		s := start(t, Settings{Config: cfg})
		dead := &stub{answer: hang}
		chunk := strings.Repeat("x", 100)
		accepted := map[tenant.ID]int{}
		for _, id := range []tenant.ID{"flood", "second", "third"} {
			for range 20 {
				if s.Offer(context.Background(), []Part{one(id, chunk, dead)}) == nil {
					accepted[id]++
				}
			}
		}
		assert.Equal(t, map[tenant.ID]int{"flood": 5, "second": 3, "third": 1}, accepted)
		assert.LessOrEqual(t, held(s), int64(1000))
	})
}

func TestScheduler_ADeadDestinationDoesNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.EndpointConcurrency, cfg.InFlight = 4, 8
		s := start(t, Settings{Config: cfg})
		dead := &stub{endpoint: "dead", answer: func(ctx context.Context, b *Batch) Result {
			select {
			case <-time.After(30 * time.Second):
			case <-ctx.Done():
			}
			return Result{Verdict: Retry, Reason: "timeout"}
		}}
		for i := range 10 {
			id := tenant.ID(rune('A' + i))
			offer(t, s, one(id, "1", dead))
			offer(t, s, one(id, "2", dead))
		}
		synctest.Wait()
		assert.Equal(t, 4, dead.resetMost(), "an endpoint has its own bound")
		for range 50 {
			ok := &stub{endpoint: "ok"}
			begin := time.Now()
			offer(t, s, one("b", "x", ok))
			synctest.Wait()
			require.Equal(t, []string{"x"}, ok.delivered())
			require.Zero(t, time.Since(begin))
			time.Sleep(10 * time.Second)
		}
	})
}

func TestScheduler_HalfOfTheWorkersAreForLanesThatWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.InFlight, cfg.Concurrency, cfg.MaxAge = 8, 1, 24*time.Hour
		s := start(t, Settings{Config: cfg})
		var slow atomic.Bool
		answer := func(ctx context.Context, _ *Batch) Result {
			if slow.Load() {
				select {
				case <-time.After(time.Hour):
				case <-ctx.Done():
				}
			}
			return Result{Verdict: Retry, Reason: "timeout"}
		}
		for i := range 20 {
			id := tenant.ID(rune('A' + i))
			offer(t, s, one(id, "1", &stub{endpoint: string(id), answer: answer}))
		}
		synctest.Wait()
		slow.Store(true) // every lane has failed once; from now on each attempt hangs
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s.mu.Lock()
		assert.Equal(t, 4, s.inFlight)
		s.mu.Unlock()
		ok := &stub{endpoint: "ok"}
		offer(t, s, one("b", "x", ok))
		synctest.Wait()
		assert.Equal(t, []string{"x"}, ok.delivered())
	})
}

func TestScheduler_LanesOfOneEndpointAlternate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.EndpointConcurrency, cfg.BatchMaxBytes = 1, 1
		s := start(t, Settings{Config: cfg})
		d := &stub{answer: func(context.Context, *Batch) Result {
			time.Sleep(time.Second)
			return Result{}
		}}
		for range 20 {
			offer(t, s, one("flood", "f", d))
		}
		synctest.Wait()
		offer(t, s, one("quiet", "q", d))
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		assert.Contains(t, d.delivered(), "q", "at most one batch of each other lane comes before it: %v", d.delivered())
	})
}

func TestScheduler_BoundsTheBatchesOfALane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchMaxBytes = 1
		s := start(t, Settings{Config: cfg})
		slow := func(context.Context, *Batch) Result {
			time.Sleep(time.Second)
			return Result{}
		}
		two, single := &stub{answer: slow}, &stub{answer: slow, bounds: Bounds{Concurrency: 1}}
		for range 5 {
			offer(t, s, one("a", "x", two, single))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, 2, two.resetMost())
		assert.Equal(t, 1, single.resetMost())
		assert.Len(t, single.delivered(), 5)
	})
}

func TestScheduler_IdleLanesClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		offer(t, s, one("a", "x", &stub{endpoint: "e"}))
		time.Sleep(50 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, open(s))
		offer(t, s, one("a", "x", &stub{endpoint: "e"}))
		time.Sleep(50 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, open(s), "it was used meanwhile")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.Empty(t, s.lanes)
		assert.Empty(t, s.endpoints)
		assert.Empty(t, s.usage)
		assert.Empty(t, s.timers)
		assert.Zero(t, s.total)
		assert.Len(t, s.stats, 1, "what was counted stays")
	})
}

func TestRetarget_MovesQueuedData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		wrong := &stub{endpoint: "wrong", answer: answers(Result{Verdict: Blocked, Reason: "http_401"})}
		right := &stub{endpoint: "right"}
		offer(t, s, one("a", "x", wrong))
		synctest.Wait()
		s.Retarget(func(Key) Target { return nil })
		synctest.Wait()
		assert.Equal(t, 1, wrong.attempts(), "a lane without a new target goes on waiting")
		s.Retarget(func(Key) Target { return right })
		synctest.Wait()
		assert.Equal(t, []string{"x"}, right.delivered(), "a lane with a new target is tried at once")
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.NotContains(t, s.endpoints, "wrong")
	})
}

func TestForget_BoundsStatisticsByTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig(), PerTenant: true})
		offer(t, s, one("gone", "x", &stub{}), one("here", "x", &stub{}))
		gone := func(id tenant.ID) bool { return id == "gone" }
		s.Forget(gone)
		assert.Len(t, s.Observe(), 2, "its lane is open still")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s.Forget(gone)
		assert.Len(t, s.Observe(), 1)
	})
}

// broken is a target whose Endpoint panics.
type broken struct{ stub }

func (*broken) Endpoint() string { panic("planted") }

// The caller of Offer recovers from panics. Others must be served after that, and what
// the offer had reserved is free again.
func TestOffer_APanicReservesNothing(t *testing.T) {
	compressed, spaced := false, false
	for name, set := range map[string]Settings{
		"Precompress": {Precompress: func(context.Context, Part) {
			if !compressed {
				compressed = true
				panic("planted")
			}
		}},
		"Space": {Space: func(tenant.ID) Space {
			if !spaced {
				spaced = true
				panic("planted")
			}
			return Space{Disk: math.MaxInt64 / 2, Quota: math.MaxInt64 / 2}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set.Config = testConfig()
				s := start(t, set)
				d := &stub{}
				assert.Panics(t, func() { _ = s.Offer(t.Context(), []Part{one("a", "first", d)}) })
				assert.Zero(t, held(s))
				assert.Zero(t, inMemory(s))
				offer(t, s, one("a", "second", d))
				synctest.Wait()
				assert.Equal(t, []string{"second"}, d.delivered())
				assert.Zero(t, held(s))
			})
		})
	}
}

func TestRetarget_PanicReleasesTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		d := &stub{}
		offer(t, s, one("a", "first", d))
		assert.Panics(t, func() { s.Retarget(func(Key) Target { return &broken{} }) })
		offer(t, s, one("a", "second", d))
		synctest.Wait()
		assert.ElementsMatch(t, []string{"first", "second"}, d.delivered())
	})
}
