// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"math/bits"
	"time"
)

const (
	// searchBurst is how many requests a lane can save for finding the records that its
	// destination rejects.
	searchBurst = 512

	// searchEvery is how often the budget grows by one request.
	searchEvery = 500 * time.Millisecond

	// searchBytes is the payload size that costs one request more, because the whole payload is read and
	// decompressed for each of its parts.
	searchBytes = 2 << 20
)

// budget is how many requests a lane may make to find rejected records within payloads. Each
// payload adds what finds two records of it, so that the load on a shared destination stays
// in proportion to what the tenant sends.
type budget struct {
	requests int // may be negative
	at       time.Time
}

func newBudget(now time.Time) budget { return budget{requests: searchBurst, at: now} }

// searchCost returns how many requests find one rejected record among the given number of records.
func searchCost(records int) int {
	if records < 2 {
		return 0
	}
	return 2 * (bits.Len(uint(records-1)) + 1)
}

// refill adds one request for each searchEvery since the last call.
func (b *budget) refill(now time.Time) {
	n := now.Sub(b.at) / searchEvery
	if n <= 0 {
		return
	}
	b.at = b.at.Add(n * searchEvery)
	if b.requests < searchBurst {
		b.requests = min(searchBurst, b.requests+int(min(n, 2*searchBurst)))
	}
}

// grant adds the requests that a rejected payload allows.
func (b *budget) grant(n int) { b.requests = min(searchBurst, b.requests) + n }

// when returns when the budget has n requests if no payload adds any.
func (b *budget) when(n int) time.Time {
	return b.at.Add(time.Duration(max(0, n-b.requests)) * searchEvery)
}
