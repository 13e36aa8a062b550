// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// pieceSize is how much of a message is read at a time, so that the speed of slow
// senders can be judged.
const pieceSize = 8 << 10

// transportStream is what gRPC's server has below grpc.ServerStream. RecvMsg reads
// a whole message, whatever its size and however slowly it comes, and decompresses
// it, before an interceptor runs.
type transportStream interface {
	// ReadMessageHeader fills header with the next bytes, of a message too. Unlike
	// Read it copies frames as they come, so that a message in frames of one byte
	// holds no memory for each of them.
	ReadMessageHeader(header []byte) error
	RecvCompress() string
	WriteStatus(*status.Status) error
}

// message is a gRPC message that is read while it arrives, as the body of an HTTP
// request is. It implements io.ReadCloser, and http.ResponseWriter only for
// http.ResponseController.SetReadDeadline.
type message struct {
	stream    transportStream
	remaining int
	encoding  string

	timer   *time.Timer // ends the call; nil until the first deadline
	armed   bool        // there is a deadline
	late    bool        // the timer was too fast for SetReadDeadline
	expired atomic.Bool // the timer has ended the call, or is about to
}

// malformed is an error about the frame of a message.
func malformed(text string) error { return rejection.New(rejection.Malformed, text) }

// tooSlow returns the answer to a call that its deadline has ended.
func tooSlow() *rejection.Error {
	return rejection.New(rejection.Slow, "the message did not arrive in time")
}

// begin waits for the message until the deadline and reads its header.
func (m *message) begin(deadline time.Time) error {
	if err := m.SetReadDeadline(deadline); err != nil {
		return err
	}
	var header [5]byte
	if err := m.stream.ReadMessageHeader(header[:]); err != nil {
		return m.failed(err)
	}
	m.remaining = int(min(binary.BigEndian.Uint32(header[1:]), math.MaxInt32)) // so large a message exceeds every limit
	switch header[0] {
	case 0:
	case 1:
		if m.encoding = m.stream.RecvCompress(); m.encoding == "" || m.encoding == "identity" {
			return malformed("the message is marked as compressed, but the call has no grpc-encoding")
		}
	default:
		return malformed("the header of the message is not gRPC")
	}
	return nil
}

// request returns the message as the body of an HTTP request.
func (m *message) request(ctx context.Context) *http.Request {
	r := (&http.Request{Method: http.MethodPost, Header: http.Header{}, Body: m, ContentLength: int64(m.remaining)}).WithContext(ctx)
	if p, ok := peer.FromContext(ctx); ok {
		r.RemoteAddr = p.Addr.String()
	}
	if m.encoding != "" {
		r.Header.Set("Content-Encoding", m.encoding)
	}
	return r
}

// Read implements io.Reader.
func (m *message) Read(p []byte) (int, error) {
	if m.remaining == 0 {
		return 0, io.EOF
	}
	p = p[:min(len(p), m.remaining, pieceSize)]
	if len(p) == 0 {
		return 0, nil
	}
	if err := m.stream.ReadMessageHeader(p); err != nil {
		return 0, m.failed(err)
	}
	m.remaining -= len(p)
	return len(p), nil
}

// Close ends the deadline.
func (m *message) Close() error { return m.SetReadDeadline(time.Time{}) }

// end requires that nothing follows the message until the deadline.
func (m *message) end(deadline time.Time) error {
	if err := m.SetReadDeadline(deadline); err != nil {
		return err
	}
	var header [1]byte
	switch err := m.stream.ReadMessageHeader(header[:]); {
	case err == nil:
		return malformed("the call has more than one message")
	case errors.Is(err, io.EOF):
		return m.SetReadDeadline(time.Time{})
	default:
		return m.failed(err)
	}
}

// failed returns why reading from the stream failed.
func (m *message) failed(err error) error {
	switch {
	case m.expired.Load():
		return os.ErrDeadlineExceeded
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return malformed("the call ended before its message")
	default:
		return err // a status of gRPC: the sender has disconnected, or its own deadline has passed
	}
}

// SetReadDeadline sets when the call ends unless the message has arrived. A zero
// time means never. It must not be called while Read runs.
func (m *message) SetReadDeadline(t time.Time) error {
	if m.armed && !m.timer.Stop() {
		m.late = true
	}
	m.armed = false
	switch {
	case m.late:
		return os.ErrDeadlineExceeded
	case t.IsZero():
	case m.timer == nil:
		m.timer, m.armed = time.AfterFunc(time.Until(t), m.expire), true
	default:
		m.timer.Reset(time.Until(t))
		m.armed = true
	}
	return nil
}

// expire answers the call, which makes a Read in progress return.
func (m *message) expire() {
	m.expired.Store(true)
	_ = m.stream.WriteStatus(tooSlow().GRPCStatus()) // an error means that the sender has disconnected
}

// Header implements http.ResponseWriter.
func (*message) Header() http.Header { return http.Header{} }

// Write implements http.ResponseWriter.
func (*message) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

// WriteHeader implements http.ResponseWriter.
func (*message) WriteHeader(int) {}
