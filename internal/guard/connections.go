package guard

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// ConnectionSettings bound connections. A zero limit has its default.
type ConnectionSettings struct {
	// Max bounds the connections of all listeners. Defaults to [DefaultConnections].
	Max int
	// MaxPerSource bounds those of one IPv4 address or IPv6 /64 further than its
	// share does, which is as many as are free. Negative: it does not.
	MaxPerSource int
	// Exempt are the networks whose addresses are no source of their own, because
	// proxies speak for many callers. Nil means [DefaultExempt].
	Exempt []netip.Prefix
	// FirstRequest is how long a connection may take for its first request that is
	// admitted, TLS and HTTP/2 handshakes included. Defaults to 30 s.
	FirstRequest time.Duration
}

// DefaultFirstRequest is how long the first request may take.
const DefaultFirstRequest = 30 * time.Second

// DefaultExempt returns loopback, link-local, private and carrier-grade NAT
// networks: what load balancers connect from.
func DefaultExempt() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{
		"127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10",
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func (s ConnectionSettings) withDefaults() ConnectionSettings {
	orDefault(&s.Max, DefaultConnections())
	orDefault(&s.MaxPerSource, -1)
	orDefault(&s.FirstRequest, DefaultFirstRequest)
	if s.Exempt == nil {
		s.Exempt = DefaultExempt()
	}
	return s
}

// Refusal is why a connection was closed.
type Refusal uint8

// The refusals.
const (
	RefusedTotal        Refusal = iota // there are as many as there may be
	RefusedSource                      // its source has its share
	RefusedDescriptors                 // the process is out of file descriptors
	RefusedEvicted                     // when another needed its place
	RefusedFirstRequest                // its first request took too long
	numRefusals
)

// String returns the value of the metric attribute "reason".
func (r Refusal) String() string {
	return [numRefusals]string{"total", "source", "descriptors", "evicted", "first_request"}[r]
}

// manyConnections is the part of all connections that a tenant may have before it loses
// one to a newcomer.
const manyConnections = 64

// connections are the open connections of all listeners. When there are as many as there
// may be, a new one replaces the oldest without an admitted request, so that unauthenticated
// clients cannot keep callers out, or else one of the tenant that has most, if these are many, so
// that a caller cannot keep out others. It is the one that was used longest ago.
type connections struct {
	set    ConnectionSettings
	stats  *Stats
	shares *shares

	mu      sync.Mutex
	byAddr  map[netip.AddrPort]*conn
	sources map[netip.Prefix]int
	count   int
	idle    *list.List               // of *conn without an admitted request, the oldest first
	owned   map[tenant.ID]*list.List // of *conn, by tenant of the last request, in order of use
}

func newConnections(set ConnectionSettings, stats *Stats, all *shares) *connections {
	return &connections{
		set: set, stats: stats, shares: all, byAddr: make(map[netip.AddrPort]*conn), sources: make(map[netip.Prefix]int), idle: list.New(),
		owned: make(map[tenant.ID]*list.List),
	}
}

// conn is one open connection.
type conn struct {
	net.Conn
	pace
	all    *connections
	addr   netip.AddrPort // zero: not of an IP network
	source netip.Prefix   // zero: exempt
	timer  *time.Timer    // of the first request
	place  *list.Element  // in idle, or owned if used
	used   bool           // it has had a request
	tenant tenant.ID      // if used
	gone   bool
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.all.remove(c)
	return c.Conn.Close()
}

// add returns raw as a counted connection, or why there is no place for it.
func (s *connections) add(raw net.Conn) (c *conn, why Refusal, ok bool) {
	c = &conn{Conn: raw, all: s}
	c.pace.owner.Store(&s.shares.unauthenticated)
	c.addr, c.source = s.identify(raw.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	if own := s.sources[c.source] + 1; c.source.IsValid() {
		if s.set.MaxPerSource > 0 && own > s.set.MaxPerSource || own > max(1, s.set.Max-s.count-1) {
			return nil, RefusedSource, false
		}
	}
	if s.count >= s.set.Max && !s.evict() {
		return nil, RefusedTotal, false
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

// identify returns the address of a connection and its source.
func (s *connections) identify(addr net.Addr) (netip.AddrPort, netip.Prefix) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, netip.Prefix{}
	}
	full := plain(tcp.AddrPort())
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

// evict closes a connection. The caller holds the lock.
func (s *connections) evict() bool {
	from := s.idle
	if from.Len() == 0 {
		most := max(1, s.set.Max/manyConnections)
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
	s.forget(c)
	s.stats.refused[RefusedEvicted].Add(1)
	_ = c.Conn.Close() // the connection is given up
	return true
}

// expire closes c unless it has had a request.
func (s *connections) expire(c *conn) {
	s.mu.Lock()
	late := !c.used && !c.gone
	if late {
		s.forget(c)
		s.stats.refused[RefusedFirstRequest].Add(1)
	}
	s.mu.Unlock()
	if late {
		_ = c.Conn.Close() // the connection is given up
	}
}

func (s *connections) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(c)
}

// forget takes c out. The caller holds the lock.
func (s *connections) forget(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
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

// unlist takes c out of its list. The caller holds the lock.
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

// used notes that a request of the owner of own, over the connection from addr, was admitted.
func (s *connections) used(addr netip.AddrPort, own *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, id := s.byAddr[addr], own.tenant
	if c == nil {
		return
	}
	c.ownedBy(own)
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

func (s *connections) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}
