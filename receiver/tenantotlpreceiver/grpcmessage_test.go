// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

// rawCall is a call that sends whatever frames a test wants.
type rawCall struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
}

// call opens a connection and a call with the headers of a unary one.
func call(t *testing.T, address string, headers ...string) *rawCall {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	c := &rawCall{t: t, conn: conn, framer: http2.NewFramer(conn, conn)}
	require.NoError(t, c.framer.WriteSettings())
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	all := append([]string{":method", "POST", ":scheme", "http", ":path", logsMethod, ":authority", "x", "content-type", "application/grpc", "te", "trailers"}, headers...)
	for i := 0; i < len(all); i += 2 {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}))
	}
	require.NoError(t, c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}))
	return c
}

func (c *rawCall) data(end bool, data []byte) {
	c.t.Helper()
	require.NoError(c.t, c.framer.WriteData(1, end, data))
}

// status reads until the call is answered.
func (c *rawCall) status() (codes.Code, string) {
	c.t.Helper()
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := c.framer.ReadFrame()
		require.NoError(c.t, err)
		headers, ok := frame.(*http2.MetaHeadersFrame)
		if !ok || !headers.StreamEnded() {
			continue
		}
		code, text := "", ""
		for _, f := range headers.Fields {
			switch f.Name {
			case "grpc-status":
				code = f.Value
			case "grpc-message":
				text = f.Value
			}
		}
		var parsed codes.Code
		require.NoError(c.t, parsed.UnmarshalJSON([]byte(code)))
		return parsed, text
	}
}

func framed(flag byte, announced int, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(announced)), data...)
}

func TestMessage_FramesThatAreNotOneMessage(t *testing.T) {
	d := setup{open: true}.start(t)
	good, err := plogotlp.NewExportRequestFromLogs(someLogs(1)).MarshalProto()
	require.NoError(t, err)
	for _, tt := range []struct {
		name    string
		headers []string
		data    []byte
		code    codes.Code
		text    string
	}{
		{name: "one message", data: framed(0, len(good), good), code: codes.OK},
		{name: "empty message", data: framed(0, 0, nil), code: codes.OK},
		{name: "nothing", data: nil, code: codes.InvalidArgument, text: "the call ended before its message"},
		{name: "half a header", data: []byte{0, 0}, code: codes.InvalidArgument, text: "the call ended before its message"},
		{name: "half a message", data: framed(0, len(good), good[:3]), code: codes.InvalidArgument, text: "the call ended before its message"},
		{name: "two messages", data: append(framed(0, len(good), good), framed(0, 0, nil)...), code: codes.InvalidArgument, text: "the call has more than one message"},
		{name: "a byte too many", data: append(framed(0, len(good), good), 0), code: codes.InvalidArgument, text: "the call has more than one message"},
		{name: "unknown flag", data: framed(2, len(good), good), code: codes.InvalidArgument, text: "the header of the message is not gRPC"},
		{name: "compressed without encoding", data: framed(1, len(good), good), code: codes.InvalidArgument, text: "the message is marked as compressed, but the call has no grpc-encoding"},
		{name: "compressed as identity", headers: []string{"grpc-encoding", "identity"}, data: framed(1, len(good), good), code: codes.InvalidArgument, text: "the message is marked as compressed, but the call has no grpc-encoding"},
		{name: "not compressed in spite of its encoding", headers: []string{"grpc-encoding", "gzip"}, data: framed(0, len(good), good), code: codes.OK},
		{name: "not compressed in spite of its flag", headers: []string{"grpc-encoding", "gzip"}, data: framed(1, len(good), good), code: codes.InvalidArgument},
		{name: "unknown encoding", headers: []string{"grpc-encoding", "br"}, data: framed(1, len(good), good), code: codes.Unimplemented},
		{name: "larger than any message", data: framed(0, 1<<32-1, good), code: codes.ResourceExhausted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := call(t, d.grpc, tt.headers...)
			c.data(true, tt.data)
			code, text := c.status()
			assert.Equal(t, tt.code, code, text)
			if tt.text != "" {
				assert.Equal(t, tt.text, text)
			}
		})
	}
	t.Run("in empty frames and frames of one byte", func(t *testing.T) {
		c := call(t, d.grpc)
		all := framed(0, len(good), good)
		require.Less(t, 2*len(all), startCredit)
		for i := range all {
			c.data(false, nil)
			c.data(i == len(all)-1, all[i:i+1])
		}
		code, text := c.status()
		assert.Equal(t, codes.OK, code, text)
	})
}

func TestMessage_RejectsByAnnouncedSize(t *testing.T) {
	d := setup{open: true}.start(t)
	c := call(t, d.grpc)
	c.data(false, framed(0, 1<<20+1, nil))
	code, text := c.status()
	assert.Equal(t, codes.ResourceExhausted, code, text)
}

func TestMessage_ThatComesTooSlowlyEndsItsCall(t *testing.T) {
	d := setup{open: true, guard: guard.Settings{UploadGrace: 50 * time.Millisecond, MinUploadRate: 1000}}.start(t)
	c := call(t, d.grpc)
	c.data(false, framed(0, 1000, make([]byte, 10)))
	code, text := c.status()
	assert.Equal(t, codes.DeadlineExceeded, code, text)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		requests, held := d.guard.InFlight()
		assert.Zero(t, requests)
		assert.Zero(t, held)
	}, 5*time.Second, time.Millisecond)
}

func TestMessage_DeadlineEndsAReadUnderWay(t *testing.T) {
	for name, sent := range map[string][]byte{"before the header": nil, "within the message": framed(0, 100, []byte("abc"))} {
		t.Run(name, func(t *testing.T) {
			results := make(chan error, 1)
			address := startStream(t, func(stream grpc.ServerStream) error {
				m := &message{stream: grpc.ServerTransportStreamFromContext(stream.Context()).(transportStream)}
				err := m.begin(time.Now().Add(100 * time.Millisecond))
				if err == nil {
					_, err = io.ReadAll(m)
				}
				results <- err
				return err
			})
			c := call(t, address)
			if sent != nil {
				c.data(false, sent)
			}
			code, _ := c.status()
			assert.Equal(t, codes.DeadlineExceeded, code)
			assert.ErrorContains(t, <-results, "i/o timeout")
		})
	}
}

// startStream serves one method with f.
func startStream(t *testing.T, f func(grpc.ServerStream) error) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}))
	service, method, _ := strings.Cut(strings.TrimPrefix(logsMethod, "/"), "/")
	server.RegisterService(&grpc.ServiceDesc{ServiceName: service, Streams: []grpc.StreamDesc{{
		StreamName: method, Handler: func(_ any, s grpc.ServerStream) error { return f(s) },
	}}}, nil)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
	return listener.Addr().String()
}

func TestMessage_OfASenderThatGivesUp(t *testing.T) {
	d := setup{open: true}.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := d.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, logsMethod, grpc.ForceCodecV2(clientCodec{}))
	require.NoError(t, err)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		requests, _ := d.guard.InFlight()
		assert.EqualValues(t, 1, requests)
	}, 5*time.Second, time.Millisecond)
	cancel()
	var answer []byte
	assert.Equal(t, codes.Canceled, status.Code(stream.RecvMsg(&answer)))
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		requests, held := d.guard.InFlight()
		assert.Zero(t, requests)
		assert.Zero(t, held)
	}, 5*time.Second, time.Millisecond)
}

func TestMessage_ThatDoesNotBeginEndsItsCall(t *testing.T) {
	good, err := plogotlp.NewExportRequestFromLogs(someLogs(1)).MarshalProto()
	require.NoError(t, err)
	d := setup{open: true, patience: 50 * time.Millisecond}.start(t)
	for name, sent := range map[string][]byte{"nothing": nil, "half a header": {0, 0}, "no end": framed(0, len(good), good)} {
		t.Run(name, func(t *testing.T) {
			c := call(t, d.grpc)
			if sent != nil {
				c.data(false, sent)
			}
			code, text := c.status()
			assert.Equal(t, codes.DeadlineExceeded, code)
			assert.Equal(t, "the message did not arrive in time", text)
		})
	}
	assert.Zero(t, d.logs.LogRecordCount(), "a call without an end is not handed on")
}
