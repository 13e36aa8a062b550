// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package capacity is the arithmetic of the bounds of a guard: what one tenant may hold, and how
// large a body can be. It is apart from the guard so that a linter knows the same bounds and does
// not link the guard.
package capacity

// The default memory of a guard is an eighth of what the process may use, within these
// bounds. Queues of accepted requests, and garbage, need as much again.
const (
	MinMemory = 32 << 20
	MaxMemory = 64 << 20
)

// RequestOverhead is what a request holds besides its body: a goroutine, and buffers of the
// connection.
const RequestOverhead = 16 << 10

// Bounds of one tenant.
const (
	// ReservedForSmall is the part of the total, one of so many, that tenants with much cannot take.
	ReservedForSmall = 8
	// MaxOfFree is how many times of what is free a tenant may hold.
	MaxOfFree = 3
)

// DefaultTenant returns how much of a total one tenant may hold by default.
func DefaultTenant(total int64) int64 { return total / 8 * 5 }

// Most returns how much of total one tenant can hold when no other holds anything, and limit is
// the most that it may. Even without that limit it is less than the total.
func Most(total, limit int64) int64 {
	// own is granted if own <= MaxOfFree * (total - own - total/ReservedForSmall).
	return min(limit, MaxOfFree*(total-total/ReservedForSmall)/(MaxOfFree+1))
}

// LargestBody returns the size of the largest body with a Content-Length and without compression
// that can be read while the request may hold most. The buffer of the body grows as the body
// arrives, and two buffers are held while one is copied to the next.
func LargestBody(most int64) int64 {
	low, high := int64(-1), most
	for low < high {
		body := low + (high-low+1)/2
		if peak(body) <= most {
			low = body
		} else {
			high = body - 1
		}
	}
	return max(0, low)
}

// peak returns what a request holds at most while it reads a body.
func peak(body int64) int64 {
	size := SizeOf(MinBuffer)
	held := size
	for body >= size {
		next := SizeOf(NextSize(size, body, body))
		held, size = size+next, next
	}
	return RequestOverhead + held
}
