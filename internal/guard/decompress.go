// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

var (
	errTrailing    = errors.New("data after the end")
	errLength      = errors.New("the announced length does not fit the data")
	errTooLarge    = errors.New("over the limit")
	errUnsupported = errors.New("unsupported encoding")
)

// Memory of a decompressor in use, besides its output.
const (
	inflateMemory = 48 << 10
	snappyMemory  = 160 << 10
	lz4Memory     = 12 << 20 // blocks of 4 MiB, and of 8 MiB in the legacy format
)

// maxSnappyRatio is a generous bound of the bytes to which a byte of a snappy block expands: a
// copy of three bytes expands to at most 64.
const maxSnappyRatio = 64

// decompressors holds the reusable decompressors of a guard. They read complete bodies from
// memory, so none is in use while its request waits for the network. It is safe for concurrent
// use.
type decompressors struct {
	gzips  sync.Pool // *gzip.Reader
	framed sync.Pool // *snappy.Reader
	zstd   *zstd.Decoder
}

func newDecompressors() *decompressors {
	// There is one more than compute slots, so small requests do not wait for large ones.
	n := runtime.GOMAXPROCS(0) + 1
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(n), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are constants
	}
	return &decompressors{zstd: d}
}

// decompress decompresses data within limits, and counts the work.
func (r *Request) decompress(e encoding, data []byte, limits BodyLimits) (*buffer, error) {
	r.workBegan = r.guard.throttler.now()
	defer r.Computed()
	b, err := r.decompressNow(e, data, limits.MaxDecoded)
	var rejected *rejection.Error
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, r.canceled()
	case errors.As(err, &rejected): // from Reserve, which has counted it
		return nil, err
	case errors.Is(err, errTooLarge):
		return nil, r.tooLarge("decoded body", limits.MaxDecoded)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, r.tooLarge("window of the zstd frame", maxWindow)
	}
	return nil, r.rejectWith(rejection.Malformed, "the body is not valid "+e.name()+limits.Hint)
}

// decompressNow selects the decompressor.
func (r *Request) decompressNow(e encoding, data []byte, limit int64) (*buffer, error) {
	switch e {
	case gzipEncoding:
		return r.gunzip(data, limit)
	case zstdEncoding:
		return r.unzstd(data, limit)
	case deflateEncoding, zlibEncoding:
		return r.inflate(e, data, limit)
	case snappyEncoding, framedSnappyEncoding:
		if e == snappyEncoding && !bytes.HasPrefix(data, []byte(snappyMagic)) {
			return r.unsnappy(data, limit)
		}
		return r.unframe(data, limit)
	case lz4Encoding:
		return r.stream(lz4Memory, 0, data, limit, func(in *bytes.Reader) (io.Reader, error) { return lz4.NewReader(in), nil })
	}
	return nil, errUnsupported
}

// snappyMagic is the start of the framed format of snappy. Some senders use that format under
// the name of the block format.
const snappyMagic = "\xff\x06\x00\x00sNaPpY"

// stream decompresses data with the reader that open returns, which needs memory bytes besides
// its output. hint is the likely size of the result, or 0.
func (r *Request) stream(memory, hint int64, data []byte, limit int64, open func(*bytes.Reader) (io.Reader, error)) (*buffer, error) {
	if err := r.Reserve(memory); err != nil {
		return nil, err
	}
	defer r.unreserve(memory)
	in := bytes.NewReader(data)
	out, err := open(in)
	if err != nil {
		return nil, err
	}
	if hint == 0 {
		hint = 4 * int64(len(data))
	}
	b, err := r.buffer(min(hint+1, limit+1)) // one byte more to detect the end
	if err != nil {
		return nil, err
	}
	for {
		if len(b.data) == cap(b.data) {
			if b, err = r.grow(b, min(2*int64(len(b.data)), limit+1)); err != nil {
				return nil, err
			}
		}
		if err := r.hasSize(int64(len(b.data))); err != nil {
			return nil, err
		}
		n, err := out.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		switch {
		case int64(len(b.data)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF) && in.Len() > 0:
			return nil, errTrailing
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, err
		}
	}
}

// gunzip decompresses one or more gzip members.
func (r *Request) gunzip(data []byte, limit int64) (*buffer, error) {
	pool := &r.guard.decompressors.gzips
	z, ok := pool.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	defer pool.Put(z)
	return r.stream(inflateMemory, gzipSize(data), data, limit, func(in *bytes.Reader) (io.Reader, error) { return z, z.Reset(in) })
}

// maxInflateRatio is the most bytes to which a byte of DEFLATE can expand.
const maxInflateRatio = 1032

// gzipSize returns the decompressed size of the last member, which is usually the only one,
// from its trailer. It returns 0 if that size is impossible.
func gzipSize(data []byte) int64 {
	if len(data) < 18 {
		return 0
	}
	n := int64(binary.LittleEndian.Uint32(data[len(data)-4:]))
	if n > maxInflateRatio*int64(len(data)) {
		return 0
	}
	return n
}

// inflate decompresses zlib. Under the name deflate it also accepts raw DEFLATE data without
// the zlib header and checksum, which some senders use.
func (r *Request) inflate(e encoding, data []byte, limit int64) (*buffer, error) {
	return r.stream(inflateMemory, 0, data, limit, func(in *bytes.Reader) (io.Reader, error) {
		if e == deflateEncoding && !hasZlibHeader(data) {
			return flate.NewReader(in), nil
		}
		return zlib.NewReader(in)
	})
}

// hasZlibHeader reports whether data starts with a valid zlib header.
func hasZlibHeader(data []byte) bool {
	return len(data) >= 2 && data[0]&0x0f == 8 && (uint(data[0])<<8|uint(data[1]))%31 == 0
}

// unsnappy decompresses the block format of snappy, which announces its length.
func (r *Request) unsnappy(data []byte, limit int64) (*buffer, error) {
	if len(data) == 0 { // gRPC sends nothing for an empty message
		return r.buffer(0)
	}
	n, err := snappy.DecodedLen(data)
	switch {
	case err != nil:
		return nil, err
	case int64(n) > limit:
		return nil, errTooLarge
	case n > maxSnappyRatio*len(data):
		return nil, errLength
	}
	if err := r.hasSize(int64(n)); err != nil {
		return nil, err
	}
	b, err := r.buffer(int64(n))
	if err != nil {
		return nil, err
	}
	if n == 0 {
		n = 1 // snappy would allocate a buffer if this one were empty
	}
	b.data, err = snappy.Decode(b.data[:n], data)
	return b, err
}

// unframe decompresses the framed format of snappy.
func (r *Request) unframe(data []byte, limit int64) (*buffer, error) {
	pool := &r.guard.decompressors.framed
	s, ok := pool.Get().(*snappy.Reader)
	if !ok {
		s = snappy.NewReader(nil)
	}
	defer pool.Put(s)
	return r.stream(snappyMemory, 0, data, limit, func(in *bytes.Reader) (io.Reader, error) {
		s.Reset(in)
		return s, nil
	})
}

// unzstd decompresses one or more zstd frames.
func (r *Request) unzstd(data []byte, limit int64) (*buffer, error) {
	size, err := zstdSize(data)
	if err != nil {
		return nil, err
	}
	unsure := size > limit // blocks may be smaller than their bound
	size = min(size, limit)
	if err := r.hasSize(size); err != nil {
		return nil, err
	}
	b, err := r.buffer(size + zstdSlack)
	if err != nil {
		return nil, err
	}
	out, err := r.guard.decompressors.zstd.DecodeAll(data, b.data[:0:size+zstdSlack])
	switch {
	case err != nil && unsure, err == nil && int64(len(out)) > limit:
		return nil, errTooLarge
	case err != nil:
		return nil, err
	}
	b.data = out
	return b, nil
}
