// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"encoding/binary"
	"net"

	"go.opentelemetry.io/collector/config/configgrpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// gRPC keeps some 100 bytes for each frame of data until it is read, whatever is in
// it. So frames have to bring data, but for a few in each call: senders have their
// reasons to send the header of a message, its last bytes or its end alone.
const (
	smallFrame      = 64
	usualFrame      = 1 << 10
	startCredit     = 64
	creditOfCall    = 8
	creditOfUsual   = 4
	mostCredit      = 4096
	prefaceLength   = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	frameHeadLength = 9
)

// frameCredentials are credentials whose connections count frames, after TLS.
type frameCredentials struct {
	credentials.TransportCredentials
	guard *guard.Guard
}

// newFrameCredentials returns the credentials of the configuration.
func newFrameCredentials(ctx context.Context, cfg *configgrpc.ServerConfig, g *guard.Guard) (credentials.TransportCredentials, error) {
	if !cfg.TLS.HasValue() {
		return frameCredentials{insecure.NewCredentials(), g}, nil
	}
	config, err := cfg.TLS.Get().LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	return frameCredentials{credentials.NewTLS(config), g}, nil
}

// ServerHandshake implements credentials.TransportCredentials.
func (c frameCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	return &frameConn{Conn: conn, guard: c.guard, skip: prefaceLength, credit: startCredit}, info, nil
}

// Clone implements credentials.TransportCredentials.
func (c frameCredentials) Clone() credentials.TransportCredentials {
	return frameCredentials{c.TransportCredentials.Clone(), c.guard}
}

// frameConn is a connection that ends when it brings too many small frames.
type frameConn struct {
	net.Conn
	guard  *guard.Guard
	skip   int // bytes until the next frame
	head   [frameHeadLength]byte
	known  int // bytes of head
	credit int // small frames that may come
}

// Read implements net.Conn.
func (c *frameConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.look(p[:n]) {
		return 0, c.guard.Count(guard.GRPC, rejection.New(rejection.TooLarge, "the messages come in too many small frames"))
	}
	return n, err
}

// look counts the frames that begin in data, and returns whether more may come.
func (c *frameConn) look(data []byte) bool {
	for len(data) > 0 {
		if c.skip > 0 {
			n := min(c.skip, len(data))
			c.skip -= n
			data = data[n:]
			continue
		}
		n := copy(c.head[c.known:], data)
		c.known += n
		data = data[n:]
		if c.known < frameHeadLength {
			return true
		}
		c.known = 0
		c.skip = int(binary.BigEndian.Uint32(c.head[:4]) >> 8)
		if !c.count(c.head[3], c.head[4], c.skip) {
			return false
		}
	}
	return true
}

// count takes a frame into account.
func (c *frameConn) count(kind, flags byte, length int) bool {
	const (
		data, headers = 0, 1
		padded        = 8
		mostPadding   = 256
	)
	switch {
	case kind == headers:
		c.credit += creditOfCall
	case kind != data:
		return true
	default:
		if flags&padded != 0 {
			length -= mostPadding
		}
		switch {
		case length < smallFrame:
			c.credit--
		case length >= usualFrame:
			c.credit += creditOfUsual
		}
	}
	c.credit = min(c.credit, mostCredit)
	return c.credit >= 0
}
