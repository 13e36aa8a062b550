// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import "encoding/binary"

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// Numbers of the fields of a push request.
const (
	fieldStreams = 1 // of the request

	fieldLabels  = 1 // of a stream
	fieldEntries = 2

	fieldTimestamp = 1 // of an entry
	fieldLine      = 2
	fieldMetadata  = 3
	fieldParsed    = 4

	fieldSeconds = 1 // of a timestamp
	fieldNanos   = 2

	fieldName  = 1 // of a pair
	fieldValue = 2
)

// field is a field of a message: a number, or bytes that belong to the message.
type field struct {
	number  uint64
	kind    uint8
	value   uint64
	content []byte
}

// nextField reads the first field of a message that is not empty, and returns what is
// behind it. A group, which no push request has, is an error.
func nextField(data []byte) (f field, rest []byte, err error) {
	tag, data, ok := varint(data)
	f.number, f.kind = tag>>3, uint8(tag&7)
	if !ok || f.number == 0 || f.number > 1<<29-1 {
		return f, nil, errTag
	}
	switch f.kind {
	case wireVarint:
		if f.value, data, ok = varint(data); !ok {
			return f, nil, errVarint
		}
		return f, data, nil
	case wireBytes:
		n, data, ok := varint(data)
		if !ok {
			return f, nil, errVarint
		}
		if n > uint64(len(data)) {
			return f, nil, errTruncated
		}
		f.content = data[:n]
		return f, data[n:], nil
	case wireFixed64, wireFixed32:
		n := 8
		if f.kind == wireFixed32 {
			n = 4
		}
		if len(data) < n {
			return f, nil, errTruncated
		}
		return f, data[n:], nil
	}
	return f, nil, errWireType
}

// varint consumes a number of at most 64 bits.
func varint(data []byte) (uint64, []byte, bool) {
	if len(data) > 0 && data[0] < 0x80 {
		return uint64(data[0]), data[1:], true
	}
	v, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, false
	}
	return v, data[n:], true
}

// each calls f for each field of a message. kinds has the wire types of fields that the
// message defines, by their number; f is not called for others.
func each(data []byte, kinds string, f func(field) error) error {
	for len(data) > 0 {
		next, rest, err := nextField(data)
		if err != nil {
			return err
		}
		data = rest
		if next.number > uint64(len(kinds)) {
			continue
		}
		if kind := kinds[next.number-1]; kind == unused {
			continue
		} else if kind != next.kind+'0' {
			return errWireType
		}
		if err := f(next); err != nil {
			return err
		}
	}
	return nil
}

// Wire types of the fields of each message, by number.
const (
	unused = '-'

	kindsRequest   = "2"
	kindsStream    = "22"
	kindsEntry     = "2222"
	kindsTimestamp = "00"
	kindsPair      = "22"
)

// CountEntries returns how many entries a request in protobuf has, without allocation.
func CountEntries(body []byte) (n int, err error) {
	err = each(body, kindsRequest, func(f field) error {
		return each(f.content, kindsStream, func(f field) error {
			if f.number == fieldEntries {
				n++
			}
			return nil
		})
	})
	return n, err
}

// Protobuf adds the streams of a request in protobuf. It may be called once.
func (b *Builder) Protobuf(body []byte) error {
	return each(body, kindsRequest, func(f field) error { return b.protoStream(f.content) })
}

func (b *Builder) protoStream(data []byte) error {
	b.result.Streams++
	var labels []byte
	entries := 0
	err := each(data, kindsStream, func(f field) error {
		if f.number == fieldLabels {
			labels = f.content
		} else {
			entries++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if entries == 0 { // a stream without entries is none, but must be a valid one
		return b.labels.parse(labels)
	}
	s, err := b.streamOf(labels, func() error { return b.labels.parse(labels) })
	if err != nil {
		return err
	}
	if s.records.Len() == 0 { // later it would be copied for each of many streams
		if err := b.reserve(entries * sizeOfPointer); err != nil {
			return err
		}
		s.records.EnsureCapacity(entries)
	}
	return each(data, kindsStream, func(f field) error {
		if f.number != fieldEntries {
			return nil
		}
		return b.protoEntry(s, f.content)
	})
}

func (b *Builder) protoEntry(s *stream, data []byte) error {
	var (
		e    entry
		line []byte
	)
	b.metadata.reset()
	err := each(data, kindsEntry, func(f field) error {
		switch f.number {
		case fieldTimestamp:
			return protoTimestamp(&e, f.content)
		case fieldLine:
			line = f.content
			return nil
		}
		return b.protoPair(f.content)
	})
	if err != nil {
		return err
	}
	if e.line, err = b.texts.text(line); err != nil {
		return err
	}
	return b.add(s, &e)
}

func protoTimestamp(e *entry, data []byte) error {
	return each(data, kindsTimestamp, func(f field) error {
		if f.number == fieldSeconds {
			e.seconds = int64(f.value)
		} else {
			e.nanos = int64(int32(f.value)) //nolint:gosec // as protobuf decodes int32
		}
		return nil
	})
}

func (b *Builder) protoPair(data []byte) error {
	var name, value []byte
	err := each(data, kindsPair, func(f field) error {
		if f.number == fieldName {
			name = f.content
		} else {
			value = f.content
		}
		return nil
	})
	if err != nil {
		return err
	}
	if b.metadata.full() {
		b.metadata.dropped++
		return nil
	}
	nameText, err := b.texts.text(name)
	if err != nil {
		return err
	}
	valueText, err := b.texts.text(value)
	if err == nil {
		b.metadata.add(nameText, valueText)
	}
	return err
}
