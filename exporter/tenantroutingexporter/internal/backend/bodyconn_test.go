// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
)

// countedConn counts writes.
type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// countWrites counts the writes of the new connections of a target's client.
func countWrites(t *testing.T, target lane.Target) *atomic.Int64 {
	t.Helper()
	s := target.(*httpTarget).site
	pooled, done, err := s.destination.pool.use(s.transport, func() (client, error) { return nil, errors.New("there is no client") })
	require.NoError(t, err)
	defer done()
	transport := pooled.(*httpClient).transport.base.(*http.Transport)
	transport.CloseIdleConnections()
	dial, writes := transport.DialContext, new(atomic.Int64)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err == nil {
			b := c.(*bodyConn)
			b.Conn = countedConn{b.Conn, writes}
		}
		return c, err
	}
	return writes
}

// A small request is one write, and a large one has one for its head and one for each buffer, in whatever
// parts its body is.
func TestHTTP_WritesPerRequest(t *testing.T) {
	var got [][]byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.EqualValues(t, len(body), r.ContentLength)
		got = append(got, body)
	}))
	defer s.Close()
	for name, tt := range map[string]struct {
		parts []int // sizes
		want  int64
	}{
		"one small part":              {[]int{900}, 1},
		"many small parts":            {[]int{100, 1, 2000, 0, 30}, 1},
		"the largest whole body":      {[]int{writeBuffer - headRoom}, 1},
		"a byte more":                 {[]int{writeBuffer - headRoom + 1}, 2},
		"many parts of less than 32K": {[]int{9000, 10, 10_000, 1}, 2},
		"a full buffer":               {[]int{bodyBuffer}, 2},
		"more than a buffer":          {[]int{bodyBuffer, 1}, 3},
		"a large one":                 {[]int{1 << 20}, 1 + 1<<20/bodyBuffer},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			d := overHTTP(t, profile(t, "otlp"), s.URL, nil)
			d.precompress = true // payloads are sent as they are
			batch := logsBatch(t, "one")
			target := d.Target(batch.Key.Signal, template.Values{Tenant: batch.Key.Tenant})
			require.Equal(t, lane.Delivered, target.Send(t.Context(), batch).Verdict)
			writes := countWrites(t, target)
			batch.Payloads = nil
			for i, size := range tt.parts {
				part := make([]byte, size)
				_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(part)
				batch.Payloads = append(batch.Payloads, part)
			}
			for range 3 {
				writes.Store(0)
				require.Equal(t, lane.Delivered, target.Send(t.Context(), batch).Verdict)
				assert.Equal(t, tt.want, writes.Load())
				assert.True(t, bytes.Equal(bytes.Join(batch.Payloads, nil), got[len(got)-1]), "the body differs: %d bytes", len(got[len(got)-1]))
			}
		})
	}
}

// Buffers are shared by connections, so what one writes must not appear in another.
func TestBodyConn_ConcurrentBodies(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if want := r.Header.Get("X-Sum"); fmt.Sprintf("%x", sha256.Sum256(body)) != want {
			t.Errorf("a body of %d bytes differs", len(body))
		}
	}))
	defer s.Close()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	newBodyBuffers().use(transport)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: &wholeBodies{base: transport, max: 4000}}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(worker))) //nolint:gosec // the same data in every run
			for range 50 {
				body := make([]byte, 1+rnd.IntN(90_000))
				for i := range body {
					body[i] = byte(rnd.Uint32())
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, newChunks([][]byte{body[:len(body)/3], body[len(body)/3:]}))
				if !assert.NoError(t, err) {
					return
				}
				req.ContentLength = int64(len(body))
				req.Header.Set("X-Sum", fmt.Sprintf("%x", sha256.Sum256(body)))
				resp, err := client.Do(req)
				if !assert.NoError(t, err) {
					return
				}
				assert.NoError(t, resp.Body.Close())
			}
		})
	}
	all.Wait()
}

func TestBodyConn_ReadFrom(t *testing.T) {
	fault := errors.New("fault")
	for name, tt := range map[string]struct {
		r    io.Reader
		want int64
		err  error
	}{
		"nothing":                {bytes.NewReader(nil), 0, nil},
		"a byte at a time":       {iotest.OneByteReader(bytes.NewReader(make([]byte, 40_000))), 40_000, nil},
		"the end with the data":  {iotest.DataErrReader(bytes.NewReader(make([]byte, 100))), 100, nil},
		"a fault of the body":    {io.MultiReader(bytes.NewReader(make([]byte, 100)), iotest.ErrReader(fault)), 100, fault},
		"a body that is cut off": {io.MultiReader(bytes.NewReader(make([]byte, 100)), iotest.ErrReader(io.ErrUnexpectedEOF)), 100, io.ErrUnexpectedEOF},
		"a fault, a full buffer": {io.MultiReader(bytes.NewReader(make([]byte, bodyBuffer)), iotest.ErrReader(fault)), bodyBuffer, fault},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			c := &bodyConn{Conn: near, buffers: newBodyBuffers()}
			received := make(chan int64, 1)
			go func() {
				n, _ := io.Copy(io.Discard, far)
				received <- n
			}()
			n, err := c.ReadFrom(tt.r)
			assert.Equal(t, tt.want, n)
			assert.ErrorIs(t, err, tt.err)
			require.NoError(t, c.Close())
			assert.Equal(t, tt.want, <-received)
		})
	}
	t.Run("a fault of the connection", func(t *testing.T) {
		near, far := net.Pipe()
		require.NoError(t, far.Close())
		c := &bodyConn{Conn: near, buffers: newBodyBuffers()}
		_, err := c.ReadFrom(bytes.NewReader(make([]byte, 100)))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
		require.NoError(t, c.Close())
	})
}

// brokenBody fails when it is read or closed.
type brokenBody struct {
	io.Reader
	closeErr error
	closed   bool
}

func (b *brokenBody) Close() error {
	b.closed = true
	return b.closeErr
}

func TestWholeBodies_Errors(t *testing.T) {
	fault := errors.New("fault")
	for name, tt := range map[string]struct {
		body *brokenBody
		want error
	}{
		"it cannot be read":    {&brokenBody{Reader: iotest.ErrReader(fault)}, fault},
		"it is too short":      {&brokenBody{Reader: bytes.NewReader([]byte("a"))}, io.ErrUnexpectedEOF},
		"it cannot be closed":  {&brokenBody{Reader: bytes.NewReader([]byte("ab")), closeErr: fault}, fault},
		"both, the first wins": {&brokenBody{Reader: iotest.ErrReader(fault), closeErr: io.ErrClosedPipe}, fault},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1", tt.body)
			require.NoError(t, err)
			req.ContentLength = 2
			_, err = (&wholeBodies{base: http.DefaultTransport, max: 100}).RoundTrip(req) //nolint:bodyclose // there is none
			assert.ErrorIs(t, err, tt.want)
			assert.True(t, tt.body.closed)
		})
	}
	t.Run("it is too long", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1", bytes.NewReader([]byte("abc")))
		require.NoError(t, err)
		req.ContentLength = 2
		_, err = (&wholeBodies{base: http.DefaultTransport, max: 100}).RoundTrip(req) //nolint:bodyclose // there is none
		assert.ErrorContains(t, err, "the body is longer than its Content-Length of 2 bytes")
	})
}
