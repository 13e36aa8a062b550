// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// op is what the protobuf walker does with a field.
type op uint8

const (
	opUnknown op = iota
	opNumber     // varint
	opFixed      // 4 or 8 bytes
	opString
	opBytes
	opID
	opText    // element of a list of strings
	opNumbers // element of a list of numbers
	opMessage // element of a list of messages
	opPart    // see part
	opMember  // a message that is a member of a oneof
)

// protoField is the part of a field that the protobuf walker needs. It is small because the
// walker looks one up for each tag.
type protoField struct {
	op     op
	tag    byte // of number and wire type, if it is one byte
	wire   uint8
	role   role
	child  messageID
	idSize uint8
	slot   uint8
	size   uint8 // of opFixed
	once   uint32
	entry  int64
	alloc  int64
}

func newProtoField(number int, f field) protoField {
	p := protoField{
		wire: f.wire, role: f.role, child: f.child, idSize: f.idSize,
		slot: f.slot, once: f.once, entry: f.entry, alloc: f.alloc,
	}
	if number == 0 {
		p.tag = noTag
	} else if number < 16 {
		p.tag = byte(number)<<3 | f.wire
	}
	switch f.wire {
	case wireI64:
		p.op, p.size = opFixed, 8
	case wireI32:
		p.op, p.size = opFixed, 4
	case wireVarint:
		p.op = opNumber
	default:
		p.op = map[kind]op{kindString: opString, kindBytes: opBytes, kindID: opID, kindMessage: opPart}[f.kind]
	}
	switch {
	case f.list && f.kind == kindMessage:
		p.op = opMessage
	case f.list && f.kind == kindString:
		p.op = opText
	case f.list:
		p.op = opNumbers
	case f.kind == kindMessage && f.once == oneof:
		p.op = opMember
	}
	return p
}

// noTag is not the first byte of any tag of field 0. Other fields without a one-byte tag have
// 0.
const noTag = 0xff
