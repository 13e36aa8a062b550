// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func gaps(d *stub) []time.Duration {
	var out []time.Duration
	for i := 1; i < len(d.at); i++ {
		out = append(out, d.at[i].Sub(d.at[i-1]))
	}
	return out
}

func TestRetry_BacksOffAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BreakerFailures = 100
		s := start(t, Settings{Config: cfg})
		down := Result{Verdict: Retry, Reason: "http_503", Err: errors.New("down")}
		d := &stub{answer: answers(down, down, down, down, Result{})}
		offer(t, s, one("a", "1", d))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"1"}, d.delivered())
		for i, gap := range gaps(d) {
			want := time.Second << i
			assert.InDelta(t, want, gap, float64(want)/4)
		}
		assert.Equal(t, map[string]int64{"http_503": 4, "": 1}, s.Observe()[StatsKey{Destination: "d0"}].Attempts)
	})
}

func TestRetry_RespectsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		d := &stub{answer: answers(Result{Verdict: Retry, RetryAfter: 45 * time.Second}, Result{Verdict: Retry, RetryAfter: 1000 * time.Hour}, Result{})}
		offer(t, s, one("a", "1", d))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []time.Duration{45 * time.Second, maxRetryAfter}, gaps(d), "but not without a bound")
	})
}

func TestRetry_AFailingLaneProbesWithOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchMaxBytes, cfg.Concurrency = 1, 4
		s := start(t, Settings{Config: cfg})
		var up atomic.Bool
		d := &stub{answer: func(context.Context, *Batch) Result {
			time.Sleep(time.Millisecond)
			if up.Load() {
				return Result{}
			}
			return Result{Verdict: Retry}
		}}
		for range 8 {
			offer(t, s, one("a", "x", d))
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		d.resetMost()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, d.resetMost())
		up.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Len(t, d.delivered(), 8)
		assert.Equal(t, 4, d.resetMost(), "full concurrency returns")
	})
}

func TestBreaker_OpensAfterFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BreakerFailures, cfg.BreakerOpen, cfg.RetryMax = 3, 20*time.Second, 2*time.Second
		s := start(t, Settings{Config: cfg})
		d := &stub{answer: answers(Result{Verdict: Retry})}
		offer(t, s, one("a", "1", d))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, int64(1), total(s).Lanes[StateWaiting])
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, int64(1), total(s).Lanes[StateOpen])
		for _, gap := range gaps(d)[2:] {
			assert.InDelta(t, 20*time.Second, gap, float64(5*time.Second))
		}
	})
}

func TestBlocked_OpensTheBreakerAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Settings{Config: testConfig()})
		d := &stub{answer: answers(Result{Verdict: Blocked, Reason: "http_401"}, Result{})}
		offer(t, s, one("a", "1", d))
		time.Sleep(7 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, d.attempts())
		assert.Equal(t, int64(1), total(s).Lanes[StateOpen])
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"1"}, d.delivered(), "nothing is lost")
		assert.Equal(t, int64(0), total(s).Lanes[StateOpen])
	})
}

func TestBreaker_StateIsObservedAndInHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BreakerFailures = 1
		s := start(t, Settings{Config: cfg})
		check := func(want BreakerState, halfOpen int, text string) {
			t.Helper()
			synctest.Wait()
			for state, n := range s.Observe()[StatsKey{Destination: "d0"}].Breakers {
				if BreakerState(state) == want {
					assert.Equal(t, int64(1), n, text)
				} else {
					assert.Zero(t, n, text)
				}
			}
			assert.Equal(t, halfOpen, s.Health().HalfOpen, text)
		}
		probe := make(chan Result)
		first := true
		d := &stub{answer: func(context.Context, *Batch) Result {
			if first {
				first = false
				return Result{Verdict: Retry}
			}
			return <-probe
		}}
		offer(t, s, one("a", "1", d))
		check(BreakerOpen, 0, "a failure opens it")
		time.Sleep(13 * time.Second)
		check(BreakerHalfOpen, 1, "the probe is in flight")
		assert.True(t, s.Health().Failing[0].HalfOpen)
		probe <- Result{Verdict: Retry}
		check(BreakerOpen, 0, "the probe fails")
		assert.False(t, s.Health().Failing[0].HalfOpen)
		time.Sleep(13 * time.Second)
		probe <- Result{}
		check(BreakerClosed, 0, "the probe succeeds")
	})
}
