// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestTooLarge_HalvesUntilItFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchTimeout, cfg.MaxBytes, cfg.BatchMaxBytes = time.Second, 1<<20, 1<<20
		s := start(t, Settings{Config: cfg})
		d := &stub{answer: func(_ context.Context, b *Batch) Result {
			if b.Bytes > 10_000 {
				return Result{Verdict: TooLarge, Reason: "http_413"}
			}
			return Result{}
		}}
		chunk := strings.Repeat("x", 4000)
		for range 8 {
			offer(t, s, one("a", chunk, d))
		}
		offer(t, s, one("a", strings.Repeat("y", 11_000), d))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		st := total(s)
		assert.Equal(t, int64(8), st.Delivered)
		assert.Equal(t, int64(1), st.Dropped[ReasonBatchRejected], "a payload that is too large alone is rejected")
		before := d.attempts()
		for range 8 {
			offer(t, s, one("a", chunk, d))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, int64(16), total(s).Delivered)
		assert.LessOrEqual(t, d.attempts()-before, 8, "the learned batch size is kept")
	})
}

func TestRejected_BecomesADeadLetterAndTheLaneContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept []string
		fail := true
		cfg := testConfig()
		cfg.BatchMaxBytes, cfg.Concurrency = 1, 1
		s := start(t, Settings{Config: cfg, Rejected: func(b *Batch, res Result) (bool, error) {
			if fail {
				fail = false
				return false, errors.New("disk full")
			}
			kept = append(kept, string(b.Payloads[0])+" "+res.Reason)
			return true, nil
		}})
		d := &stub{answer: func(_ context.Context, b *Batch) Result {
			if string(b.Payloads[0]) == "bad" {
				return Result{Verdict: Rejected, Reason: "http_400"}
			}
			return Result{}
		}}
		offer(t, s, one("a", "bad", d))
		offer(t, s, one("a", "good", d))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"bad http_400"}, kept, "a dead letter that cannot be kept is tried again")
		assert.Equal(t, []string{"good"}, d.delivered())
		assert.Equal(t, map[string]int64{"http_400": 1}, total(s).DeadLettered)
	})
}

func TestDelivered_CountsRejectedRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		part := one("a", "x", &stub{answer: answers(Result{Rejected: 3, Err: errors.New("partial")})}, &stub{answer: answers(Result{Rejected: 1 << 40})})
		part.Payload.Records = 10
		offer(t, s, part)
		synctest.Wait()
		st := total(s)
		assert.Equal(t, int64(7), st.Delivered)
		assert.Equal(t, int64(13), st.Dropped[ReasonRecordsRejected], "never more than there were")
	})
}

func TestMaxAge_ExpiresAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxAge, cfg.BatchMaxBytes = time.Minute, 1
		s := start(t, Settings{Config: cfg})
		d := &stub{answer: answers(Result{Verdict: Retry, RetryAfter: 5 * time.Minute})}
		for range 3 {
			offer(t, s, one("a", "x", d))
		}
		time.Sleep(30 * time.Second)
		offer(t, s, one("a", "y", d))
		time.Sleep(31 * time.Second)
		synctest.Wait()
		st := total(s)
		assert.Equal(t, int64(3), st.Dropped[ReasonExpired], "also while the lane waits for a retry")
		assert.Equal(t, int64(1), st.QueuedRecords)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, int64(4), total(s).Dropped[ReasonExpired])
		assert.Zero(t, held(s))
	})
}

func TestObserve_AgeIncludesDataInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		age := func() (oldest time.Duration) {
			for _, st := range s.Observe() {
				oldest = max(oldest, st.Oldest)
			}
			assert.Equal(t, oldest, s.Health().Oldest)
			return oldest
		}
		slow := &stub{endpoint: "slow", answer: func(context.Context, *Batch) Result {
			time.Sleep(10 * time.Second)
			return Result{}
		}}
		offer(t, s, one("a", "x", slow))
		time.Sleep(3 * time.Second)
		offer(t, s, one("a", "x", slow))
		time.Sleep(3 * time.Second)
		assert.Equal(t, 6*time.Second, age())
		time.Sleep(6 * time.Second)
		assert.Equal(t, 9*time.Second, age())
		time.Sleep(2 * time.Second)
		assert.Zero(t, age())
	})
}

func TestShutdown_TriesOnceAndCountsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchTimeout, cfg.BatchMaxBytes = time.Hour, 1
		s := NewScheduler(Settings{Config: cfg, Logger: start(t, Settings{Config: cfg}).Logger})
		s.Start()
		ok := &stub{endpoint: "ok"}
		down := &stub{endpoint: "down", answer: answers(Result{Verdict: Retry})}
		slow := &stub{endpoint: "slow", answer: hang}
		for range 5 {
			offer(t, s, one("a", "x", ok, down, slow))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		s.Shutdown(ctx)
		assert.Equal(t, 3*time.Second, time.Since(begin), "it uses all of its time")
		assert.Len(t, ok.delivered(), 5)
		// Two may have been in flight before, the lane's concurrency; then
		// there is one probe.
		assert.LessOrEqual(t, down.attempts(), 3)
		st := total(s)
		assert.Equal(t, int64(10), st.Dropped[ReasonShutdown])
		assert.Zero(t, st.QueuedRecords)
		assert.ErrorIs(t, s.Offer(context.Background(), []Part{one("a", "x", ok)}), ErrShutdown)
	})
}

// kept is a store that keeps nothing: data is in memory anyway.
type kept struct{}

func (kept) Put(context.Context, []Part) error { return nil }

func (kept) Read(_ context.Context, payloads []*Payload) ([][]byte, error) {
	return make([][]byte, len(payloads)), nil
}

func (kept) Release([]*Payload, string) {}

func TestShutdown_WithAStoreIgnoresABackendThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxMemoryBytes = 1 << 20
		s := NewScheduler(Settings{Config: cfg, Store: kept{}, Logger: start(t, Settings{Config: cfg}).Logger})
		s.Start()
		first := true
		hanging := &stub{endpoint: "hanging", answer: func(ctx context.Context, b *Batch) Result {
			if first {
				first = false
				return Result{Verdict: Retry}
			}
			return hang(ctx, b)
		}}
		slow := &stub{endpoint: "slow", answer: func(context.Context, *Batch) Result {
			time.Sleep(4 * time.Second)
			return Result{}
		}}
		offer(t, s, one("a", "x", hanging))
		time.Sleep(3 * time.Second) // until it hangs
		synctest.Wait()
		require.Equal(t, 2, hanging.attempts())
		offer(t, s, one("b", "x", slow))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		begin := time.Now()
		s.Shutdown(ctx)
		assert.Equal(t, 4*time.Second, time.Since(begin), "what a destination is taking is waited for")
		assert.Len(t, slow.delivered(), 1)
		st := total(s)
		assert.Equal(t, int64(1), st.QueuedRecords, "what hangs stays in the store")
		assert.Zero(t, st.Dropped[ReasonShutdown])
	})
}

// The identity that Stats promises holds in every observation, whatever
// destinations do.
func TestStats_AddUpAtEveryMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxAge, cfg.BatchMaxBytes, cfg.MaxBytes = 2*time.Minute, 20, 200
		s := start(t, Settings{Config: cfg, PerTenant: true, Rejected: func(*Batch, Result) (bool, error) { return rand.IntN(2) == 0, nil }})
		verdicts := []Verdict{Delivered, Delivered, Retry, Blocked, TooLarge, Rejected}
		random := func(context.Context, *Batch) Result {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
			return Result{Verdict: verdicts[rand.IntN(len(verdicts))], Reason: "random", Rejected: rand.IntN(2)}
		}
		targets := []Target{&stub{endpoint: "x", answer: random}, &stub{endpoint: "y", answer: random}}
		rejected := 0
		for range 3000 {
			id := tenant.ID(rune('a' + rand.IntN(5)))
			if s.Offer(context.Background(), []Part{one(id, strings.Repeat("x", 1+rand.IntN(30)), targets...)}) != nil {
				rejected++
			}
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
			for key, st := range s.Observe() {
				in, out := balance(st)
				require.Equal(t, in, out, "%v %+v", key, st)
			}
		}
		assert.Positive(t, rejected)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		st := total(s)
		in, out := balance(st)
		assert.Equal(t, in, out)
		assert.Zero(t, st.QueuedRecords)
		assert.Zero(t, st.QueuedBytes)
		assert.Zero(t, held(s))
	})
}
