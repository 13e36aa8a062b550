// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
)

// buffer is a slice of bytes. Pools hold pointers to it, which avoids an allocation.
type buffer struct{ data []byte }

// bufferPool reuses buffers. The zero value is empty. It is safe for concurrent use.
type bufferPool [capacity.NumClasses]sync.Pool

// get returns an empty buffer with a capacity of at least n bytes.
func (p *bufferPool) get(n int64) *buffer {
	c, size, ok := capacity.Class(n)
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
	if c, size, ok := capacity.Class(int64(cap(b.data))); ok && int64(cap(b.data)) == size {
		p[c].Put(b)
	}
}
