// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestBrokenCalls_FillNoLog sends invalid gRPC calls and connections, with and without a
// key. Callers could fill the log with whatever one of them logs.
func TestBrokenCalls_FillNoLog(t *testing.T) {
	const times, lines = 40, 5 // calls of each kind, and the lines that they may log in total
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	_, key := reg.key("shop")
	g := startGateway(t, reg)
	g.awaitKey(key)
	before := strings.Count(g.Tail(1<<20), "\n")
	for name, c := range map[string]struct{ encoding, message, key, status string }{
		"malformed":                   {"", "\x00\x00\x00\x00\x03\xff\xff\xff", key, "3"},
		"another message":             {"", "\x00\x00\x00\x00\x04\x0a\x02\x08\x01", key, "3"},
		"unknown compressor":          {"br", "\x01\x00\x00\x00\x01x", key, "12"},
		"damaged gzip":                {"gzip", "\x01\x00\x00\x00\x01x", key, "3"},
		"compressed without encoding": {"", "\x01\x00\x00\x00\x01x", key, "3"},
		"no prefix":                   {"", "\x07\x00\x00\x00\x00", key, "3"},
		"cut off":                     {"", "\x00\x00\x00\x01\x00x", key, "3"},
		"two messages":                {"", strings.Repeat("\x00", 10), key, "3"},
		"too large":                   {"", "\x00\x7f\xff\xff\xffx", key, "8"},
		"no key":                      {"", "\x00\x00\x00\x00\x00", "nobody", "16"},
	} {
		for range times {
			assert.Equal(t, c.status, brokenCall(t, g.grpc, c.encoding, c.message, c.key), name)
		}
	}
	for _, garbage := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "garbage\n", http2.ClientPreface + "\x00\x00\x01\x04\x00\x00\x00\x00\x00x",
		http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x04\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff", "",
	} {
		for range times {
			for _, address := range []string{g.grpc, g.http} {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
				require.NoError(t, err)
				_, _ = io.WriteString(conn, garbage)
				_ = conn.Close()
			}
		}
	}
	// The calls that ended last may be logged after their connection was closed.
	assert.Never(t, func() bool { return strings.Count(g.Tail(1<<20), "\n")-before > lines }, time.Second, 50*time.Millisecond,
		"more than %d lines", lines)
	g.stop()
}

// brokenCall returns the gRPC status that answers a call with data.
func brokenCall(t *testing.T, address, encoding, data, key string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(t, framer.WriteSettings())
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"},
		{":authority", "x"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{"authorization", "Bearer " + key},
		{"grpc-encoding", encoding},
	} {
		if f[1] != "" {
			require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
		}
	}
	require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true}))
	require.NoError(t, framer.WriteData(1, true, []byte(data)))
	for {
		frame, err := framer.ReadFrame()
		require.NoError(t, err)
		if headers, ok := frame.(*http2.MetaHeadersFrame); ok {
			for _, f := range headers.Fields {
				if f.Name == "grpc-status" {
					return f.Value
				}
			}
		}
	}
}
