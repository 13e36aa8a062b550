package guard

import (
	"math/bits"
	"sync"
)

// Buffers between these sizes are pooled, by powers of two and what is halfway between
// them. The pools give them to the garbage collector when they are not in use, so that
// a few large requests do not stay in memory, while many of them make no garbage.
const (
	minBuffer       = 4 << 10
	maxPooledBuffer = 24 << 20
	numClasses      = 26 // of sizes from minBuffer to maxPooledBuffer
)

// buffer is a slice of bytes. It is a pointer so that a pool can hold it.
type buffer struct{ data []byte }

// bufferPool recycles buffers.
type bufferPool [numClasses]sync.Pool

// class returns the smallest class whose buffers hold n bytes and their size, or false.
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

// sizeOf returns how large a buffer for n bytes is.
func sizeOf(n int64) int64 {
	if _, size, ok := class(n); ok {
		return size
	}
	return n
}

// get returns a buffer without content of at least n bytes.
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

// put takes back a buffer of get.
func (p *bufferPool) put(b *buffer) {
	if c, size, ok := class(int64(cap(b.data))); ok && int64(cap(b.data)) == size {
		p[c].Put(b)
	}
}

// buffer returns a buffer of at least n bytes that the request pays for.
func (r *Request) buffer(n int64) (*buffer, error) {
	if err := r.Reserve(sizeOf(n)); err != nil {
		return nil, err
	}
	b := r.guard.buffers.get(n)
	r.buffers = append(r.buffers, b)
	return b, nil
}

// grow moves b to a buffer of at least n bytes. While it moves, the request pays
// for both.
func (r *Request) grow(b *buffer, n int64) (*buffer, error) {
	larger, err := r.buffer(n)
	if err != nil {
		return b, err
	}
	larger.data = append(larger.data, b.data...)
	r.drop(b)
	return larger, nil
}

// drop gives b back before the request ends.
func (r *Request) drop(b *buffer) {
	for i, other := range r.buffers {
		if other == b {
			r.buffers[i] = r.buffers[len(r.buffers)-1]
			r.buffers = r.buffers[:len(r.buffers)-1]
			r.unreserve(int64(cap(b.data)))
			r.guard.buffers.put(b)
			return
		}
	}
}
