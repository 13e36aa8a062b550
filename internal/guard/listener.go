// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Pauses of a listener while the process has no free file descriptor.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

// Listener returns l with the limits of the guard for connections. It closes connections over
// a limit at once. Wrap TLS around the result, not around l, so that handshakes are bounded
// too.
func (g *Guard) Listener(l net.Listener) net.Listener {
	return &listener{Listener: l, conns: g.conns, stats: &g.stats, closed: make(chan struct{})}
}

// listener implements [Guard.Listener].
type listener struct {
	net.Listener
	conns     *connections
	stats     *Stats
	closed    chan struct{}
	closeOnce sync.Once
}

// Accept implements net.Listener. While the process has no free file descriptor it waits
// instead of returning an error, because not all servers retry.
func (l *listener) Accept() (net.Conn, error) {
	pause := minAcceptPause
	for {
		raw, err := l.Listener.Accept()
		switch {
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			l.stats.connections[RejectedDescriptors].Add(1)
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
			l.stats.connections[why].Add(1)
			_ = raw.Close() // nothing was read from it
			continue
		}
		return c, nil
	}
}

// wait waits for d, and returns false if the listener is closed first.
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
