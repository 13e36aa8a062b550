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
	fieldParsed    = 4 // by Loki itself, as structured metadata

	fieldSeconds = 1 // of a timestamp
	fieldNanos   = 2

	fieldName  = 1 // of a pair
	fieldValue = 2
)

// message reads the fields of one message. The bytes that it returns belong to the
// message.
type message struct {
	data []byte
	// kinds has the wire types of the fields that the message defines, by their number.
	// Others are skipped.
	kinds string

	// number is that of the last field, value its number and content its bytes.
	number  uint64
	value   uint64
	content []byte
}

// next reads the next field that the message defines. It returns false at the end of the
// message. A group, which no push request has, is an error.
func (m *message) next() (bool, error) {
	for len(m.data) > 0 {
		kind, err := m.any()
		if err != nil {
			return false, err
		}
		if m.number > uint64(len(m.kinds)) {
			continue
		}
		if m.kinds[m.number-1] != kind+'0' {
			return false, errWireType
		}
		return true, nil
	}
	return false, nil
}

// any reads the next field and returns its wire type.
func (m *message) any() (kind byte, err error) {
	tag, data, ok := varint(m.data)
	m.number, kind = tag>>3, byte(tag&7)
	if !ok || m.number == 0 || m.number > 1<<29-1 {
		return 0, errTag
	}
	switch kind {
	case wireVarint:
		if m.value, m.data, ok = varint(data); !ok {
			return 0, errVarint
		}
		return kind, nil
	case wireBytes:
		n, data, ok := varint(data)
		if !ok {
			return 0, errVarint
		}
		if n > uint64(len(data)) {
			return 0, errTruncated
		}
		m.content, m.data = data[:n], data[n:]
		return kind, nil
	case wireFixed64, wireFixed32:
		n := 8
		if kind == wireFixed32 {
			n = 4
		}
		if len(data) < n {
			return 0, errTruncated
		}
		m.data = data[n:]
		return kind, nil
	}
	return 0, errWireType
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

// Wire types of the fields of each message.
const (
	kindsRequest   = "2"
	kindsStream    = "22"
	kindsEntry     = "2222"
	kindsTimestamp = "00"
	kindsPair      = "22"
)

// CountEntries returns how many entries a request in protobuf has, without allocation.
func CountEntries(body []byte) (entries int, err error) {
	request := message{data: body, kinds: kindsRequest}
	for {
		more, err := request.next()
		if !more || err != nil {
			return entries, err
		}
		_, n, err := scanStream(request.content)
		if err != nil {
			return entries, err
		}
		entries += n
	}
}

// scanStream returns the labels of a stream and how many entries it has.
func scanStream(data []byte) (labels []byte, entries int, err error) {
	stream := message{data: data, kinds: kindsStream}
	for {
		more, err := stream.next()
		if !more || err != nil {
			return labels, entries, err
		}
		if stream.number == fieldLabels {
			labels = stream.content
		} else {
			entries++
		}
	}
}

// Protobuf adds the streams of a request in protobuf. It may be called once.
func (b *Builder) Protobuf(body []byte) error {
	request := message{data: body, kinds: kindsRequest}
	for {
		more, err := request.next()
		if !more || err != nil {
			return err
		}
		if err := b.protoStream(request.content); err != nil {
			return err
		}
	}
}

func (b *Builder) protoStream(data []byte) error {
	b.result.Streams++
	labels, entries, err := scanStream(data)
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
	stream := message{data: data, kinds: kindsStream}
	for {
		more, err := stream.next()
		if !more || err != nil {
			return err
		}
		if stream.number != fieldEntries {
			continue
		}
		if err := b.protoEntry(s, stream.content); err != nil {
			return err
		}
	}
}

func (b *Builder) protoEntry(s *stream, data []byte) error {
	var (
		e    entry
		line []byte
	)
	b.metadata.reset()
	m := message{data: data, kinds: kindsEntry}
	for {
		more, err := m.next()
		if err == nil && more {
			switch m.number {
			case fieldTimestamp:
				err = protoTimestamp(&e, m.content)
			case fieldLine:
				line = m.content
			default: // fieldMetadata and fieldParsed
				err = b.protoPair(m.content)
			}
		}
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if e.line, err = b.texts.text(line); err != nil {
			return err
		}
		return b.add(s, &e)
	}
}

func protoTimestamp(e *entry, data []byte) error {
	m := message{data: data, kinds: kindsTimestamp}
	for {
		more, err := m.next()
		if !more || err != nil {
			return err
		}
		if m.number == fieldSeconds {
			e.seconds = int64(m.value)
		} else {
			e.nanos = int64(int32(m.value)) //nolint:gosec // as protobuf decodes int32
		}
	}
}

// protoPair adds a pair of structured metadata.
func (b *Builder) protoPair(data []byte) error {
	var name, value []byte
	m := message{data: data, kinds: kindsPair}
	for {
		more, err := m.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if m.number == fieldName {
			name = m.content
		} else {
			value = m.content
		}
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
