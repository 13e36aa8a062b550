// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"math/rand/v2"
	"time"
)

// BreakerState is the state of the circuit breaker of a lane.
type BreakerState uint8

// The states, and their names in metrics.
const (
	BreakerClosed   BreakerState = iota // fewer failures in a row than the limit
	BreakerOpen                         // no attempt until the retry time
	BreakerHalfOpen                     // the retry time has passed: one probe decides
	numBreakerStates
)

var breakerNames = [numBreakerStates]string{"closed", "open", "half_open"}

// String returns the name used in metrics.
func (s BreakerState) String() string { return breakerNames[s] }

// maxRetryAfter bounds the delay that a destination can ask for.
const maxRetryAfter = 10 * time.Minute

// breaker decides when a lane may attempt a delivery. Every failure delays the next attempt,
// each time longer. Config.BreakerFailures of them in a row open the breaker: attempts are then
// at least Config.BreakerOpen apart. After any failure there is one attempt at a time, until one
// reaches the destination. It is guarded by Scheduler.mu.
type breaker struct {
	cfg *Config

	failures int       // in a row
	since    time.Time // of the first of them
	retryAt  time.Time // no attempt before it; zero: at any time
	probing  bool      // an attempt that began after a failure is in flight
}

// state returns the state at the time now.
func (b *breaker) state(now time.Time) BreakerState {
	switch {
	case b.failures == 0 || b.failures < b.cfg.BreakerFailures:
		return BreakerClosed
	case b.probing || b.ready(now):
		return BreakerHalfOpen
	}
	return BreakerOpen
}

// failing reports whether the last attempt failed, so that the next one is a probe.
func (b *breaker) failing() bool { return b.failures > 0 }

// ready reports whether the retry time has passed.
func (b *breaker) ready(now time.Time) bool { return !now.Before(b.retryAt) }

// begin notes that an attempt begins, and reports whether it is a probe.
func (b *breaker) begin() (probe bool) {
	if b.failing() {
		b.probing = true
		return true
	}
	return false
}

// end notes that an attempt has ended. Its outcome is recorded with succeed or fail, or it has
// none, as when the data could not be read.
func (b *breaker) end(probe bool) {
	if probe {
		b.probing = false
	}
}

// succeed closes the breaker, because the destination answers. It reports whether the last
// attempt failed.
func (b *breaker) succeed() (failed bool) {
	failed = b.failing()
	b.failures, b.retryAt = 0, time.Time{}
	return failed
}

// failure is a failed attempt.
type failure struct {
	at         time.Time
	blocked    bool          // no attempt succeeds until an operator acts: the breaker opens at once
	retryAfter time.Duration // the delay that the destination asks for; zero: none
}

// fail records a failed attempt, and reports whether that opens the breaker.
func (b *breaker) fail(f failure) (opens bool) {
	closed := b.failures < b.cfg.BreakerFailures
	if b.failures == 0 {
		b.since = f.at
	}
	b.failures++
	if f.blocked {
		b.failures = max(b.failures, b.cfg.BreakerFailures)
	}
	b.retryAt = f.at.Add(max(jitter(b.backoff()), min(f.retryAfter, maxRetryAfter)))
	return closed && b.failures >= b.cfg.BreakerFailures
}

// retryNow allows an attempt at once, because the destination has other settings now.
func (b *breaker) retryNow() { b.retryAt = time.Time{} }

// backoff returns the delay before the next attempt. It doubles with every failure.
func (b *breaker) backoff() time.Duration {
	wait := b.cfg.RetryMax
	if b.failures < 32 {
		wait = min(wait, b.cfg.RetryInitial<<(b.failures-1))
		if wait <= 0 { // the shift overflowed
			wait = b.cfg.RetryMax
		}
	}
	if b.failures >= b.cfg.BreakerFailures {
		wait = max(wait, b.cfg.BreakerOpen)
	}
	return wait
}

// jitter changes d by up to a quarter either way, so that lanes that failed together do not
// retry together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.75 + rand.Float64()/2))
}
