// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const mib = 1 << 20

// asTenant returns a context of an authenticated caller.
func asTenant(id tenant.ID) context.Context {
	return tenant.NewContext(context.Background(), tenant.NewIdentity(id, "key-1", tenant.NewSignals(tenant.AllSignals()...)))
}

func admit(ctx context.Context, t *testing.T, g *Guard) *Request {
	t.Helper()
	r, err := g.Admit(ctx, tenant.Logs)
	require.NoError(t, err)
	return r
}

// assertNothingHeld fails if a request still holds something.
func assertNothingHeld(t *testing.T, g *Guard) {
	t.Helper()
	requests, bytes := g.InFlight()
	assert.Zero(t, requests, "requests in flight")
	assert.Zero(t, bytes, "bytes in flight")
	assert.Empty(t, g.memory.shares)
	assert.Empty(t, g.requests.shares)
}

func reasonFor(t *testing.T, err error) rejection.Reason {
	t.Helper()
	var rejected *rejection.Error
	require.ErrorAs(t, err, &rejected)
	return rejected.Reason()
}

// compressors returns a compressor for each spelling of each encoding.
func compressors(t testing.TB) map[string]func([]byte) []byte {
	through := func(open func(io.Writer) io.WriteCloser) func([]byte) []byte {
		return func(data []byte) []byte {
			var out bytes.Buffer
			w := open(&out)
			_, err := w.Write(data)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			return out.Bytes()
		}
	}
	framed := through(func(w io.Writer) io.WriteCloser { return snappy.NewBufferedWriter(w) })
	zipped := through(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	return map[string]func([]byte) []byte{
		"":              bytes.Clone,
		"identity":      bytes.Clone,
		" IDENTITY ":    bytes.Clone,
		"identity, ":    bytes.Clone,
		"gzip":          zipped,
		"GZIP":          zipped,
		"x-gzip":        zipped,
		" X-Gzip\t":     zipped,
		"identity,gzip": zipped,
		"gzip ":         func(data []byte) []byte { return append(zipped(data[:len(data)/2]), zipped(data[len(data)/2:])...) },
		"zstd":          through(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }),
		"Zstd": func(data []byte) []byte {
			z, _ := zstd.NewWriter(nil)
			return append(z.EncodeAll(data[:len(data)/2], nil), z.EncodeAll(data[len(data)/2:], nil)...)
		},
		"snappy":          func(data []byte) []byte { return snappy.Encode(nil, data) },
		"SNAPPY":          framed, // as older collectors and gRPC send it
		"x-snappy-framed": framed,
		"zlib":            through(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"deflate":         through(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"Deflate":         through(func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 5); return z }),
		"lz4":             through(func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }),
	}
}

func post(body io.Reader, encoding string) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/v1/logs", body)
	req.Header.Set("Content-Encoding", encoding)
	return req
}

func TestReadBody_DecodesEachEncoding(t *testing.T) {
	g := New(Settings{})
	for encoding, compress := range compressors(t) {
		for _, size := range []int{0, 1, 100, capacity.MinBuffer, 100_000, 3*mib + 7} {
			data := []byte(strings.Repeat("a record of some kind\n", size/22+1)[:size])
			r := admit(asTenant("a"), t, g)
			got, err := r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(compress(data)), encoding), BodyLimits{})
			if assert.NoError(t, err, "%q with %d bytes", encoding, size) {
				assert.True(t, bytes.Equal(data, got), "%q with %d bytes: got %d", encoding, size, len(got))
			}
			r.Release()
			assertNothingHeld(t, g)
		}
	}
}

func TestReadBody_RejectsOtherEncodings(t *testing.T) {
	g := New(Settings{})
	for _, encoding := range []string{"br", "gzip, gzip", "gzip,zstd", "compress", "x-zstd", "gzip;q=1", "gzi\x00p", "identity gzip"} {
		r := admit(asTenant("a"), t, g)
		req := post(failingReader{t}, encoding)
		_, err := r.ReadBody(httptest.NewRecorder(), req, BodyLimits{})
		require.Error(t, err, "%q", encoding)
		assert.Equal(t, rejection.Encoding, reasonFor(t, err), "%q", encoding)
		assert.ErrorContains(t, err, "send one of: identity, gzip, zstd, snappy, x-snappy-framed, deflate, zlib, lz4")
		r.Release()
	}
	req := post(failingReader{t}, "")
	req.Header["Content-Encoding"] = []string{"gzip", "zstd"}
	r := admit(asTenant("a"), t, g)
	_, err := r.ReadBody(httptest.NewRecorder(), req, BodyLimits{})
	assert.Equal(t, rejection.Encoding, reasonFor(t, err))
	r.Release()
	r = admit(asTenant("a"), t, g)
	_, err = r.ReadBody(httptest.NewRecorder(), post(failingReader{t}, "lz4"), BodyLimits{Encodings: []string{"", "gzip"}})
	assert.Equal(t, rejection.Encoding, reasonFor(t, err))
	assert.ErrorContains(t, err, "send one of: identity, gzip")
	r.Release()
	assertNothingHeld(t, g)
}

// failingReader is a body that must not be read.
type failingReader struct{ t *testing.T }

func (f failingReader) Read([]byte) (int, error) {
	f.t.Error("the body was read")
	return 0, io.EOF
}

func TestReadBody_RejectsDamagedBodies(t *testing.T) {
	g := New(Settings{})
	data := []byte(strings.Repeat("a record of some kind\n", 10_000))
	for encoding, compress := range compressors(t) {
		if e, err := parseEncoding([]string{encoding}); err != nil || e == identity {
			continue
		}
		good := compress(data)
		for name, body := range map[string][]byte{
			"trailing garbage": append(bytes.Clone(good), "garbage"...),
			"cut":              good[:len(good)-1],
			"a third":          good[:len(good)/3],
			"garbage":          []byte("this is not compressed at all"),
		} {
			r := admit(asTenant("a"), t, g)
			_, err := r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(body), encoding), BodyLimits{})
			if assert.Error(t, err, "%q %s", encoding, name) {
				assert.Equal(t, rejection.Malformed, reasonFor(t, err), "%q %s: %v", encoding, name, err)
			}
			r.Release()
		}
	}
	assertNothingHeld(t, g)
}

func TestReadBody_BoundsSizes(t *testing.T) {
	g := New(Settings{Memory: 64 * mib})
	zeros := make([]byte, 4*mib)
	for encoding, compress := range compressors(t) {
		body := compress(zeros)
		for _, tt := range []struct {
			name   string
			limits BodyLimits
			ok     bool
		}{
			{"at both limits", BodyLimits{MaxCompressed: int64(len(body)), MaxDecoded: 4 * mib}, true},
			{"compressed too large", BodyLimits{MaxCompressed: int64(len(body)) - 1, MaxDecoded: 4 * mib}, false},
			{"decoded too large", BodyLimits{MaxCompressed: int64(len(body)), MaxDecoded: 4*mib - 1}, false},
		} {
			for _, chunked := range []bool{false, true} {
				r := admit(asTenant("a"), t, g)
				req := post(bytes.NewReader(body), encoding)
				if chunked {
					req.ContentLength = -1
				}
				got, err := r.ReadBody(httptest.NewRecorder(), req, tt.limits)
				if tt.ok {
					if assert.NoError(t, err, "%q %s", encoding, tt.name) {
						assert.Len(t, got, len(zeros), "%q %s", encoding, tt.name)
					}
				} else if assert.Error(t, err, "%q %s", encoding, tt.name) {
					assert.Equal(t, rejection.TooLarge, reasonFor(t, err), "%q %s: %v", encoding, tt.name, err)
				}
				r.Release()
			}
		}
	}
	assertNothingHeld(t, g)
}

func TestReadBody_ReservesMemoryForReceivedBytes(t *testing.T) {
	zstdOf := func(window byte) []byte {
		// A frame header with this window, and a raw first block of four bytes that
		// is not the last one.
		return append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, window << 3, 4 << 3, 0, 0}, 10, 2, 10, 0)
	}
	for name, tt := range map[string]struct {
		encoding string
		head     []byte
		length   int64
	}{
		"zstd, 512 MiB window":   {"zstd", zstdOf(19), 1000},
		"zstd, 128 MiB window":   {"zstd", zstdOf(17), 1000},
		"zstd, 8 MiB window":     {"zstd", zstdOf(13), 1000},
		"zstd, 20 MiB of data":   {"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0x40, 1}, 20 * mib},
		"gzip":                   {"gzip", compressors(t)["gzip"](make([]byte, 16*mib))[:8000], 20 * mib},
		"snappy, 16 MiB of data": {"snappy", []byte{0x80, 0x80, 0x80, 8}, 20 * mib},
		"lz4":                    {"lz4", compressors(t)["lz4"](make([]byte, 8*mib))[:100], 20 * mib},
		"identity":               {"", make([]byte, 100), 20 * mib},
	} {
		t.Run(name, func(t *testing.T) {
			g := New(Settings{})
			r := admit(asTenant("a"), t, g)
			defer r.Release()
			body, stalled := newStalledBody(tt.head)
			req := post(body, tt.encoding)
			req.ContentLength = tt.length
			done := make(chan error, 1)
			go func() {
				_, err := r.ReadBody(httptest.NewRecorder(), req, BodyLimits{})
				done <- err
			}()
			<-stalled
			_, held := g.InFlight()
			assert.LessOrEqual(t, held, int64(capacity.RequestOverhead+3*max(capacity.MinBuffer, len(tt.head))))
			body.end(io.EOF)
			if err := <-done; tt.encoding != "" {
				assert.Error(t, err)
			}
		})
	}
}

// stalledBody returns its head, signals that, and then blocks until end.
type stalledBody struct {
	head    []byte
	stalled chan struct{}
	ended   chan error
}

func newStalledBody(head []byte) (*stalledBody, <-chan struct{}) {
	b := &stalledBody{head, make(chan struct{}), make(chan error, 1)}
	return b, b.stalled
}

func (b *stalledBody) end(err error) { b.ended <- err }

func (b *stalledBody) Read(p []byte) (int, error) {
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	close(b.stalled)
	return 0, <-b.ended
}

func TestReadBody_SmallBodyAllocatesLittle(t *testing.T) {
	g := New(Settings{})
	announce := map[string][]byte{
		"zstd":   {0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0x40, 1, 1, 0, 0}, // announces 20 MiB, has no data
		"snappy": {0x80, 0x80, 0x80, 8, 0, 0},
		"gzip":   {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
	}
	for encoding, body := range announce {
		t.Run(encoding, func(t *testing.T) {
			most := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r, err := g.Admit(asTenant("a"), tenant.Logs)
					if err != nil {
						b.Fatal(err)
					}
					if _, err = r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(body), encoding), BodyLimits{}); err == nil {
						b.Fatal("accepted")
					}
					r.Release()
				}
			}).AllocedBytesPerOp()
			assert.Less(t, most, int64(256<<10))
		})
	}
}

func TestReadBody_ReportsWhyTheBodyIsIncomplete(t *testing.T) {
	g := New(Settings{})
	canceled, cancel := context.WithCancel(asTenant("a"))
	cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		err  error
		want rejection.Reason
	}{
		"cut":          {asTenant("a"), io.ErrUnexpectedEOF, rejection.Canceled},
		"canceled":     {canceled, errors.New("anything"), rejection.Canceled},
		"too slow":     {asTenant("a"), os.ErrDeadlineExceeded, rejection.Slow},
		"upper bound":  {asTenant("a"), &http.MaxBytesError{Limit: 10}, rejection.TooLarge},
		"bad chunking": {asTenant("a"), errors.New("malformed chunked encoding"), rejection.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			r := admit(tt.ctx, t, g)
			defer r.Release()
			body, _ := newStalledBody([]byte("some"))
			body.end(tt.err)
			_, err := r.ReadBody(httptest.NewRecorder(), post(body, "").WithContext(tt.ctx), BodyLimits{})
			assert.Equal(t, tt.want, reasonFor(t, err))
		})
	}
}

func TestReadBody_SlowUploadEndsWith408(t *testing.T) {
	g := New(Settings{MinUploadRate: 1 << 20, UploadGrace: 20 * time.Millisecond})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r := admit(asTenant("a"), t, g)
		defer r.Release()
		_, err := r.ReadBody(w, req, BodyLimits{})
		rejected := rejection.From(err)
		rejected.SetHeader(w.Header())
		w.WriteHeader(rejected.HTTPStatus())
	}))
	defer server.Close()
	slow, feed := io.Pipe()
	defer feed.Close()
	go func() {
		for { // as slowly as the other end reads
			if _, err := feed.Write([]byte{'x'}); err != nil {
				return
			}
		}
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.NopCloser(&trickle{slow}))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
	assert.True(t, resp.Close)
	assertNothingHeld(t, g)
}

// trickle reads one byte per millisecond.
type trickle struct{ io.Reader }

func (s *trickle) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond) // a slow client, over a real connection
	return s.Reader.Read(p[:1])
}

func TestReadBody_AcceptsTheLargestLimit(t *testing.T) {
	g := New(Settings{})
	for name, compress := range compressors(t) {
		r := admit(asTenant("a"), t, g)
		req := post(bytes.NewReader(compress(make([]byte, 100_000))), name)
		req.ContentLength = -1
		data, err := r.ReadBody(httptest.NewRecorder(), req, BodyLimits{MaxCompressed: math.MaxInt64})
		require.NoError(t, err, name)
		assert.Len(t, data, 100_000, name)
		r.Release()
	}
	assertNothingHeld(t, g)
}
