// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// endlessConn is a connection that always has data to read.
type endlessConn struct {
	net.Conn
	addr  net.Addr
	reads atomic.Int64
	most  atomic.Int64 // length of the buffer of the last Read
}

func (c *endlessConn) Read(p []byte) (int, error) {
	c.reads.Add(1)
	c.most.Store(int64(len(p)))
	return len(p), nil
}
func (c *endlessConn) RemoteAddr() net.Addr { return c.addr }
func (*endlessConn) Close() error           { return nil }

// TestConn_PausesWhileItsOwnerUsesTooMuch works one millisecond for each read.
func TestConn_PausesWhileItsOwnerUsesTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{})
		g.throttler.target = 0 // the limit of the test stays
		raw := &endlessConn{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}}
		c, _, ok := g.conns.add(raw)
		require.True(t, ok)
		defer c.Close()
		const working = time.Millisecond
		buf := make([]byte, 8<<10)
		reads := func(d time.Duration) (n int64) {
			before := raw.reads.Load()
			for end := time.Now().Add(d); time.Now().Before(end); {
				_, err := c.Read(buf)
				require.NoError(t, err)
				time.Sleep(working)
			}
			return raw.reads.Load() - before
		}
		a, b := g.throttler.account("a"), g.throttler.account("b")
		c.throttle.setOwner(a)
		assert.EqualValues(t, 500, reads(500*time.Millisecond), "nothing is limited")
		g.throttler.limit.Store(int64(100 * time.Millisecond)) // a tenth of a processor
		g.throttler.account("a")
		g.throttler.account("b")
		n := reads(time.Second)
		assert.InDelta(t, 110, n, 10)
		assert.EqualValues(t, smallRead, raw.most.Load(), "small reads")
		_, paused, _ := g.Throttled()
		assert.Greater(t, paused, 800*time.Millisecond)

		g.throttler.account("a")
		g.throttler.account("b")
		c.throttle.setOwner(b)
		assert.EqualValues(t, 200, reads(200*time.Millisecond), "a connection that several tenants use, such as that of a proxy, never pauses")
	})
}

// The tenant sends nothing for longer than an idle account is kept.
func TestConn_KeepsItsTenantWhenTheAccountWasPruned(t *testing.T) {
	g := New(Settings{})
	c, _, ok := g.conns.add(&endlessConn{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}})
	require.True(t, ok)
	defer c.Close()
	before := g.throttler.account("a")
	c.throttle.setOwner(before)
	g.throttler.tenants.Delete(tenant.ID("a"))
	after := g.throttler.account("a")
	require.NotSame(t, before, after)
	c.throttle.setOwner(after)
	assert.Same(t, after, c.throttle.owner.Load(), "only one tenant uses it")
	c.throttle.setOwner(g.throttler.account("b"))
	assert.Nil(t, c.throttle.owner.Load())
}

// A flood of unauthenticated clients uses all processors.
func TestConn_UnauthenticatedPausesAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{})
		g.throttler.target = 0
		g.throttler.account("a") // a tenant that they would delay
		g.throttler.limit.Store(int64(time.Millisecond))
		g.throttler.unauthenticated.use(time.Second)
		c, _, ok := g.conns.add(&endlessConn{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}})
		require.True(t, ok)
		defer c.Close()
		began := time.Now()
		read := func() time.Duration {
			_, err := c.Read(make([]byte, 100))
			require.NoError(t, err)
			return time.Since(began)
		}
		read()
		assert.Zero(t, read(), "a new connection that has done little does not wait")
		time.Sleep(unauthenticatedWork)
		began = time.Now()
		assert.Equal(t, maxPause, read())
	})
}

// The connection has data at all times, so its reads never block.
func TestConn_YieldsAtEachRead(t *testing.T) {
	g := New(Settings{})
	c, _, ok := g.conns.add(&endlessConn{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}})
	require.True(t, ok)
	defer c.Close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var ran atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		ran.Store(true)
	}()
	for range 5 { // the scheduler sometimes continues with the goroutine that has just yielded
		_, err := c.Read(make([]byte, 1))
		require.NoError(t, err)
	}
	assert.True(t, ran.Load(), "another goroutine that is ready waits")
	<-done
}

func TestConnThrottle_ReadSizeFollowsTheWork(t *testing.T) {
	var c connThrottle
	assert.Equal(t, smallRead, c.readSize(0), "at first")
	for want := 2 * smallRead; want <= largeRead; want *= 2 {
		c.afterRead(want / 2)
		assert.Equal(t, want, c.readSize(time.Microsecond), "bodies")
	}
	c.afterRead(largeRead)
	assert.Equal(t, largeRead, c.readSize(time.Microsecond))
	c.afterRead(100)
	assert.Equal(t, largeRead, c.readSize(time.Microsecond), "the end of a body")
	c.afterRead(100)
	assert.Equal(t, largeRead, c.readSize(100*time.Microsecond), "a call")
	c.afterRead(1000)
	assert.Equal(t, smallRead, c.readSize(100*time.Microsecond), "calls")
}
