// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/peer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// script is a listener that returns the connections and errors that a test has queued.
type script struct {
	next   chan any
	closed chan struct{}
}

func newScript() *script { return &script{make(chan any, 100), make(chan struct{})} }

func (s *script) Accept() (net.Conn, error) {
	select {
	case n := <-s.next:
		if err, ok := n.(error); ok {
			return nil, err
		}
		return n.(net.Conn), nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *script) Close() error   { close(s.closed); return nil }
func (s *script) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection from an address. It records whether it was closed.
type from struct {
	net.Conn
	addr   net.Addr
	closed atomic.Bool
}

func (f *from) RemoteAddr() net.Addr { return f.addr }
func (f *from) Close() error         { f.closed.Store(true); return nil }

func connFrom(addr string) *from {
	return &from{addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))}
}

func rejectedFor(g *Guard) map[string]int64 {
	all := map[string]int64{}
	g.Stats().ConnectionCounters(func(why ConnectionReason, n int64) {
		if n > 0 {
			all[why.String()] = n
		}
	})
	return all
}

// accepted returns the connections that a listener of g accepts of those given.
func accepted(t *testing.T, g *Guard, given ...*from) []net.Conn {
	t.Helper()
	s := newScript()
	for _, c := range given {
		s.next <- c
	}
	l := g.Listener(s)
	s.next <- net.ErrClosed
	var out []net.Conn
	for {
		c, err := l.Accept()
		if err != nil {
			require.ErrorIs(t, err, net.ErrClosed)
			return out
		}
		out = append(out, c)
	}
}

func TestListener_RejectsConnectionsOverAShare(t *testing.T) {
	for name, addrs := range map[string][3]string{
		"IPv4":           {"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"},
		"IPv4 in IPv6":   {"[::ffff:192.0.2.1]:1", "192.0.2.1:2", "[::ffff:192.0.2.2]:1"},
		"one IPv6 /64":   {"[2001:db8::1]:1", "[2001:db8::ffff]:2", "[2001:db8:0:1::1]:1"},
		"different ones": {"[2001:db8::1]:1", "[2001:db8::1]:2", "192.0.2.2:1"},
	} {
		t.Run(name, func(t *testing.T) {
			g := New(Settings{Connections: ConnectionSettings{Max: 100, MaxPerSource: 1}})
			first, second, other := connFrom(addrs[0]), connFrom(addrs[1]), connFrom(addrs[2])
			out := accepted(t, g, first, second, other)
			require.Len(t, out, 2)
			assert.True(t, second.closed.Load())
			assert.False(t, first.closed.Load() || other.closed.Load())
			assert.Equal(t, map[string]int64{"source": 1}, rejectedFor(g))
			for _, c := range out {
				require.NoError(t, c.Close())
				require.NoError(t, c.Close())
			}
			assert.Zero(t, g.Connections())
			assert.Empty(t, g.conns.sources)
			assert.Empty(t, g.conns.byAddr)
			assert.Zero(t, g.conns.idle.Len())
			assert.Empty(t, g.conns.owned)
			assert.Len(t, accepted(t, g, connFrom(addrs[1])), 1, "a closed connection does not count")
		})
	}
}

func TestListener_OneSourceLeavesConnectionsForOthers(t *testing.T) {
	g := New(Settings{Connections: ConnectionSettings{Max: 10}})
	var flood []*from
	for port := range 50 {
		flood = append(flood, &from{addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1 + port}})
	}
	assert.Len(t, accepted(t, g, flood...), 5)
	assert.Len(t, accepted(t, g, connFrom("192.0.2.2:1"), connFrom("192.0.2.3:1")), 2)
	assert.Equal(t, map[string]int64{"source": 45}, rejectedFor(g))
}

func TestListener_WhenFullEvictsTheOldestWithoutARequest(t *testing.T) {
	g := New(Settings{Connections: ConnectionSettings{Max: 4}})
	proxy := func(port string) *from { return connFrom("10.0.0.1:" + port) }
	one, two, three, four := proxy("1"), proxy("2"), proxy("3"), proxy("4")
	require.Len(t, accepted(t, g, one, two, three, four), 4, "a proxy is exempt")

	// The first has a request over gRPC, the second one over HTTP.
	r := admit(peer.NewContext(asTenant("a"), &peer.Peer{Addr: one.addr}), t, g)
	r.Release()
	r = admit(asTenant("a"), t, g)
	req := post(nil, "")
	req.RemoteAddr = two.addr.String()
	_, err := r.ReadBody(httptest.NewRecorder(), req, BodyLimits{})
	require.NoError(t, err)
	r.Release()

	require.Len(t, accepted(t, g, proxy("5")), 1)
	assert.True(t, three.closed.Load())
	six := proxy("6")
	require.Len(t, accepted(t, g, six), 1)
	assert.True(t, four.closed.Load())
	assert.False(t, one.closed.Load() || two.closed.Load())
	assert.Equal(t, map[string]int64{"evicted": 2}, rejectedFor(g))
	assert.Equal(t, 4, g.Connections())

	for i, addr := range []string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:5", "10.0.0.1:6"} {
		g.conns.used(netip.MustParseAddrPort(addr), g.throttler.account(tenant.ID(fmt.Sprint(i))))
	}
	seven := proxy("7")
	require.Empty(t, accepted(t, g, seven))
	assert.True(t, seven.closed.Load())
	assert.EqualValues(t, 1, rejectedFor(g)["total"])
}

// A caller with a key opens all connections that are allowed.
func TestListener_WhenFullEvictsFromTheTenantWithMost(t *testing.T) {
	const most = 640 // so that 10 are not many
	g := New(Settings{Connections: ConnectionSettings{Max: most}})
	open := func(ip byte, id tenant.ID) *from {
		c := &from{addr: &net.TCPAddr{IP: net.IPv4(10, 0, ip, byte(g.Connections())), Port: 1 + g.Connections()}}
		require.Len(t, accepted(t, g, c), 1)
		g.conns.usedByGRPC(&peer.Peer{Addr: c.addr}, g.throttler.account(id))
		return c
	}
	var honest, greedy []*from
	for range 10 {
		honest = append(honest, open(1, "honest"))
	}
	for g.Connections() < most {
		greedy = append(greedy, open(2, "greedy"))
	}
	g.conns.usedByGRPC(&peer.Peer{Addr: greedy[0].addr}, g.throttler.account("greedy")) // makes it the most recently used
	for i := range 5 {
		accepted(t, g, connFrom(fmt.Sprintf("10.0.3.%d:1", i)))
		g.conns.used(netip.MustParseAddrPort(fmt.Sprintf("10.0.3.%d:1", i)), g.throttler.account("newcomer"))
	}
	for _, c := range honest {
		assert.False(t, c.closed.Load())
	}
	for i, c := range greedy {
		assert.Equal(t, i >= 1 && i <= 5, c.closed.Load(), i)
	}
	assert.Equal(t, map[string]int64{"evicted": 5}, rejectedFor(g))
	assert.Equal(t, most, g.Connections())
	for _, c := range g.conns.byAddr {
		require.NoError(t, c.Close())
	}
	assert.Empty(t, g.conns.owned)
	assert.Zero(t, g.Connections())
}

func TestListener_EndsConnectionsThatSendNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{Connections: ConnectionSettings{Max: 10, FirstRequest: 30 * time.Second}})
		silent, good := connFrom("10.0.0.1:1"), connFrom("10.0.0.1:2")
		accepted(t, g, silent, good)
		time.Sleep(29 * time.Second)
		g.conns.used(netip.MustParseAddrPort("10.0.0.1:2"), g.throttler.account("a"))
		assert.False(t, silent.closed.Load())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.True(t, silent.closed.Load())
		assert.False(t, good.closed.Load())
		assert.Equal(t, map[string]int64{"first_request": 1}, rejectedFor(g))
		assert.Equal(t, 1, g.Connections())
	})
}

func TestListener_WaitsForFileDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{Connections: ConnectionSettings{Max: 10}})
		idle := connFrom("10.0.0.1:1")
		accepted(t, g, idle)
		s := newScript()
		l := g.Listener(s)
		for range 10 {
			s.next <- &net.OpError{Op: "accept", Err: syscall.EMFILE}
		}
		s.next <- connFrom("10.0.0.1:2")
		start := time.Now()
		_, err := l.Accept()
		require.NoError(t, err)
		assert.Equal(t, (5+10+20+40+80+160+320+640+1000+1000)*time.Millisecond, time.Since(start))
		assert.True(t, idle.closed.Load(), "its descriptor is freed")
		assert.Equal(t, map[string]int64{"descriptors": 10, "evicted": 1}, rejectedFor(g))

		s.next <- syscall.ENFILE
		done := make(chan error)
		go func() {
			_, err := l.Accept()
			done <- err
		}()
		synctest.Wait()
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-done, net.ErrClosed, "Close ends the wait")
	})
}

func TestListener_PassesOtherErrorsOn(t *testing.T) {
	s := newScript()
	s.next <- syscall.EINVAL
	_, err := New(Settings{}).Listener(s).Accept()
	assert.ErrorIs(t, err, syscall.EINVAL)
}

func TestListener_CountsConnectionsWithoutAnIPAddress(t *testing.T) {
	g := New(Settings{Connections: ConnectionSettings{Max: 1, MaxPerSource: 1}})
	unix := func() *from { return &from{addr: &net.UnixAddr{Name: "@", Net: "unix"}} }
	require.Len(t, accepted(t, g, unix()), 1)
	require.Len(t, accepted(t, g, unix()), 1, "the first had no request")
	assert.Equal(t, 1, g.Connections())
	_, err := g.Admit(peer.NewContext(asTenant("a"), &peer.Peer{Addr: unix().addr}), tenant.Logs)
	require.NoError(t, err)
}
