// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// protoWalker walks a message in protobuf. It recurses as deeply as messages are
// nested; the schema bounds the nesting of all messages but values.
type protoWalker struct {
	meter
	data []byte
}

const (
	detailTruncated = "a field ends after its message"
	detailVarint    = "a number has more than 64 bits"
	detailNumber    = "a field has an illegal number"
	detailWireType  = "a field has the wrong wire type"
	detailGroup     = "a group is not closed"
	detailID        = "a trace or span ID has the wrong length"
	detailPacked    = "a packed list has the wrong length"
)

// varint reads a varint as pdata does: at most ten bytes, without the bits above 64.
func (w *protoWalker) varint(pos, end int) (uint64, int, *Error) {
	var n uint64
	for shift := uint(0); shift < 64; shift += 7 {
		if pos >= end {
			return 0, pos, malformed(pos, detailTruncated)
		}
		b := w.data[pos]
		pos++
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n, pos, nil
		}
	}
	return 0, pos, malformed(pos, detailVarint)
}

// length reads the length of a field and returns where its content starts and ends.
func (w *protoWalker) length(pos, end int) (int, int, *Error) {
	n, pos, err := w.varint(pos, end)
	if err != nil {
		return 0, 0, err
	}
	if n > uint64(end-pos) {
		return 0, 0, malformed(pos, detailTruncated)
	}
	return pos, pos + int(n), nil
}

// tag reads the number and wire type of a field.
func (w *protoWalker) tag(pos, end int) (int32, uint8, int, *Error) {
	n, pos, err := w.varint(pos, end)
	if err != nil {
		return 0, 0, 0, err
	}
	number := int32(n >> 3) // pdata ignores the upper bits too
	if number <= 0 {
		return 0, 0, 0, malformed(pos, detailNumber)
	}
	return number, uint8(n & 7), pos, nil
}

// skip skips an unknown field as pdata does, for which a group ends after the first
// field in it that is not a group.
func (w *protoWalker) skip(pos, end int, wire uint8) (int, *Error) {
	for depth := 0; pos < end; {
		var err *Error
		switch wire {
		case wireVarint:
			_, pos, err = w.varint(pos, end)
			return pos, err
		case wireI64, wireI32:
			size := 8
			if wire == wireI32 {
				size = 4
			}
			if end-pos < size {
				return pos, malformed(pos, detailTruncated)
			}
			return pos + size, nil
		case wireLen:
			_, pos, err = w.length(pos, end)
			return pos, err
		case wireStartGroup:
			depth++
		case wireEndGroup:
			if depth--; depth < 0 {
				return pos, malformed(pos, detailGroup)
			}
		default:
			return pos, malformed(pos, detailWireType)
		}
		if depth == 0 {
			return pos, nil
		}
		if _, wire, pos, err = w.tag(pos, end); err != nil {
			return pos, err
		}
	}
	return pos, malformed(pos, detailTruncated)
}

// message walks the message m, which is data[pos:end], at this depth of values. Its lists
// are in lists from slot base on.
//
// This is the hot loop of [CheckProto]. What most fields need is in line, so that they need
// no call.
func (w *protoWalker) message(m *message, pos, end, depth int, lists *slots, base uint8) *Error {
	var (
		err     *Error
		present uint32
		records = recordCount{before: w.records}
		data    = w.data[:end]
	)
	for pos < len(data) {
		f := &m.proto[data[pos]>>3]
		if data[pos] == f.tag {
			pos++
		} else if f, pos, err = w.field(m, pos, end, lists, base); err != nil {
			return err
		} else if f == nil {
			continue
		}
		if f.once != 0 {
			if w.occur(f, present); w.elements|w.memory < 0 {
				return w.check(pos)
			}
			present |= f.once
		}
		switch f.op {
		case opNumber:
			if pos < len(data) && data[pos] < 0x80 {
				pos++
			} else if _, pos, err = w.varint(pos, end); err != nil {
				return err
			}
			continue
		case opFixed:
			if pos += int(f.size); pos > len(data) {
				return malformed(pos-int(f.size), detailTruncated)
			}
			continue
		case opNumbers:
			if pos, err = w.listNumber(f, pos, end, lists.at(base+f.slot)); err != nil {
				return err
			}
			continue
		}

		var start int
		if pos < len(data) && data[pos] < 0x80 {
			start, pos = pos+1, pos+1+int(data[pos])
		} else if start, pos, err = w.length(pos, end); err != nil {
			return err
		}
		if pos > len(data) {
			return malformed(start, detailTruncated)
		}
		switch f.op {
		case opString:
			if w.memory -= copySize(pos - start); w.memory < 0 {
				return w.check(pos)
			}
			continue
		case opBytes:
			w.memory -= blockSize(int64(pos - start))
			continue
		case opID:
			if !f.fits(pos - start) {
				return malformed(start, detailID)
			}
			continue
		case opText:
			w.memory -= copySize(pos - start)
			fallthrough
		case opMessage:
			if w.element(f, lists.at(base+f.slot)); w.elements|w.memory < 0 {
				return w.check(pos)
			}
			if f.op == opText || f.child == keyValue && w.plainKeyValue(start, pos) {
				continue
			}
		case opPart:
			if f.child == anyValue && w.plainValue(start, pos) {
				continue
			}
		}
		if err = w.child(f, start, pos, depth, lists, base, &records); err != nil {
			return err
		}
	}
	if !records.scopes {
		w.records += records.deprecated
	}
	return nil
}

// occur counts a field that a message has once. present are the fields that it already has.
func (w *protoWalker) occur(f *protoField, present uint32) {
	if present&f.once != 0 {
		w.elements--
	}
	w.memory -= f.alloc
}

// element counts an element of a list of messages or strings.
func (w *protoWalker) element(f *protoField, list *growth) {
	w.elements--
	w.memory -= f.alloc + list.add(f.entry)
}

// fits reports whether a value of this size is an ID of the field.
func (f *protoField) fits(size int) bool { return size == 0 || size == int(f.idSize) }

// recordCount holds what the fields of one message with a role mean for its records.
type recordCount struct {
	before     int  // records before the message
	deprecated int  // records in fields with roleDeprecated
	scopes     bool // a field with roleScopes occurred
}

// child walks data[start:end], which is a message in the field f of a message at this depth,
// and applies the role of f.
func (w *protoWalker) child(f *protoField, start, end, depth int, lists *slots, base uint8, records *recordCount) *Error {
	before := w.records
	switch f.role {
	case roleNest:
		depth++
		if err := w.nest(depth, start); err != nil {
			return err
		}
	case roleReplace:
		w.records = records.before
	case roleScopes:
		records.scopes = true
	case roleRecord:
		w.records++
	}
	var err *Error
	if f.op == opPart {
		err = w.message(&messages[f.child], start, end, depth, lists, base+f.slot)
	} else {
		var fresh slots
		err = w.message(&messages[f.child], start, end, depth, &fresh, 0)
	}
	if err == nil && f.role == roleDeprecated {
		records.deprecated += w.records - before
		w.records = before
	}
	return err
}

// listNumber walks one number of a list that is not packed, and returns where the next field
// starts.
func (w *protoWalker) listNumber(f *protoField, pos, end int, list *growth) (int, *Error) {
	if f.wire == wireVarint {
		var err *Error
		if _, pos, err = w.varint(pos, end); err != nil {
			return pos, err
		}
	} else if pos += numberSize; pos > end {
		return pos, malformed(pos-numberSize, detailTruncated)
	}
	w.memory -= list.add(f.entry)
	if w.memory < 0 {
		return pos, w.check(pos)
	}
	return pos, nil
}

// field reads a tag that is not the one-byte tag of a known field. It returns the field and
// where its content starts. It skips unknown fields and counts packed lists, for which it
// returns nil and where the next field starts.
func (w *protoWalker) field(m *message, pos, end int, lists *slots, base uint8) (*protoField, int, *Error) {
	number, wire, pos, err := w.tag(pos, end)
	if err != nil {
		return nil, pos, err
	}
	f := &m.proto[len(m.proto)-1] // unknown
	if number <= lastField {
		f = &m.proto[number]
	} else if number == deprecatedField {
		f = &m.proto[0]
	}
	switch {
	case f.op == opUnknown:
		pos, err = w.skip(pos, end, wire)
		return nil, pos, err
	case wire == f.wire:
		return f, pos, nil
	case wire == wireLen && f.op == opNumbers:
		pos, err = w.packed(f, pos, end, lists.at(base+f.slot))
		return nil, pos, err
	default:
		return nil, pos, malformed(pos, detailWireType)
	}
}

// plainKeyValue counts an attribute in the form that every SDK writes: a key and a plain
// value, in either order. If the attribute has any other form, plainKeyValue counts nothing
// and returns false.
func (w *protoWalker) plainKeyValue(pos, end int) bool {
	const key, value = 1<<3 | wireLen, 2<<3 | wireLen
	data := w.data[pos:end]
	if len(data) < 4 || data[1] >= 0x80 {
		return false
	}
	n := 2 + int(data[1]) // the end of the first field
	if n+2 > len(data) || data[n+1] >= 0x80 || n+2+int(data[n+1]) != len(data) {
		return false
	}
	switch {
	case data[0] == key && data[n] == value:
		if !w.plainValue(pos+n+2, end) {
			return false
		}
		w.memory -= copySize(n - 2)
	case data[0] == value && data[n] == key:
		if !w.plainValue(pos+2, pos+n) {
			return false
		}
		w.memory -= copySize(len(data) - n - 2)
	default:
		return false
	}
	return true
}

// plainValue is plainKeyValue for a value that is a string, a number or a boolean.
func (w *protoWalker) plainValue(pos, end int) bool {
	data := w.data[pos:end]
	if len(data) < 2 {
		return false
	}
	switch data[0] {
	case 1<<3 | wireLen:
		n, head := int(data[1]), 2
		if n >= 0x80 {
			if len(data) < 3 || data[2] >= 0x80 {
				return false
			}
			n, head = n&0x7f|int(data[2])<<7, 3
		}
		if head+n != len(data) {
			return false
		}
		w.memory -= stringSize + copySize(n)
	case 2<<3 | wireVarint, 3<<3 | wireVarint:
		last := len(data) - 1
		if last > 9 || data[last] >= 0x80 {
			return false
		}
		for _, b := range data[1:last] {
			if b < 0x80 {
				return false
			}
		}
		w.memory -= numberSize
		if data[0] == 2<<3|wireVarint {
			w.memory -= booleanSize - numberSize
		}
	case 4<<3 | wireI64:
		if len(data) != 1+numberSize {
			return false
		}
		w.memory -= numberSize
	default:
		return false
	}
	return true
}

// packed counts a packed list of numbers and returns where the next field starts.
func (w *protoWalker) packed(f *protoField, pos, end int, list *growth) (int, *Error) {
	start, pos, err := w.length(pos, end)
	if err != nil {
		return pos, err
	}
	if f.wire == wireI64 {
		if (pos-start)%numberSize != 0 {
			return pos, malformed(start, detailPacked)
		}
		w.memory -= list.set(int64(pos-start)/numberSize, numberSize)
		return pos, w.check(pos)
	}
	for start < pos {
		if _, start, err = w.varint(start, pos); err != nil {
			return pos, err
		}
		w.memory -= list.add(numberSize)
		if err = w.check(start); err != nil {
			return pos, err
		}
	}
	return pos, nil
}
