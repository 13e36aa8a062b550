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

// What a decoder holds while it works.
const (
	inflateMemory = 48 << 10
	snappyMemory  = 160 << 10
	lz4Memory     = 12 << 20 // blocks of 4 MiB, and of 8 MiB in its old form
)

// maxSnappyRatio is what a byte of a snappy block becomes at most: its copies have at
// least two bytes for 64.
const maxSnappyRatio = 64

// decoders are the decompressors of a guard. All of them work on data that has
// arrived, so that each is in use for as long as it computes and no longer.
type decoders struct {
	gzips  sync.Pool // of *gzip.Reader
	framed sync.Pool // of *snappy.Reader
	zstd   *zstd.Decoder
}

func newDecoders() *decoders {
	// One more than there are turns of large requests, so that small ones do not wait.
	n := runtime.GOMAXPROCS(0) + 1
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(n), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are constants
	}
	return &decoders{zstd: d}
}

// decode returns what data becomes, at most limit bytes.
func (r *Request) decode(e encoding, data []byte, limit int64) (*buffer, error) {
	r.began = r.guard.shares.now()
	defer r.Computed()
	b, err := r.decodeNow(e, data, limit)
	var rejected *rejection.Error
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, r.gone()
	case errors.As(err, &rejected): // by Reserve, which has counted it
		return nil, err
	case errors.Is(err, errTooLarge):
		return nil, r.tooLarge("decoded body", limit)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, r.tooLarge("window of the zstd frame", maxWindow)
	}
	return nil, r.rejectWith(rejection.Malformed, "the body is not valid "+e.name())
}

func (r *Request) decodeNow(e encoding, data []byte, limit int64) (*buffer, error) {
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

// snappyMagic begins the framed form of snappy. Senders use it under the name of the
// block form too.
const snappyMagic = "\xff\x06\x00\x00sNaPpY"

// stream decodes data with the reader that open returns, which needs memory.
//
// hint is how large the result may be, or 0.
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
	b, err := r.buffer(min(hint+1, limit+1)) // the byte more is for the end
	if err != nil {
		return nil, err
	}
	for {
		if len(b.data) == cap(b.data) {
			if b, err = r.grow(b, min(2*int64(len(b.data)), limit+1)); err != nil {
				return nil, err
			}
		}
		if err := r.grown(int64(len(b.data))); err != nil {
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

// gunzip decodes one or more members.
func (r *Request) gunzip(data []byte, limit int64) (*buffer, error) {
	pool := &r.guard.decoders.gzips
	z, ok := pool.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	defer pool.Put(z)
	return r.stream(inflateMemory, gzipSize(data), data, limit, func(in *bytes.Reader) (io.Reader, error) { return z, z.Reset(in) })
}

// maxInflateRatio is what a byte of DEFLATE becomes at most.
const maxInflateRatio = 1032

// gzipSize returns the size of the last member, which is most often the only one, as
// its end says, or 0 if that cannot be.
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

// inflate decodes zlib, and under the name of deflate also what some senders take it
// for, which is the same without head and checksum.
func (r *Request) inflate(e encoding, data []byte, limit int64) (*buffer, error) {
	return r.stream(inflateMemory, 0, data, limit, func(in *bytes.Reader) (io.Reader, error) {
		if e == deflateEncoding && !zlibHead(data) {
			return flate.NewReader(in), nil
		}
		return zlib.NewReader(in)
	})
}

func zlibHead(data []byte) bool {
	return len(data) >= 2 && data[0]&0x0f == 8 && (uint(data[0])<<8|uint(data[1]))%31 == 0
}

// unsnappy decodes the block form, which announces its length.
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
	if err := r.grown(int64(n)); err != nil {
		return nil, err
	}
	b, err := r.buffer(int64(n))
	if err != nil {
		return nil, err
	}
	if n == 0 {
		n = 1 // snappy would take a buffer of its own for an empty one
	}
	b.data, err = snappy.Decode(b.data[:n], data)
	return b, err
}

func (r *Request) unframe(data []byte, limit int64) (*buffer, error) {
	pool := &r.guard.decoders.framed
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
