// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import (
	"encoding/binary"
	"math"
)

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// reader reads the fields of one protobuf message. It moves numbers and no slices, since
// to write a pointer costs much while the garbage collector marks.
type reader struct {
	data []byte
	at   int // what of data is read

	// number and kind are those of the last field, value is its number, and its bytes are
	// data[from:to].
	number   uint32
	kind     uint8
	value    uint64
	from, to int
}

// content returns the bytes of the last field, which are a part of the message.
func (r *reader) content() []byte { return r.data[r.from:r.to] }

// size returns the number of bytes of the last field.
func (r *reader) size() int { return r.to - r.from }

// next reads the next field, and returns false at the end of the message or an error if
// the message is damaged. A group, which no version of remote write has, is damage.
func (r *reader) next() (bool, error) {
	if r.at >= len(r.data) {
		return false, nil
	}
	tag, ok := r.varint()
	number := tag >> 3
	if !ok || number == 0 || number > 1<<29-1 {
		return false, errTag
	}
	r.number, r.kind, r.from, r.to = uint32(number), uint8(tag&7), 0, 0
	switch r.kind {
	case wireVarint:
		if r.value, ok = r.varint(); !ok {
			return false, errVarint
		}
	case wireFixed64:
		if len(r.data)-r.at < 8 {
			return false, errTruncated
		}
		r.value = binary.LittleEndian.Uint64(r.data[r.at:])
		r.at += 8
	case wireBytes:
		n, ok := r.varint()
		if !ok {
			return false, errVarint
		}
		if n > uint64(len(r.data)-r.at) {
			return false, errTruncated
		}
		r.from, r.to = r.at, r.at+int(n)
		r.at = r.to
	case wireFixed32:
		if len(r.data)-r.at < 4 {
			return false, errTruncated
		}
		r.value = uint64(binary.LittleEndian.Uint32(r.data[r.at:]))
		r.at += 4
	default:
		return false, errWireType
	}
	return true, nil
}

// varint consumes a varint of at most 64 bits.
func (r *reader) varint() (uint64, bool) {
	if r.at < len(r.data) && r.data[r.at] < 0x80 {
		v := uint64(r.data[r.at])
		r.at++
		return v, true
	}
	v, n := binary.Uvarint(r.data[r.at:])
	if n <= 0 {
		return 0, false
	}
	r.at += n
	return v, true
}

// is returns an error unless the field has the wire type of the schema.
func (r *reader) is(kind uint8) error {
	if r.kind != kind {
		return errWireType
	}
	return nil
}

// unpack appends the values of a repeated field of scalars, which may be packed or not.
func unpack[T any](list []T, r *reader, kind uint8, convert func(uint64) T) ([]T, error) {
	if r.kind == kind {
		return append(list, convert(r.value)), nil
	}
	if r.kind != wireBytes {
		return list, errWireType
	}
	packed := reader{data: r.content()}
	for packed.at < len(packed.data) {
		var v uint64
		if kind == wireFixed64 {
			if len(packed.data)-packed.at < 8 {
				return list, errTruncated
			}
			v = binary.LittleEndian.Uint64(packed.data[packed.at:])
			packed.at += 8
		} else {
			var ok bool
			if v, ok = packed.varint(); !ok {
				return list, errVarint
			}
		}
		list = append(list, convert(v))
	}
	return list, nil
}

// zigzag returns the signed number that sint32 and sint64 encode.
func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// float returns the number that double encodes.
func float(v uint64) float64 { return math.Float64frombits(v) }
