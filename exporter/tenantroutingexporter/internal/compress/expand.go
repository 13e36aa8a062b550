// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// Expand returns the original of a payload: the payload itself if it is not compressed, otherwise a copy. The
// error wraps ErrMalformed if the payload is damaged.
func Expand(payload []byte) ([]byte, error) {
	if !Is(payload) {
		return payload, nil
	}
	f, err := parse(payload)
	if err != nil {
		return nil, err
	}
	out, err := f.expand()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(out) != f.size || crc32.ChecksumIEEE(out) != f.sum {
		return nil, fmt.Errorf("%w: another content", ErrMalformed)
	}
	return out, nil
}

func (f *form) expand() ([]byte, error) {
	if f.kind == deflated {
		out := make([]byte, f.size)
		_, err := io.ReadFull(flate.NewReader(bytes.NewReader(f.data)), out)
		return out, err
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(max(uint64(f.size), zstdWindow)), zstd.WithDecodeAllCapLimit(true)) //nolint:gosec // not negative
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(f.data, make([]byte, 0, f.size))
}

// ExpandAll returns the originals of payloads.
func ExpandAll(payloads [][]byte) ([][]byte, error) {
	if !slices.ContainsFunc(payloads, Is) {
		return payloads, nil
	}
	out := make([][]byte, len(payloads))
	for i, p := range payloads {
		var err error
		if out[i], err = Expand(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}
