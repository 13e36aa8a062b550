package tenantotlpreceiver

import (
	"net"
	"runtime"
)

// yieldingListener has connections that yield before each read. One that brings frames
// of HTTP/2 without a pause waits for nothing and would keep the processor for 10 ms.
type yieldingListener struct{ net.Listener }

// Accept implements net.Listener.
func (l yieldingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return yieldingConn{c}, nil
}

type yieldingConn struct{ net.Conn }

// Read implements net.Conn.
func (c yieldingConn) Read(p []byte) (int, error) {
	runtime.Gosched()
	return c.Conn.Read(p)
}
