// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
)

// kind is the first byte of a compressed payload. It distinguishes it from an encoded request: protobuf field
// numbers begin at 1, so no message begins with a byte below 8.
type kind byte

// A compressed payload is
//
//	kind | CRC-32 of the original, little endian | length of the original, uvarint | data
//
// Data are DEFLATE blocks that end at a byte and of which none is marked as the
// last, or one Zstandard frame with the length of its content.
const (
	deflated kind = iota
	zstandard
	kinds
)

const (
	fixedLen = 1 + crc32.Size
	maxHead  = fixedLen + binary.MaxVarintLen64
)

// flushed is the empty stored block that ends DEFLATE blocks at a byte. Without it
// what follows in a stream could not be read.
const flushed = "\x00\x00\xff\xff"

// maxRatio is how much DEFLATE can make of a byte: a bound for what a damaged
// length may ask for.
const maxRatio = 1032

// zstdRatio is the same of Zstandard, as a power of two: a block of four bytes can
// say 128 KiB.
const zstdRatio = 15

// ErrMalformed is the error of a compressed payload that is damaged.
var ErrMalformed = errors.New("malformed compressed payload")

// form is a parsed compressed payload.
type form struct {
	kind kind
	sum  uint32 // of the original
	size int    // of the original
	data []byte
}

// Is reports whether a payload is compressed.
func Is(payload []byte) bool { return len(payload) > 0 && kind(payload[0]) < kinds }

// Length returns how long the original of a payload is, or -1 if the payload is
// compressed and malformed.
func Length(payload []byte) int {
	if !Is(payload) {
		return len(payload)
	}
	f, err := parse(payload)
	if err != nil {
		return -1
	}
	return f.size
}

func is(payload []byte, k kind) bool { return len(payload) > 0 && kind(payload[0]) == k }

func appendHead(dst []byte, k kind, sum uint32, size int) []byte {
	dst = append(dst, byte(k))
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return binary.AppendUvarint(dst, uint64(size)) //nolint:gosec // not negative
}

func parse(payload []byte) (form, error) {
	if len(payload) < fixedLen || !Is(payload) {
		return form{}, ErrMalformed
	}
	size, n := binary.Uvarint(payload[fixedLen:])
	if n <= 0 {
		return form{}, ErrMalformed
	}
	f := form{kind: kind(payload[0]), sum: binary.LittleEndian.Uint32(payload[1:]), data: payload[fixedLen+n:]}
	switch f.kind {
	case deflated:
		if !bytes.HasSuffix(f.data, []byte(flushed)) || size > uint64(len(f.data))*maxRatio {
			return form{}, fmt.Errorf("%w: %d bytes are not %d", ErrMalformed, len(f.data), size)
		}
	case zstandard:
		var h zstd.Header
		err := h.Decode(f.data)
		agrees := h.FrameContentSize == size
		if !h.HasFCS {
			agrees = size < 256 // the library leaves short lengths out
		}
		if err != nil || h.Skippable || !agrees || size > uint64(len(f.data))<<zstdRatio {
			return form{}, fmt.Errorf("%w: no frame of %d bytes", ErrMalformed, size)
		}
	}
	f.size = int(size) //nolint:gosec // bounded above
	return f, nil
}
