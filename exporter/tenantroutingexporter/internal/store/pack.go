package store

import (
	"hash/crc32"

	"github.com/klauspost/compress/s2"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
)

// minPacked is the size below which a payload is stored as it is: a page of the
// file holds it anyway.
const minPacked = 1 << 10

// pack returns payload as it is to be stored, and notes how in r. Telemetry takes
// a third of its bytes then, for less time than writing the rest would take. What
// is compressed already stays as it is.
func (r *record) pack(payload []byte) []byte {
	value := payload
	r.form = plain
	switch {
	case compress.Is(payload):
		r.form = sealed
	case len(payload) >= minPacked:
		if small := s2.Encode(nil, payload); len(small) < len(payload)/8*7 {
			value, r.form = small, packed
		}
	}
	r.sum = crc32.ChecksumIEEE(value)
	return value
}

// unpack returns the payload that is stored as value, or nil if it is not what was
// stored once.
func (r *record) unpack(value []byte) []byte {
	if value == nil || crc32.ChecksumIEEE(value) != r.sum || compress.Is(value) != (r.form == sealed) {
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
