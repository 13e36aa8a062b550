// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func testBreaker() *breaker {
	return &breaker{cfg: &Config{RetryInitial: time.Second, RetryMax: 4 * time.Second, BreakerFailures: 3, BreakerOpen: 20 * time.Second}}
}

// near asserts that a delay is d, changed by jitter.
func near(t *testing.T, d, got time.Duration) {
	t.Helper()
	assert.InDelta(t, d, got, float64(d)/4)
}

func TestBreaker_Transitions(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	type step struct {
		name  string
		do    func(b *breaker)
		at    time.Time
		state BreakerState
	}
	fail := func(at time.Time) func(*breaker) { return func(b *breaker) { b.fail(failure{at: at}) } }
	late := noon.Add(time.Hour)
	for name, steps := range map[string][]step{
		"opens at the limit, half-opens with time, closes with an answer": {
			{"first failure", fail(noon), noon, BreakerClosed},
			{"second failure", fail(noon), noon, BreakerClosed},
			{"third failure", fail(noon), noon, BreakerOpen},
			{"before the retry time", func(*breaker) {}, noon.Add(14 * time.Second), BreakerOpen},
			{"after it", func(*breaker) {}, noon.Add(26 * time.Second), BreakerHalfOpen},
			{"the probe begins", func(b *breaker) { b.begin() }, noon.Add(26 * time.Second), BreakerHalfOpen},
			{"and succeeds", func(b *breaker) { b.end(true); b.succeed() }, noon.Add(27 * time.Second), BreakerClosed},
		},
		"a failed probe opens it again": {
			{"failures", func(b *breaker) { fail(noon)(b); fail(noon)(b); fail(noon)(b) }, late, BreakerHalfOpen},
			{"the probe begins", func(b *breaker) { b.begin() }, late, BreakerHalfOpen},
			{"and fails", func(b *breaker) { b.end(true); b.fail(failure{at: late}) }, late, BreakerOpen},
		},
		"a probe without an outcome leaves it half-open": {
			{"failures", func(b *breaker) { fail(noon)(b); fail(noon)(b); fail(noon)(b) }, noon, BreakerOpen},
			{"the probe of a shutdown begins early", func(b *breaker) { b.begin() }, noon, BreakerHalfOpen},
			{"and ends", func(b *breaker) { b.end(true) }, noon, BreakerOpen},
			{"until the retry time", func(*breaker) {}, late, BreakerHalfOpen},
		},
		"an answer before the limit starts the count again": {
			{"failures", func(b *breaker) { fail(noon)(b); fail(noon)(b) }, noon, BreakerClosed},
			{"an answer", func(b *breaker) { b.succeed() }, noon, BreakerClosed},
			{"failures", func(b *breaker) { fail(noon)(b); fail(noon)(b) }, noon, BreakerClosed},
		},
		"blocked opens it at once": {
			{"blocked", func(b *breaker) { b.fail(failure{at: noon, blocked: true}) }, noon, BreakerOpen},
		},
		"other settings allow a probe at once": {
			{"blocked", func(b *breaker) { b.fail(failure{at: noon, blocked: true}) }, noon, BreakerOpen},
			{"settings", func(b *breaker) { b.retryNow() }, noon, BreakerHalfOpen},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := testBreaker()
			for _, s := range steps {
				s.do(b)
				assert.Equal(t, s.state, b.state(s.at), s.name)
			}
		})
	}
}

func TestBreaker_ReportsTransitions(t *testing.T) {
	now := time.Now()
	b := testBreaker()
	assert.False(t, b.begin(), "an attempt of a closed breaker without failures is no probe")
	assert.False(t, b.succeed())
	assert.False(t, b.fail(failure{at: now}))
	assert.True(t, b.begin(), "an attempt after a failure is a probe")
	assert.False(t, b.fail(failure{at: now}))
	assert.True(t, b.fail(failure{at: now}), "opens")
	assert.False(t, b.fail(failure{at: now}), "is open already")
	assert.True(t, b.succeed(), "closes")
	assert.False(t, b.fail(failure{at: now}))
	assert.True(t, b.succeed(), "one failure was logged, so its end is too")
	assert.False(t, b.failing())
	assert.True(t, b.fail(failure{at: now, blocked: true}), "opens")
	assert.False(t, b.fail(failure{at: now, blocked: true}), "is open already")
}

func TestBreaker_Backoff(t *testing.T) {
	now := time.Now()
	b := testBreaker()
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 20 * time.Second, 20 * time.Second} {
		b.fail(failure{at: now})
		near(t, want, b.retryAt.Sub(now))
		assert.Equal(t, i+1, b.failures)
		assert.True(t, b.since.Equal(now))
	}
	b.cfg.RetryMax = time.Minute
	for range 100 { // the shift of the first backoff overflows
		b.fail(failure{at: now.Add(time.Second)})
		near(t, max(20*time.Second, min(time.Second<<min(b.failures-1, 10), time.Minute)), max(b.retryAt.Sub(now)-time.Second, 0))
	}
	assert.True(t, b.since.Equal(now), "the first failure in a row")
}

func TestBreaker_RetryAfterIsBounded(t *testing.T) {
	now := time.Now()
	for asked, want := range map[time.Duration]time.Duration{45 * time.Second: 45 * time.Second, 1000 * time.Hour: maxRetryAfter} {
		b := testBreaker()
		b.fail(failure{at: now, retryAfter: asked})
		assert.Equal(t, want, b.retryAt.Sub(now))
	}
}

func TestBreaker_StatesHaveNames(t *testing.T) {
	names := map[string]bool{}
	for s := range numBreakerStates {
		names[s.String()] = true
	}
	assert.Equal(t, map[string]bool{"closed": true, "open": true, "half_open": true}, names)
}
