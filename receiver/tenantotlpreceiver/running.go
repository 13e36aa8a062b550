// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// quietTime is how long no request may be under way until a shutdown takes the
	// connections that are left for idle ones.
	quietTime = time.Second

	// lookInterval is how often a shutdown looks whether requests are under way.
	lookInterval = 10 * time.Millisecond
)

// running counts requests under way.
type running struct{ count atomic.Int64 }

func (r *running) start() { r.count.Add(1) }

func (r *running) end() { r.count.Add(-1) }

// drain returns when stopped is closed, when no request has been under way for
// quietTime, or when ctx is done, and how many are under way then. A server alone
// would wait for clients that send nothing.
func (r *running) drain(ctx context.Context, stopped <-chan struct{}) int64 {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	quietSince := time.Now()
	for {
		select {
		case <-stopped:
			return 0
		case <-ctx.Done():
			return r.count.Load()
		case now := <-ticker.C:
			if r.count.Load() > 0 {
				quietSince = now
			}
			if now.Sub(quietSince) >= quietTime {
				return 0
			}
		}
	}
}

// wait returns when no request is under way or ctx is done, and how many are left.
func (r *running) wait(ctx context.Context) int64 {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for r.count.Load() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return r.count.Load()
		}
	}
	return 0
}

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
