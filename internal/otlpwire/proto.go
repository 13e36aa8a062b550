package otlpwire

// protoWalker walks an encoded message. It recurses as deeply as messages are
// nested, which only values do without a bound of their own.
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
			return w.fixed(pos, end, wire)
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

// fixed skips a number of fixed size.
func (w *protoWalker) fixed(pos, end int, wire uint8) (int, *Error) {
	size := 8
	if wire == wireI32 {
		size = 4
	}
	if end-pos < size {
		return pos, malformed(pos, detailTruncated)
	}
	return pos + size, nil
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
	)
	for pos < end {
		number, wire := int32(w.data[pos]>>3), w.data[pos]&7
		if w.data[pos] < 0x80 && number > 0 {
			pos++
		} else if number, wire, pos, err = w.tag(pos, end); err != nil {
			return err
		}
		var f *field
		switch {
		case number <= lastField:
			f = &m.fields[number]
		case number == deprecatedField:
			f = &m.fields[0]
		}
		if f == nil || f.kind == kindUnknown {
			if pos, err = w.skip(pos, end, wire); err != nil {
				return err
			}
			continue
		}
		if wire != f.wire {
			if wire != wireLen || !f.list {
				return malformed(pos, detailWireType)
			}
			if pos, err = w.packed(f, pos, end, &lists[base+f.slot]); err != nil {
				return err
			}
			continue
		}
		if f.once != 0 {
			if seen&f.once != 0 {
				w.elements--
			}
			seen |= f.once
			w.memory -= f.alloc
			if err = w.check(pos); err != nil {
				return err
			}
		}
		switch wire {
		case wireVarint:
			_, pos, err = w.varint(pos, end)
		case wireI64, wireI32:
			pos, err = w.fixed(pos, end, wire)
		}
		if err != nil {
			return err
		}
		if wire != wireLen {
			if f.list {
				w.memory -= lists[base+f.slot].add(f.entry)
				if err = w.check(pos); err != nil {
					return err
				}
			}
			continue
		}

		start := pos
		if pos < end && w.data[pos] < 0x80 && int(w.data[pos]) < end-pos {
			start, pos = pos+1, pos+1+int(w.data[pos])
		} else if start, pos, err = w.length(pos, end); err != nil {
			return err
		}
		if f.list {
			w.elements--
			w.memory -= f.alloc + lists[base+f.slot].add(f.entry)
			if err = w.check(pos); err != nil {
				return err
			}
		}
		switch f.kind {
		case kindString:
			w.memory -= copySize(pos - start)
		case kindBytes:
			w.memory -= blockSize(int64(pos - start))
		case kindID:
			if pos != start && pos-start != int(f.idSize) {
				return malformed(start, detailID)
			}
		case kindMessage:
			inner, before := depth, w.records
			if f.roles != 0 {
				switch {
				case f.roles&roleNest != 0:
					inner++
					if err = w.nest(inner, start); err != nil {
						return err
					}
				case f.roles&roleReplace != 0:
					w.records = records
				case f.roles&roleScopes != 0:
					scopes = true
				case f.roles&roleRecord != 0:
					w.records++
				}
			}
			if f.once != 0 && f.once != oneof {
				err = w.message(&messages[f.child], start, pos, inner, lists, base+f.slot)
			} else {
				fresh = slots{}
				err = w.message(&messages[f.child], start, pos, inner, &fresh, 0)
			}
			if err != nil {
				return err
			}
			if f.roles&roleDeprecated != 0 {
				deprecated += w.records - before
				w.records = before
			}
		}
	}
	if !scopes {
		w.records += deprecated
	}
	return nil
}

// packed counts a packed list of numbers.
func (w *protoWalker) packed(f *field, pos, end int, list *growth) (int, *Error) {
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
