// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// mark is the index of a position that a scan notes of the last field with that mark.
type mark uint8

const (
	markNone mark = iota // of most fields; the position has no use
	markTime
	markObserved
	markSeverityNumber
	markSeverityText
	markTraceID
	markSpanID
	markTemporality
	numMarks
)

// scanOp is what a scan does with a field.
type scanOp uint8

const (
	scanNothing   scanOp = iota // it is not in the schema, or not allowed
	scanNumber                  // varint
	scanFixed                   // 4 or 8 bytes
	scanLong                    // scanFixed with a tag of two bytes
	scanText                    // string
	scanTexts                   // element of a list of strings
	scanBytes                   // bytes
	scanID                      // ID of a trace or span
	scanDoubles                 // packed list of numbers of 8 bytes
	scanVarints                 // packed list of varints
	scanAttribute               // element of a list of attributes
	scanValue                   // AnyValue that is not in a list
	scanPart                    // see part
	scanMessage                 // element of a list of messages, or a message of a oneof
)

// scanField is the part of a field that a scan needs.
type scanField struct {
	op    scanOp
	tag   byte // the first byte of the tag
	child messageID
	slot  uint8
	size  uint8 // of scanFixed, scanLong, scanID in bytes; of scanNumber in bits: 1, 32 or 64
	mark  mark
	role  role
	next  uint8  // the second byte of the tag of scanLong
	bit   uint32 // the fields of which a message may have one, once; 0: any number of them
	entry uint16 // field.entry
	alloc uint16 // field.alloc
}

func newScanField(number int, f field) scanField {
	wire := f.wire
	if f.list {
		wire = wireLen // lists of numbers are packed
	}
	s := scanField{
		child: f.child, slot: f.slot, mark: f.mark, role: f.role,
		entry: uint16(f.entry), alloc: uint16(f.alloc), //nolint:gosec // sizes of structs
	}
	tag := number<<3 | int(wire)
	if s.tag = byte(tag); tag >= 0x80 {
		s.tag, s.next = byte(tag)|0x80, byte(tag>>7)
	}
	switch {
	case f.once == oneof:
		s.bit = oneof
	case !f.list || f.wire != wireLen:
		s.bit = 1 << number
	}
	s.op, s.size = scanOpOf(f), sizeOf(f)
	if s.next > 0 && s.op == scanFixed {
		s.op = scanLong
	} else if s.next > 0 {
		s.op = scanNothing // OTLP has no other field with a long tag
	}
	return s
}

func scanOpOf(f field) scanOp {
	if f.role == roleIndex {
		return scanNothing
	}
	switch f.wire {
	case wireI64, wireI32:
		if f.list {
			return scanDoubles
		}
		return scanFixed
	case wireVarint:
		if f.list {
			return scanVarints
		}
		return scanNumber
	}
	switch f.kind {
	case kindString:
		if f.list {
			return scanTexts
		}
		return scanText
	case kindBytes:
		return scanBytes
	case kindID:
		return scanID
	}
	switch {
	case f.child == keyValue:
		return scanAttribute
	case f.child == anyValue && !f.list:
		return scanValue
	case f.list || f.once == oneof:
		return scanMessage
	}
	return scanPart
}

func sizeOf(f field) uint8 {
	switch f.kind {
	case kindID:
		return f.idSize
	case kindBool:
		return 1
	case kindInt32, kindUint32, kindEnum:
		if f.wire == wireI32 {
			return 4
		}
		return 32
	case kindInt64, kindUint64, kindDouble:
		if f.wire == wireI64 {
			return 8
		}
		return 64
	}
	return 0
}
