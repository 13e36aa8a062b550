package store

import (
	"hash/crc32"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
)

// minPacked is the size below which a payload is stored as it is: a page of the
// file holds it anyway.
const minPacked = 1 << 10

// maxScratch is up to which size the memory for what a payload may become is kept. It
// is longer than the payload, whatever that becomes in fact: a value in it would take
// as much while it waits to be written.
const maxScratch = 1 << 20

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// pack returns payload as it is to be stored, and notes how in r. Telemetry takes
// a third of its bytes then, for less time than writing the rest would take. What
// is compressed already stays as it is.
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

// unpack returns the payload that is stored as value, or nil if it is not what was
// stored once.
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
