package otlpwire

// protoWalker walks an encoded message. It recurses as deeply as messages are
// nested, which only values do without a bound of their own. It passes the
// positions of all fields of the schema, so that code which forwards a request
// without decoding it can note those that it needs in the same pass.
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

// varint reads a varint as pdata does: up to ten bytes, bits over 64 are lost.
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

// length reads the length of a field and returns where its content begins and
// ends.
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

// skip skips an unknown field as pdata does: a group ends with the first field
// in it that is not a group.
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

// message walks the message m, which data[pos:end] is, at this depth of values.
// Its lists are lists from the slot base on.
func (w *protoWalker) message(m *message, pos, end, depth int, lists *slots, base uint8) *Error {
	var (
		err        *Error
		seen       uint32
		records    = w.records // before the message
		deprecated int         // records in roleDeprecated
		scopes     bool        // roleScopes occurred
		fresh      slots
		data       = w.data[:end]
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
			if seen&f.once != 0 {
				w.elements--
			}
			seen |= f.once
			w.memory -= f.alloc
			if w.elements|w.memory < 0 {
				return w.check(pos)
			}
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
			if f.wire == wireVarint {
				_, pos, err = w.varint(pos, end)
			} else if pos += numberSize; pos > len(data) {
				err = malformed(pos-numberSize, detailTruncated)
			}
			if err != nil {
				return err
			}
			w.memory -= lists.at(base + f.slot).add(f.entry)
			if w.memory < 0 {
				return w.check(pos)
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
			if pos != start && pos-start != int(f.idSize) {
				return malformed(start, detailID)
			}
			continue
		case opText:
			w.memory -= copySize(pos - start)
			fallthrough
		case opMessage:
			w.elements--
			w.memory -= f.alloc + lists.at(base+f.slot).add(f.entry)
			if w.elements|w.memory < 0 {
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

		inner, before := depth, w.records
		switch f.role {
		case roleNest:
			inner++
			if err = w.nest(inner, start); err != nil {
				return err
			}
		case roleReplace:
			w.records = records
		case roleScopes:
			scopes = true
		case roleRecord:
			w.records++
		}
		if f.op == opPart {
			err = w.message(&messages[f.child], start, pos, inner, lists, base+f.slot)
		} else {
			fresh = slots{}
			err = w.message(&messages[f.child], start, pos, inner, &fresh, 0)
		}
		if err != nil {
			return err
		}
		if f.role == roleDeprecated {
			deprecated += w.records - before
			w.records = before
		}
	}
	if !scopes {
		w.records += deprecated
	}
	return nil
}

// field reads a tag that is not in the plain form of a known field. It skips
// unknown fields and counts packed lists, for which it returns nil.
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

// plainKeyValue counts an attribute in the form that every SDK writes: a key and
// a plain value, in either order. If it has any other form, plainKeyValue counts
// nothing and reports false.
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

// plainValue does the same for a value that is a text, a number or a boolean.
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

// packed counts a packed list of numbers.
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
