// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"hash/crc32"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
)

// minPacked is the least size of payloads that are compressed. Smaller ones use a page of the file anyway.
const minPacked = 1 << 10

// maxScratch bounds the compression buffers that are kept. A buffer is longer than the payload, so the
// result is copied: otherwise it would use as much memory until it is written.
const maxScratch = 1 << 20

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// pack returns payload in its stored form, and sets r.form. Compressed telemetry has a third of its size, and
// compression takes less time than writing the rest. A payload that is already compressed does not change.
func (r *record) pack(payload []byte) []byte {
	value := payload
	r.form = plain
	switch {
	case compress.Is(payload):
		r.form = precompressed
	case len(payload) >= minPacked:
		scratch := scratches.Get().(*[]byte)
		small := s2.Encode(*scratch, payload)
		if len(small) < len(payload)/8*7 {
			value, r.form = slices.Clone(small), packed
		}
		if cap(small) <= maxScratch {
			*scratch = small[:0]
			scratches.Put(scratch)
		}
	}
	r.sum = crc32.ChecksumIEEE(value)
	return value
}

// unpack returns the payload of a stored value, or nil if the value does not match its record.
func (r *record) unpack(value []byte) []byte {
	if value == nil || crc32.ChecksumIEEE(value) != r.sum || compress.Is(value) != (r.form == precompressed) {
		return nil
	}
	if r.form != packed {
		if compress.Length(value) != r.size {
			return nil
		}
		return value
	}
	if n, err := s2.DecodedLen(value); err != nil || n != r.size {
		return nil
	}
	payload, err := s2.Decode(nil, value)
	if err != nil {
		return nil
	}
	return payload
}
