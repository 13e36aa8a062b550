// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package reader

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/memory"
)

const (
	// BlockSize is how many bytes of a file are read at once.
	BlockSize = 64 << 10
	// bufferSize is the size of a block with the bytes before it.
	bufferSize = fingerprint.SampleSize + BlockSize
	// lineCost is how much memory a long line takes, in multiples of its size: the line, its
	// text without escapes, and the records made of it.
	lineCost = 3
	// maxLineBuffer is the largest buffer of a long line that is used again.
	maxLineBuffer = 512 << 10
)

var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferSize)
	return &b
}}

// lineBuffers are buffers of long lines. They are of different sizes, none larger than
// maxLineBuffer.
var lineBuffers sync.Pool

// lineBuffer returns a buffer of at least size bytes, or nil if none of that size is used
// again. It is not much larger: a block is kept for as long as the next consumer takes.
func lineBuffer(size int) *[]byte {
	if size > maxLineBuffer {
		return nil
	}
	if b, ok := lineBuffers.Get().(*[]byte); ok && cap(*b) >= size && cap(*b) <= 2*size {
		return b
	}
	b := make([]byte, (size+BlockSize-1)/BlockSize*BlockSize)
	return &b
}

// Block is a piece of a file: whole lines, or a hole. The caller must release it.
type Block struct {
	// Lines are whole lines. They are valid until the block is released.
	Lines []byte
	// Hole is how many NULs the file holds instead of lines.
	Hole int64

	before []byte // the bytes before the block, for the fingerprint
	long   int64  // the length of the next line, if it is longer than a block

	reserved int64 // bytes of budget
	budget   *memory.Budget
	buf      *[]byte    // the pooled buffer that holds before and Lines, or nil
	pool     *sync.Pool // of buf
}

// Empty reports whether there is nothing to read now.
func (b *Block) Empty() bool { return len(b.Lines) == 0 && b.Hole == 0 && b.long == 0 }

// Release returns the memory of the block. It may be called more than once.
func (b *Block) Release() {
	if b.buf != nil {
		b.pool.Put(b.buf)
	}
	if b.budget != nil {
		b.budget.Release(b.reserved)
	}
	*b = Block{}
}

// shrink copies a small block out of its buffer: the block is kept until the next consumer
// has accepted it, which may take long.
func (b *Block) shrink() {
	size := len(b.before) + len(b.Lines)
	if size > BlockSize/4 {
		return
	}
	own := make([]byte, size)
	n := copy(own, b.before)
	copy(own[n:], b.Lines)
	b.before, b.Lines = own[:n:n], own[n:]
	buffers.Put(b.buf)
	b.budget.Release(b.reserved - min(b.reserved, int64(size)))
	b.reserved, b.buf = min(b.reserved, int64(size)), nil
}
