// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"runtime"
	"sync/atomic"
	"time"
)

// connThrottle slows a connection down while its owner is over the limit of the throttler.
// Data that is not read stays in the kernel and the sender waits, which needs no runnable
// goroutine.
//
// The time from one read to the next counts as the work that the read caused. With HTTP/2
// this is the work for all frames of the read, with HTTP/1 for the header of a request.
type connThrottle struct {
	owner    atomic.Pointer[account] // nil: several tenants use the connection
	readAt   atomic.Int64            // when the last Read returned, in Unix nanoseconds; 0: no Read yet
	received atomic.Int64            // bytes of the last Read
	size     atomic.Int64            // most bytes that the last Read could return
	spent    atomic.Int64            // nanoseconds of work before the first admitted request
}

const (
	// maxReadWork bounds the work that is counted for a read, since the goroutine may have
	// waited in that time.
	maxReadWork = time.Millisecond

	// maxWriteWork is the same bound for a write, which waits for the peer.
	maxWriteWork = 50 * time.Microsecond

	// unauthenticatedWork is how much work a connection may cause before its first admitted
	// request without being slowed down, so that a flood of unauthenticated connections does
	// not delay new callers.
	unauthenticatedWork = 500 * time.Microsecond

	// The first read of a connection returns at most smallRead bytes, and so does a read
	// after one that caused more than longPerByte of work. Otherwise the size doubles up to
	// largeRead.
	smallRead   = 512
	largeRead   = 1 << 20
	longPerByte = 50 * time.Nanosecond
)

// beforeRead counts the work of the last read, pauses if the owner must, and returns how many
// of n bytes the next read may return. It yields the processor: a connection with a steady
// stream of data never blocks and would keep the processor for 10 ms.
func (c *connThrottle) beforeRead(n int) int {
	own, read := c.owner.Load(), c.readAt.Swap(0)
	work := time.Duration(0)
	if own != nil && read != 0 {
		work = time.Duration(min(own.throttler.now().UnixNano()-read, int64(maxReadWork)))
	}
	runtime.Gosched()
	n = min(n, c.readSize(work))
	if work == 0 {
		return n
	}
	own.use(work)
	if own == &own.throttler.unauthenticated && c.spent.Add(int64(work)) < int64(unauthenticatedWork) {
		return n
	}
	if d := own.pause(); d > 0 {
		own.throttler.stats.add(d)
		time.Sleep(d)
	}
	return n
}

// readSize returns how many bytes the next read may return, after the last one caused work.
// Small requests and frames are read in small steps, so that other connections are served
// in between: each of a thousand calls that arrive at once becomes a runnable goroutine. A
// read that returned few bytes does not change the size.
func (c *connThrottle) readSize(work time.Duration) int {
	received, size := c.received.Load(), c.size.Load()
	switch {
	case size == 0 || received >= smallRead && work > longPerByte*time.Duration(received):
		size = smallRead
	case received >= size:
		size = min(2*size, largeRead)
	}
	c.size.Store(size)
	return int(size)
}

// afterRead records a read of n bytes.
func (c *connThrottle) afterRead(n int) {
	c.received.Store(int64(n))
	if own := c.owner.Load(); own != nil {
		c.readAt.Store(own.throttler.now().UnixNano())
	}
}

// afterWrite counts the work of a write.
func (c *connThrottle) afterWrite(began time.Time) {
	if own := c.owner.Load(); own != nil {
		own.use(min(own.throttler.now().Sub(began), maxWriteWork))
	}
}

// setOwner records that a request of the owner of own used the connection.
func (c *connThrottle) setOwner(own *account) {
	switch old := c.owner.Load(); {
	case old == own, old == nil:
	case old == &own.throttler.unauthenticated, own != &own.throttler.unauthenticated && old.tenant == own.tenant: // its old account was pruned
		c.owner.Store(own)
	default:
		c.owner.Store(nil)
	}
}
