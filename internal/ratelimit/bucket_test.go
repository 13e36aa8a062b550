// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestBucket_BeginsFullAndRefillsUpToTheBurst(t *testing.T) {
	var b bucket
	b.refill(10, 20, noon)
	assert.InDelta(t, 20, b.balance, 0)
	b.balance -= 15
	b.refill(10, 20, noon.Add(time.Second))
	assert.InDelta(t, 15, b.balance, 1e-9)
	b.refill(10, 20, noon.Add(time.Hour))
	assert.InDelta(t, 20, b.balance, 0)
}

func TestBucket_RejectsUntilItsDebtIsRepaid(t *testing.T) {
	var b bucket
	b.refill(10, 10, noon)
	assert.Zero(t, b.wait(10))
	b.balance -= 1000 // far above the burst: it passes, and is waited for
	assert.InDelta(t, 99, b.wait(10).Seconds(), 1e-6)
	b.refill(10, 10, noon.Add(98*time.Second))
	assert.InDelta(t, 1, b.wait(10).Seconds(), 1e-6)
	b.refill(10, 10, noon.Add(100*time.Second))
	assert.Zero(t, b.wait(10))
}

func TestBucket_EmptyRejects(t *testing.T) {
	b := bucket{at: noon}
	assert.Positive(t, b.wait(10))
}

func TestBucket_RefillsOncePerInterval(t *testing.T) {
	b := bucket{at: noon}
	b.refill(10, 100, noon.Add(time.Second))
	b.refill(10, 100, noon) // the clock went back
	b.refill(10, 100, noon.Add(time.Second))
	assert.InDelta(t, 10, b.balance, 1e-9)
}

func TestBucket_FollowsARateThatChanges(t *testing.T) {
	var b bucket
	b.refill(100, 100, noon)
	b.refill(10, 10, noon.Add(time.Second))
	assert.InDelta(t, 10, b.balance, 0, "a lower limit is in force at once")
	b.refill(100, 100, noon.Add(2*time.Second))
	assert.InDelta(t, 100, b.balance, 0)
}

func TestBucket_AllowsItsRateWithinTwoPercentOverAMinute(t *testing.T) {
	const rate, minute = 5000, 60
	for _, batch := range []int{1, 100, 999} {
		var b bucket
		rnd := rand.New(rand.NewPCG(1, 2))
		passed := 0
		for now := noon; now.Before(noon.Add(minute * time.Second)); now = now.Add(time.Duration(rnd.IntN(batch)) * time.Second / rate / 3) {
			if batch == 1 {
				now = now.Add(time.Second / rate / 3)
			}
			b.refill(rate, rate, now)
			if b.wait(rate) == 0 {
				b.balance -= float64(batch)
				passed += batch
			}
		}
		assert.InEpsilon(t, rate*minute, passed, 0.02, "batches of %d", batch)
	}
}
