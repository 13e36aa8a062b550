// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// bodyBuffer is how much of a request body is written at a time.
const bodyBuffer = 32 << 10

// bodyBuffers are buffers of bodyConns that are used again.
type bodyBuffers struct{ pool sync.Pool }

func newBodyBuffers() *bodyBuffers {
	return &bodyBuffers{sync.Pool{New: func() any { return new([bodyBuffer]byte) }}}
}

// use makes the connections of a transport take their buffers from b.
func (b *bodyBuffers) use(transport *http.Transport) {
	dial := transport.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &bodyConn{Conn: c, buffers: b}, nil
	}
}

// bodyConn is a connection for requests. net/http passes a body to ReadFrom. That of a TCP connection
// allocates up to 32 KiB for each body, and writes each part of it on its own. Connections with TLS have no
// ReadFrom that could be replaced.
type bodyConn struct {
	net.Conn
	buffers *bodyBuffers
}

var _ io.ReaderFrom = (*bodyConn)(nil)

// ReadFrom implements io.ReaderFrom. It fills a buffer before it writes: no body waits for anything else.
func (c *bodyConn) ReadFrom(r io.Reader) (total int64, err error) {
	buf := c.buffers.pool.Get().(*[bodyBuffer]byte)
	defer c.buffers.pool.Put(buf)
	for {
		n, readErr := fill(buf[:], r)
		if n > 0 {
			written, err := c.Write(buf[:n])
			total += int64(written)
			if err != nil {
				return total, err
			}
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return total, nil
		case readErr != nil:
			return total, readErr
		}
	}
}

// fill reads until buf is full or r has an error. Unlike [io.ReadFull] it returns the error of r as it is.
func fill(buf []byte, r io.Reader) (n int, err error) {
	for n < len(buf) && err == nil {
		var read int
		read, err = r.Read(buf[n:])
		n += read
	}
	return n, err
}
