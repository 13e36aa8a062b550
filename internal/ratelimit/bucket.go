// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import "time"

// bucket is a token bucket. It refills at a rate up to a burst. One request may take
// more than is left, so that a request larger than the burst can pass at all; the bucket
// is then in debt and lets nothing through until it has refilled. The debt is bounded by
// the largest request.
//
// Rate and burst are arguments of each call and may change between calls. A bucket is
// not safe for concurrent use. Its zero value is full.
type bucket struct {
	balance float64
	at      time.Time
}

// refill brings the balance up to now.
func (b *bucket) refill(rate, burst float64, now time.Time) {
	switch {
	case b.at.IsZero():
		b.balance = burst
	case now.After(b.at):
		b.balance = min(burst, b.balance+rate*now.Sub(b.at).Seconds())
	default:
		return // the clock went back: the same time must not refill twice
	}
	b.at = now
}

// wait returns how long it takes until something may be taken, 0 if at once.
func (b *bucket) wait(rate float64) time.Duration {
	if b.balance > 0 {
		return 0
	}
	return max(time.Millisecond, time.Duration(-b.balance/rate*float64(time.Second)))
}
