// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import "github.com/otelcol-tenant/otelcol-tenant/internal/tenant"

// Plain reports whether an export request of the signal in protobuf has the form that
// pdata writes: no unknown or deprecated fields, no singular field twice in a message,
// and lists of numbers packed. [WriteJSON] needs this form.
func Plain(signal tenant.Signal, data []byte) bool {
	if checkSize(data) != nil {
		return false
	}
	w := protoWalker{meter: newMeter(Limits{}), data: data}
	return w.plainMessage(root(signal), 0, len(data), 0)
}

// plainMessage is Plain for the message data[pos:end].
func (w *protoWalker) plainMessage(id messageID, pos, end, depth int) bool {
	if depth > maxDepth {
		return false
	}
	m := &messages[id]
	var seen uint32
	for pos < end {
		var number int32
		var wire uint8
		if b := w.data[pos]; b < 0x80 {
			number, wire, pos = int32(b>>3), b&7, pos+1
		} else {
			var err *Error
			if number, wire, pos, err = w.tag(pos, end); err != nil {
				return false
			}
		}
		if number <= 0 || number > lastField {
			return false
		}
		f := &m.fields[number]
		packed, want := f.list && f.wire != wireLen, f.wire
		if packed {
			want = wireLen
		}
		if f.kind == kindUnknown || wire != want {
			return false
		}
		if !f.list || packed {
			bit := uint32(1) << number
			if f.once == oneof {
				bit = oneof
			}
			if seen&bit != 0 {
				return false
			}
			seen |= bit
		}
		start, next, ok := w.extent(wire, pos, end)
		if !ok {
			return false
		}
		pos = next
		switch {
		case f.kind == kindMessage:
			ok = w.plainMessage(f.child, start, pos, depth+1)
		case f.kind == kindID:
			ok = pos == start || pos-start == int(f.idSize)
		case packed:
			ok = w.plainNumbers(f.wire, start, pos)
		}
		if !ok {
			return false
		}
	}
	return true
}

// extent returns where the content of a field with this wire type starts and where the
// next field starts.
func (w *protoWalker) extent(wire uint8, pos, end int) (start, next int, ok bool) {
	var err *Error
	switch wire {
	case wireVarint:
		_, next, err = w.varint(pos, end)
		return pos, next, err == nil
	case wireI64:
		return pos, pos + 8, end-pos >= 8
	case wireI32:
		return pos, pos + 4, end-pos >= 4
	case wireLen:
		start, next, err = w.length(pos, end)
		return start, next, err == nil
	}
	return 0, 0, false
}

// plainNumbers reports whether data[pos:end] is a valid packed list.
func (w *protoWalker) plainNumbers(wire uint8, pos, end int) bool {
	if wire == wireI64 {
		return (end-pos)%numberSize == 0
	}
	for pos < end {
		var err *Error
		if _, pos, err = w.varint(pos, end); err != nil {
			return false
		}
	}
	return true
}
