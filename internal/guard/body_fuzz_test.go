// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"bytes"
	"compress/gzip"
	stdzlib "compress/zlib"
	"io"
	"net/http/httptest"
	"testing"

	stdflate "compress/flate"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// FuzzReadBody reads arbitrary bytes as a body of each encoding. The memory held stays within
// the limits, and an accepted body equals the output of another decoder.
func FuzzReadBody(f *testing.F) {
	const limit, total = 64 << 10, 1 << 20
	text := bytes.Repeat([]byte("a record of some kind\n"), 200)
	for encoding, compress := range compressors(f) {
		if e, err := parseEncoding([]string{encoding}); err == nil {
			f.Add(uint8(e), compress(text))
			f.Add(uint8(e), compress(make([]byte, 2*limit)))
		}
	}
	f.Add(uint8(zstdEncoding), []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 19 << 3, 4 << 3, 0, 0, 10, 2, 10, 0})
	f.Add(uint8(snappyEncoding), []byte{0x80, 0x80, 0x80, 8})
	g := New(Settings{Memory: total, TenantMemory: total / 2})
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		e := encoding(n % uint8(numEncodings))
		r := admit(asTenant("a"), t, g)
		defer assertNothingHeld(t, g)
		defer r.Release()
		got, err := r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(body), e.name()), BodyLimits{MaxCompressed: limit, MaxDecoded: limit})
		if _, held := g.InFlight(); held > total/2 {
			t.Fatalf("%d bytes held", held)
		}
		if err != nil {
			switch why := reasonFor(t, err); why {
			case rejection.Malformed, rejection.TooLarge:
			default:
				t.Fatalf("%v: %v", why, err)
			}
			return
		}
		if len(got) > limit || len(body) > limit {
			t.Fatalf("%d bytes of %d accepted", len(got), len(body))
		}
		want, err := reference(e, body)
		if err != nil {
			t.Fatalf("%s: accepted, but %v", e.name(), err)
		}
		if !bytes.Equal(want, got) {
			t.Fatalf("%s: %d bytes, want %d", e.name(), len(got), len(want))
		}
	})
}

// reference decompresses with other decoders, or with the streaming API of the same ones.
func reference(e encoding, body []byte) ([]byte, error) {
	in := bytes.NewReader(body)
	switch e {
	case gzipEncoding:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case zstdEncoding:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return io.ReadAll(z)
	case deflateEncoding, zlibEncoding:
		z, err := stdzlib.NewReader(in)
		if err != nil && e == deflateEncoding {
			return io.ReadAll(stdflate.NewReader(bytes.NewReader(body)))
		}
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case snappyEncoding, framedSnappyEncoding:
		if len(body) == 0 {
			return nil, nil
		}
		if e == snappyEncoding && !bytes.HasPrefix(body, []byte(snappyMagic)) {
			return snappy.Decode(nil, body)
		}
		return io.ReadAll(snappy.NewReader(in))
	case lz4Encoding:
		return io.ReadAll(lz4.NewReader(in))
	}
	return body, nil
}
