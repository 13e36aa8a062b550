// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"container/list"
	"net"
	"net/netip"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// conn is an open connection of a [Guard.Listener]. The lock of connections guards timer and the
// fields after it.
type conn struct {
	net.Conn
	all      *connections
	throttle connThrottle

	addr   netip.AddrPort // zero: not an IP address
	source netip.Prefix   // zero: exempt from the limit per source
	timer  *time.Timer    // closes the connection unless a request is admitted in time
	place  *list.Element  // in connections.owned if used, else in connections.idle
	used   bool           // a request was admitted
	tenant tenant.ID      // of the last admitted request, if used
	closed bool           // removed from the connections
}

// Read implements net.Conn. It may return fewer bytes than have arrived.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:c.throttle.beforeRead(len(b))])
	c.throttle.afterRead(n)
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	began := c.all.throttler.now()
	n, err := c.Conn.Write(b)
	c.throttle.afterWrite(began)
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.all.remove(c)
	return c.Conn.Close()
}
