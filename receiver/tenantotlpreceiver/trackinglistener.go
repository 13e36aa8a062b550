// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"net"
	"sync"
)

// trackingListener can close the connections that it has accepted.
type trackingListener struct {
	net.Listener

	mu    sync.Mutex
	open  map[*trackedConn]struct{}
	ended bool
}

func track(l net.Listener) *trackingListener {
	return &trackingListener{Listener: l, open: make(map[*trackedConn]struct{})}
}

// Accept implements net.Listener.
func (l *trackingListener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &trackedConn{Conn: raw, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		_ = raw.Close() // the server stops
	} else {
		l.open[c] = struct{}{}
	}
	return c, nil
}

// closeConnections closes all connections, also those that are accepted later.
func (l *trackingListener) closeConnections() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for c := range l.open {
		_ = c.Conn.Close() // the server stops
	}
	clear(l.open)
}

type trackedConn struct {
	net.Conn
	listener *trackingListener
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
