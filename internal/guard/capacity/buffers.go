// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package capacity

import "math/bits"

// Buffers between these sizes are reused by size class: powers of two, and the sizes halfway
// between them. A larger buffer has exactly the size that is needed: rounded up, the last buffer
// of a large body would not fit beside the one before it.
const (
	MinBuffer       = 4 << 10
	MaxPooledBuffer = 16 << 20
	NumClasses      = 25 // from MinBuffer to MaxPooledBuffer
)

// Class returns the smallest size class for n bytes and the size of its buffers. It returns
// false if buffers of n bytes are not pooled.
// Classes 0, 1, 2, 3 have 4, 6, 8 and 12 KiB, and so on.
func Class(n int64) (c int, size int64, ok bool) {
	if n > MaxPooledBuffer {
		return 0, 0, false
	}
	n = max(n, MinBuffer)
	k := bits.Len64(uint64((n - 1) / MinBuffer))
	size = MinBuffer << k
	if between := size / 4 * 3; k > 0 && n <= between {
		return 2*k - 1, between, true
	}
	return 2 * k, size, true
}

// SizeOf returns the capacity of a buffer for n bytes.
func SizeOf(n int64) int64 {
	if _, size, ok := Class(n); ok {
		return size
	}
	return n
}

// NextSize returns the next size of a full buffer of n bytes. It at most doubles, even if the
// announced length is larger. The buffer has one byte more than limit, to detect a larger body.
func NextSize(n, announced, limit int64) int64 {
	next := min(2*n, limit+1)
	if announced >= n && announced < next {
		next = announced + 1 // one byte more, so that the read of the end does not grow it again
	}
	return next
}
