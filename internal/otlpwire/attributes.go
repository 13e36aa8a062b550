// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"encoding/binary"
	"iter"
)

// The tags of what an Editor reads and writes. TestTags compares them with the schema.
const (
	tagResource           = 1<<3 | wireLen    // in the resources of a request
	tagResourceAttributes = 1<<3 | wireLen    // in a resource
	tagRecordAttributes   = 6<<3 | wireLen    // in a log record
	tagSeverityNumber     = 2<<3 | wireVarint // in a log record
	tagSeverityText       = 3<<3 | wireLen    // in a log record
	tagKey                = 1<<3 | wireLen    // in an attribute
	tagValue              = 2<<3 | wireLen    // in an attribute
	tagStringValue        = 1<<3 | wireLen    // in a value
	tagBoolValue          = 2<<3 | wireVarint // in a value
	tagIntValue           = 3<<3 | wireVarint // in a value
	tagDoubleValue        = 4<<3 | wireI64    // in a value
)

// Value is an encoded AnyValue that a scan has accepted: nothing, or one field.
type Value []byte

// Text returns the text of a string.
func (v Value) Text() (text []byte, ok bool) {
	if len(v) == 0 || v[0] != tagStringValue {
		return nil, false
	}
	_, n := binary.Uvarint(v[1:])
	return v[1+n:], true
}

// Int returns an integer.
func (v Value) Int() (n int64, ok bool) {
	if len(v) == 0 || v[0] != tagIntValue {
		return 0, false
	}
	u, _ := binary.Uvarint(v[1:])
	return int64(u), true //nolint:gosec // as in protobuf
}

// Double returns the bits of a double.
func (v Value) Double() (bits uint64, ok bool) {
	if len(v) == 0 || v[0] != tagDoubleValue {
		return 0, false
	}
	return binary.LittleEndian.Uint64(v[1:]), true
}

// Attributes are the encoded fields of a message whose attributes are read, which a scan has
// accepted.
type Attributes struct {
	fields []byte
	tag    byte
}

// All returns the attributes.
func (a Attributes) All() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		for rest := a.fields; len(rest) > 0; {
			tag, content, next := nextField(rest)
			rest = next
			if tag == a.tag {
				if key, value := readAttribute(content); !yield(key, value) {
					return
				}
			}
		}
	}
}

// nextField reads a field of a message that a scan has accepted, and whose tags have one byte.
// content is that of a field with a length.
func nextField(data []byte) (tag byte, content, rest []byte) {
	tag, data = data[0], data[1:]
	switch tag & 7 {
	case wireVarint:
		_, n := binary.Uvarint(data)
		return tag, nil, data[n:]
	case wireI64:
		return tag, nil, data[8:]
	case wireI32:
		return tag, nil, data[4:]
	}
	size, n := int(data[0]), 1
	if size >= 0x80 {
		var u uint64
		u, n = binary.Uvarint(data)
		size = int(u) //nolint:gosec // below maxEdited
	}
	return tag, data[n : n+size], data[n+size:]
}

// readAttribute reads an attribute that a scan has accepted.
func readAttribute(data []byte) (key []byte, value Value) {
	for len(data) > 0 {
		tag, content, rest := nextField(data)
		switch tag {
		case tagKey:
			key = content
		case tagValue:
			value = content
		}
		data = rest
	}
	return key, value
}

// AppendTextAttribute appends an attribute of a resource, whose value is a string.
func AppendTextAttribute(dst []byte, key, value string) []byte {
	size := 1 + varintSize(len(value)) + len(value)
	dst = appendAttributeHead(dst, key, size)
	dst = binary.AppendUvarint(append(dst, tagStringValue), uint64(len(value)))
	return append(dst, value...)
}

// AppendIntAttribute appends an attribute of a resource, whose value is an integer.
func AppendIntAttribute(dst []byte, key string, value int64) []byte {
	var text [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(text[:], uint64(value)) //nolint:gosec // as in protobuf
	dst = appendAttributeHead(dst, key, 1+n)
	return append(append(dst, tagIntValue), text[:n]...)
}

// AppendAttribute appends an attribute of a resource.
func AppendAttribute(dst []byte, key string, value Value) []byte {
	return append(appendAttributeHead(dst, key, len(value)), value...)
}

// appendAttributeHead appends an attribute up to its value, which has this size.
func appendAttributeHead(dst []byte, key string, size int) []byte {
	whole := 2 + varintSize(len(key)) + len(key) + varintSize(size) + size
	dst = binary.AppendUvarint(append(dst, tagResourceAttributes), uint64(whole)) //nolint:gosec // not negative
	dst = binary.AppendUvarint(append(dst, tagKey), uint64(len(key)))
	dst = append(dst, key...)
	return binary.AppendUvarint(append(dst, tagValue), uint64(size)) //nolint:gosec // not negative
}
