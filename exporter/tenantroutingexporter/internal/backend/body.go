// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
)

// chunks is a request body that consists of several parts, without a copy.
type chunks struct {
	rest [][]byte
	at   int
}

func newChunks(parts [][]byte) *chunks { return &chunks{rest: parts} }

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	for len(c.rest) > 0 && c.at == len(c.rest[0]) {
		c.rest, c.at = c.rest[1:], 0
	}
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[0][c.at:])
	c.at += n
	return n, nil
}

// Close implements io.Closer.
func (*chunks) Close() error { return nil }

// maxBody is the largest JSON request that is kept in memory as a whole.
const maxBody = 1 << 20

// setJSON sets the body of a request to one JSON export request with all payloads. A large one is compressed
// block by block, or written while it is sent.
func (t *httpTarget) setJSON(ctx context.Context, req *http.Request, payloads [][]byte) error {
	requests := make([][]byte, len(payloads))
	for i, p := range payloads {
		var err error
		if requests[i], err = plainRequest(t.signal, p); err != nil {
			return err
		}
	}
	write := func(w io.Writer) error { return otlpwire.WriteJSON(w, t.signal, requests...) }
	if t.compresses(req) {
		var parts compressed
		parts.compress = func(block []byte) ([]byte, error) { return t.destination.codec.Compress(ctx, block) }
		if err := write(&parts); err != nil {
			return fmt.Errorf("compression: %w", err)
		}
		return t.setBody(ctx, req, parts.parts)
	}
	var m measured
	if err := write(&m); err != nil {
		return err
	}
	if m.size <= maxBody {
		return t.setBody(ctx, req, m.parts)
	}
	recovered := func(w io.Writer) (err error) {
		if bug := t.destination.pool.recovery.Run("writing a request", func() { err = write(w) }); bug != nil {
			return bug
		}
		return err
	}
	req.ContentLength = m.size
	req.GetBody = func() (io.ReadCloser, error) { return newWritten(recovered), nil }
	req.Body = newWritten(recovered)
	return nil
}

// compressed compresses its writes.
type compressed struct {
	compress func(block []byte) ([]byte, error)
	parts    [][]byte
}

// Write implements io.Writer.
func (c *compressed) Write(p []byte) (int, error) {
	part, err := c.compress(p)
	if err != nil {
		return 0, err
	}
	c.parts = append(c.parts, part)
	return len(p), nil
}

// measured keeps what is written to it unless that is more than maxBody.
type measured struct {
	parts [][]byte
	size  int64
}

// Write implements io.Writer.
func (m *measured) Write(p []byte) (int, error) {
	if m.size += int64(len(p)); m.size <= maxBody {
		m.parts = append(m.parts, slices.Clone(p))
	} else {
		m.parts = nil
	}
	return len(p), nil
}

// written is a request body that is written while it is read. It has a goroutine from the first Read until
// it is read to its end or closed; clients close every body.
type written struct {
	write func(io.Writer) error
	begin sync.Once
	r     *io.PipeReader
	w     *io.PipeWriter
}

func newWritten(write func(io.Writer) error) *written {
	r, w := io.Pipe()
	return &written{write: write, r: r, w: w}
}

// Read implements io.Reader.
func (b *written) Read(p []byte) (int, error) {
	b.begin.Do(func() { go func() { b.w.CloseWithError(b.write(b.w)) }() })
	return b.r.Read(p)
}

// Close implements io.Closer. It makes the writer fail.
func (b *written) Close() error { return b.r.Close() }
