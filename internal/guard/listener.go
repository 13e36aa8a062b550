package guard

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/peer"
)

// Pauses of a listener that gets no file descriptor.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

// Listener returns l with bounded connections. Those over a limit are closed at
// once. TLS goes around the result, not into l, so that handshakes are bounded too.
func (g *Guard) Listener(l net.Listener) net.Listener {
	return &listener{Listener: l, conns: g.conns, stats: &g.stats, closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	conns     *connections
	stats     *Stats
	closed    chan struct{}
	closeOnce sync.Once
}

// Accept implements net.Listener. It returns no error that passes by itself, so that
// servers do not depend on their own way of waiting.
func (l *listener) Accept() (net.Conn, error) {
	pause := minAcceptPause
	for {
		raw, err := l.Listener.Accept()
		switch {
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			l.stats.refused[RefusedDescriptors].Add(1)
			l.conns.freeDescriptor()
			if !l.wait(pause) {
				return nil, net.ErrClosed
			}
			pause = min(2*pause, maxAcceptPause)
			continue
		case err != nil:
			return nil, err
		}
		c, why, ok := l.conns.add(raw)
		if !ok {
			l.stats.refused[why].Add(1)
			_ = raw.Close() // the connection is refused
			continue
		}
		return c, nil
	}
}

// wait returns false if the listener is closed meanwhile.
func (l *listener) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.closed:
		return false
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// freeDescriptor closes the connection that is the first to go, if there is one.
func (s *connections) freeDescriptor() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evict()
}

// usedByHTTP notes an admitted request over HTTP.
func (s *connections) usedByHTTP(req *http.Request, own *share) {
	if addr, err := netip.ParseAddrPort(req.RemoteAddr); err == nil {
		s.used(plain(addr), own)
	}
}

// usedByGRPC notes an admitted call.
func (s *connections) usedByGRPC(p *peer.Peer, own *share) {
	if tcp, ok := p.Addr.(*net.TCPAddr); ok {
		s.used(plain(tcp.AddrPort()), own)
	}
}

// plain returns addr in the form in which connections are found.
func plain(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
}
