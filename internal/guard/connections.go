// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// ConnectionReason is why a connection was closed.
type ConnectionReason uint8

// The rejections.
const (
	RejectedTotal        ConnectionReason = iota // Max connections are open and none can be evicted
	RejectedSource                               // over the limit of its source
	RejectedDescriptors                          // the process has no free file descriptor
	RejectedEvicted                              // closed in favor of a new connection
	RejectedFirstRequest                         // no request was admitted in time
	numConnectionReasons
)

// String returns the value of the metric attribute "reason".
func (r ConnectionReason) String() string {
	return [numConnectionReasons]string{"total", "source", "descriptors", "evicted", "first_request"}[r]
}

// evictableParts is the fraction of all connections, 1/64, up to which a tenant does not
// lose a connection to a new one.
const evictableParts = 64

// connections are the open connections of all listeners. When the maximum is open, a new
// connection evicts the oldest one without an admitted request, so that unauthenticated
// clients cannot lock callers out. If there is none, it evicts the least recently used
// connection of the tenant that has the most, if these are many, so that one caller cannot
// lock others out. It is safe for concurrent use.
type connections struct {
	set       ConnectionSettings
	stats     *Stats
	throttler *throttler

	mu      sync.Mutex
	byAddr  map[netip.AddrPort]*conn
	sources map[netip.Prefix]int
	count   int
	idle    *list.List               // *conn without an admitted request; the oldest first
	owned   map[tenant.ID]*list.List // *conn by tenant of the last request; the least recently used first
}

func newConnections(set ConnectionSettings, stats *Stats, t *throttler) *connections {
	return &connections{
		set: set, stats: stats, throttler: t, byAddr: make(map[netip.AddrPort]*conn), sources: make(map[netip.Prefix]int), idle: list.New(),
		owned: make(map[tenant.ID]*list.List),
	}
}

// add counts raw and returns it wrapped, or why it is rejected.
func (s *connections) add(raw net.Conn) (c *conn, why ConnectionReason, ok bool) {
	c = &conn{Conn: raw, all: s}
	c.throttle.owner.Store(&s.throttler.unauthenticated)
	c.addr, c.source = s.identify(raw.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	if own := s.sources[c.source] + 1; c.source.IsValid() {
		if s.set.MaxPerSource > 0 && own > s.set.MaxPerSource || own > max(1, s.set.Max-s.count-1) {
			return nil, RejectedSource, false
		}
	}
	if s.count >= s.set.Max && !s.evict() {
		return nil, RejectedTotal, false
	}
	s.count++
	if c.source.IsValid() {
		s.sources[c.source]++
	}
	if c.addr.IsValid() {
		s.byAddr[c.addr] = c
	}
	c.place = s.idle.PushBack(c)
	c.timer = time.AfterFunc(s.set.FirstRequest, func() { s.expire(c) })
	return c, 0, true
}

// identify returns the address of a connection and its source, zero if unknown or exempt.
func (s *connections) identify(addr net.Addr) (netip.AddrPort, netip.Prefix) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, netip.Prefix{}
	}
	full := normalize(tcp.AddrPort())
	for _, p := range s.set.Exempt {
		if p.Contains(full.Addr()) {
			return full, netip.Prefix{}
		}
	}
	bits := 32
	if full.Addr().Is6() {
		bits = 64
	}
	source, err := full.Addr().Prefix(bits)
	if err != nil {
		return full, netip.Prefix{}
	}
	return full, source
}

// evict closes a connection and reports whether there was one to close. The caller holds the
// lock.
func (s *connections) evict() bool {
	from := s.idle
	if from.Len() == 0 {
		most := max(1, s.set.Max/evictableParts)
		for _, all := range s.owned {
			if all.Len() > most {
				from, most = all, all.Len()
			}
		}
	}
	first := from.Front()
	if first == nil {
		return false
	}
	c := first.Value.(*conn)
	s.drop(c)
	s.stats.connections[RejectedEvicted].Add(1)
	_ = c.Conn.Close() // nothing is left to do with it
	return true
}

// expire closes c unless a request was admitted.
func (s *connections) expire(c *conn) {
	s.mu.Lock()
	late := !c.used && !c.closed
	if late {
		s.drop(c)
		s.stats.connections[RejectedFirstRequest].Add(1)
	}
	s.mu.Unlock()
	if late {
		_ = c.Conn.Close() // nothing is left to do with it
	}
}

// remove stops counting a connection that its user closes.
func (s *connections) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c)
}

// drop stops counting c. It may be called again. The caller holds the lock.
func (s *connections) drop(c *conn) {
	if c.closed {
		return
	}
	c.closed = true
	c.timer.Stop()
	s.unlist(c)
	s.count--
	if c.source.IsValid() {
		if s.sources[c.source]--; s.sources[c.source] == 0 {
			delete(s.sources, c.source)
		}
	}
	if s.byAddr[c.addr] == c {
		delete(s.byAddr, c.addr)
	}
}

// unlist removes c from its list. The caller holds the lock.
func (s *connections) unlist(c *conn) {
	if !c.used {
		s.idle.Remove(c.place)
		return
	}
	own := s.owned[c.tenant]
	own.Remove(c.place)
	if own.Len() == 0 {
		delete(s.owned, c.tenant)
	}
}

// used records that a request of the owner of own was admitted on the connection from addr.
func (s *connections) used(addr netip.AddrPort, own *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, id := s.byAddr[addr], own.tenant
	if c == nil {
		return
	}
	c.throttle.setOwner(own)
	if c.used && c.tenant == id {
		s.owned[id].MoveToBack(c.place)
		return
	}
	c.timer.Stop()
	s.unlist(c)
	all := s.owned[id]
	if all == nil {
		all = list.New()
		s.owned[id] = all
	}
	c.place, c.used, c.tenant = all.PushBack(c), true, id
}

// open returns the number of open connections.
func (s *connections) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// freeDescriptor evicts a connection, if one can be evicted, to free its file descriptor.
func (s *connections) freeDescriptor() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evict()
}

// usedByHTTP is used for an HTTP request.
func (s *connections) usedByHTTP(req *http.Request, own *account) {
	if addr, err := netip.ParseAddrPort(req.RemoteAddr); err == nil {
		s.used(normalize(addr), own)
	}
}

// usedByGRPC is used for a gRPC call.
func (s *connections) usedByGRPC(p *peer.Peer, own *account) {
	if tcp, ok := p.Addr.(*net.TCPAddr); ok {
		s.used(normalize(tcp.AddrPort()), own)
	}
}

// normalize returns addr in the form of the keys of connections.byAddr.
func normalize(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
}
