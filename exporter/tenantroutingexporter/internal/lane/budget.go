package lane

import (
	"math/bits"
	"time"
)

const (
	// searchBurst is how many requests a lane can save for finding the records that its
	// destination refuses.
	searchBurst = 512

	// searchEvery is how often it gets one more, whatever it accepts.
	searchEvery = 500 * time.Millisecond

	// searchBytes of a payload of which records are sent count as one request more,
	// since it is read and expanded for each.
	searchBytes = 2 << 20
)

// budget is how many requests a lane may make to find refused records within payloads.
// Each payload brings what finds two records of it, so that the load on a destination that
// others share stays in proportion to what the tenant sends.
type budget struct {
	requests int // may be below zero
	at       time.Time
}

func newBudget(now time.Time) budget { return budget{requests: searchBurst, at: now} }

// oneOf returns how many requests find one refused record among so many.
func oneOf(records int) int {
	if records < 2 {
		return 0
	}
	return 2 * (bits.Len(uint(records-1)) + 1)
}

// refill adds what time has earned.
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

// grant adds what a payload that is refused brings along.
func (b *budget) grant(n int) { b.requests = min(searchBurst, b.requests) + n }

// when returns when there are n requests if nothing else earns any.
func (b *budget) when(n int) time.Time {
	return b.at.Add(time.Duration(max(0, n-b.requests)) * searchEvery)
}
