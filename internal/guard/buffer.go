// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"math/bits"
	"sync"
)

// Buffers between these sizes are pooled by size class: powers of two, and the sizes halfway
// between them. The garbage collector frees unused buffers of the pools, so a few large
// requests do not keep memory, while many of them reuse it.
const (
	minBuffer       = 4 << 10
	maxPooledBuffer = 24 << 20
	numClasses      = 26 // from minBuffer to maxPooledBuffer
)

// buffer is a slice of bytes. Pools hold pointers to it, which avoids an allocation.
type buffer struct{ data []byte }

// bufferPool reuses buffers. The zero value is empty. It is safe for concurrent use.
type bufferPool [numClasses]sync.Pool

// class returns the smallest size class for n bytes and the size of its buffers. It returns
// false if buffers of n bytes are not pooled.
// Classes 0, 1, 2, 3 have 4, 6, 8 and 12 KiB, and so on.
func class(n int64) (c int, size int64, ok bool) {
	if n > maxPooledBuffer {
		return 0, 0, false
	}
	n = max(n, minBuffer)
	k := bits.Len64(uint64((n - 1) / minBuffer))
	size = minBuffer << k
	if between := size / 4 * 3; k > 0 && n <= between {
		return 2*k - 1, between, true
	}
	return 2 * k, size, true
}

// sizeOf returns the capacity of a buffer for n bytes.
func sizeOf(n int64) int64 {
	if _, size, ok := class(n); ok {
		return size
	}
	return n
}

// get returns an empty buffer with a capacity of at least n bytes.
func (p *bufferPool) get(n int64) *buffer {
	c, size, ok := class(n)
	if !ok {
		return &buffer{make([]byte, 0, n)}
	}
	if b, ok := p[c].Get().(*buffer); ok {
		b.data = b.data[:0]
		return b
	}
	return &buffer{make([]byte, 0, size)}
}

// put returns a buffer of get to the pool. Buffers that grew since are left to the garbage
// collector.
func (p *bufferPool) put(b *buffer) {
	if c, size, ok := class(int64(cap(b.data))); ok && int64(cap(b.data)) == size {
		p[c].Put(b)
	}
}
