// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"encoding/binary"

	"github.com/otelcol-tenant/otelcol-tenant/internal/validtext"
)

// plainAttribute reads an attribute in the form that every SDK writes: a key and a plain value,
// in either order. memory is what pdata allocates for it. An attribute of any other form is
// not ok.
func (s *scan) plainAttribute(data []byte) (key []byte, memory int64, ok bool) {
	if len(data) < 4 {
		return nil, 0, false
	}
	first, from := sized(data)
	if first < 0 || first+2 > len(data) {
		return nil, 0, false
	}
	second, after := sized(data[first:])
	if second != len(data)-first {
		return nil, 0, false
	}
	var value []byte
	switch {
	case data[0] == tagKey && data[first] == tagValue:
		key, value = data[from:first], data[first+after:]
	case data[0] == tagValue && data[first] == tagKey:
		key, value = data[first+after:], data[from:first]
	default:
		return nil, 0, false
	}
	if memory, ok = s.plainValue(value); !ok || !validtext.Bytes(key) {
		return nil, 0, false
	}
	return key, memory + copySize(len(key)), true
}

// sized returns the size of a field with a length of one or two bytes, and where its content
// starts. It returns -1 for any other field.
func sized(data []byte) (size, content int) {
	if data[1] < 0x80 {
		return 2 + int(data[1]), 2
	}
	if len(data) < 3 || data[2]-1 >= 0x7f {
		return -1, 0
	}
	return 3 + int(data[1]&0x7f) + int(data[2])<<7, 3
}

// plainValue is plainAttribute for a value that is a string, a number or a boolean.
func (s *scan) plainValue(data []byte) (memory int64, ok bool) {
	if len(data) < 2 {
		return 0, false
	}
	switch data[0] {
	case tagStringValue:
		size, content := sized(data)
		return stringSize + copySize(size-content), size == len(data) && validtext.Bytes(data[content:])
	case tagBoolValue:
		return booleanSize, len(data) == 2 && data[1] <= 1
	case tagIntValue:
		return numberSize, len(data) == 2 && data[1] < 0x80 || len(data) > 2 && shortest(data[1:])
	case tagDoubleValue:
		return numberSize, len(data) == 1+numberSize
	}
	return 0, false
}

// shortest reports whether data is one varint in its shortest form, of more than one byte and
// at most 64 bits.
func shortest(data []byte) bool {
	last := len(data) - 1
	if last > 9 || data[last]-1 >= 0x7f || last == 9 && data[last] > 1 {
		return false
	}
	for _, b := range data[:last] {
		if b < 0x80 {
			return false
		}
	}
	return true
}

// length reads a length of more than one byte, and returns where the content starts and ends.
func (s *scan) length(pos, end int) (start, next int) {
	n, size := binary.Uvarint(s.data[pos:end])
	if size < 2 || s.data[pos+size-1] == 0 {
		return 0, -1
	}
	if start = pos + size; n > uint64(end-start) { //nolint:gosec // not negative
		return 0, -1
	}
	return start, start + int(n) //nolint:gosec // at most end
}

// longNumber walks a varint of more than one byte for a number of this many bits, and
// returns where it ends.
func (s *scan) longNumber(bits uint8, pos, end int) int {
	n, size := binary.Uvarint(s.data[pos:end])
	if size < 2 || s.data[pos+size-1] == 0 {
		return -1
	}
	if bits == 1 || bits == 32 && n != uint64(uint32(n)) && n != uint64(int64(int32(n))) { //nolint:gosec // as pdata does
		return -1
	}
	return pos + size
}

// varints walks a packed list.
func (s *scan) varints(pos, end int, list *growth) bool {
	for pos < end {
		if s.data[pos] < 0x80 {
			pos++
		} else if pos = s.longNumber(64, pos, end); pos < 0 {
			return false
		}
		if s.memory -= list.add(numberSize); s.memory < 0 {
			return false
		}
	}
	return true
}
