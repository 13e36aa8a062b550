// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"strings"
)

// messageID is the index of a message in the table of messages.
type messageID uint8

// kind is the type of a field as the JSON encoding knows it.
type kind uint8

const (
	kindUnknown kind = iota // not in the schema
	kindString
	kindBytes
	kindID // of idSize bytes
	kindBool
	kindInt32
	kindUint32
	kindInt64
	kindUint64
	kindDouble
	kindEnum
	kindMessage
)

// The protobuf wire types.
const (
	wireVarint     = 0
	wireI64        = 1
	wireLen        = 2
	wireStartGroup = 3
	wireEndGroup   = 4
	wireI32        = 5
)

// role is a special meaning of a field. Most fields have none.
type role uint8

const (
	roleNone       role = iota
	roleRecord          // each occurrence counts as one of Counts.Records
	roleNest            // an array or a map: one level deeper
	roleReplace         // replaces the records of the other fields of the message
	roleScopes          // if it occurs, pdata ignores fields with roleDeprecated
	roleDeprecated      // its records count only if no field with roleScopes occurs
	roleResources       // the resources of a request, with their records
	roleResource        // what is written of a resource
	roleMetric          // a metric
	roleAttributes      // attributes of anything but a resource
	roleIndex           // a string by its index, which export requests do not have
)

// field describes a field of a message.
type field struct {
	name   string // in camelCase
	kind   kind
	wire   uint8 // of one occurrence; lists of numbers may be packed
	list   bool
	role   role
	child  messageID // of kindMessage
	enum   enumID    // of kindEnum
	idSize uint8     // of kindID
	mark   mark      // under which a scan notes where the field is
	slot   uint8     // of a list: its slices[slot]; of a child: where its own begin
	once   uint32    // the bit that fields share of which one may occur, once

	unsetByNull bool   // in JSON; null leaves others as they are, or pdata reads it so
	double      string // a field of the oneof for integers that are too large for this one

	entry int64 // the size of an element in the slice of a list
	alloc int64 // what each occurrence allocates beside that, without its content
}

// lastField is the highest number of a field, except for deprecatedField, which is stored as
// number 0.
const (
	lastField       = 16
	deprecatedField = 1000
)

// message describes a message: its fields by number and by name.
type message struct {
	fields [lastField + 1]field
	proto  [32]protoField // by number, or by the upper five bits of a tag
	scan   [32]scanField  // by the upper five bits of the first byte of a tag
	names  nameTable
}

// numbered is a field with its number.
type numbered struct {
	number int
	field  field
}

// define builds the description of a message.
func define(fields ...numbered) message {
	var m message
	m.proto[0].tag, m.scan[0].tag = noTag, noTag
	for i, f := range fields {
		number := f.number
		if number == deprecatedField {
			number = 0
		}
		if f.field.once != 0 && f.field.once != oneof {
			f.field.once = 1 << i
		}
		f.field.unsetByNull = !f.field.list && (f.field.once == oneof || f.field.kind != kindMessage && f.field.kind != kindString)
		m.fields[number] = f.field
		m.proto[number] = newProtoField(number, f.field)
		if number > 0 {
			scanned := newScanField(number, f.field)
			m.scan[scanned.tag>>3] = scanned
		}
		m.names.add(f.field.name, uint8(number))
		if snake := snakeCase(f.field.name); snake != f.field.name {
			m.names.add(snake, uint8(number))
		}
	}
	return m
}

// oneof is the once bit of the fields of a oneof. single is that of other singular fields,
// until define replaces it by a bit for each.
const (
	oneof  = 1 << 31
	single = 1
)

func snakeCase(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func text(number int, name string) numbered {
	return numbered{number, field{name: name, kind: kindString, wire: wireLen}}
}

func texts(number int, name string, slot uint8) numbered {
	return numbered{number, field{
		name: name, kind: kindString, wire: wireLen,
		list: true, slot: slot, entry: stringSize,
	}}
}

func id(number int, name string, size uint8) numbered {
	return numbered{number, field{name: name, kind: kindID, wire: wireLen, idSize: size}}
}

func number(number int, name string, k kind, wire uint8) numbered {
	return numbered{number, field{name: name, kind: k, wire: wire}}
}

func fixed64(n int, name string) numbered { return number(n, name, kindUint64, wireI64) }
func double(n int, name string) numbered  { return number(n, name, kindDouble, wireI64) }
func fixed32(n int, name string) numbered { return number(n, name, kindUint32, wireI32) }
func uvar32(n int, name string) numbered  { return number(n, name, kindUint32, wireVarint) }

func enum(n int, name string, id enumID) numbered {
	return numbered{n, field{name: name, kind: kindEnum, wire: wireVarint, enum: id}}
}

func numbers(number int, name string, k kind, wire, slot uint8) numbered {
	return numbered{number, field{name: name, kind: k, wire: wire, list: true, slot: slot, entry: numberSize}}
}

// member is a field of a oneof. Each occurrence allocates size bytes.
func member(n numbered, size int64) numbered {
	n.field.once, n.field.alloc = oneof, size
	return n
}

// part is a singular message. Further occurrences are merged into the first, whose lists are
// the slots of the parent from slot on.
func part(number int, name string, child messageID, slot uint8) numbered {
	return numbered{number, field{
		name: name, kind: kindMessage, wire: wireLen,
		child: child, slot: slot, once: single,
	}}
}

// list is a list of pointers to messages of size bytes.
func list(number int, name string, child messageID, slot uint8, size int64) numbered {
	return numbered{number, field{
		name: name, kind: kindMessage, wire: wireLen,
		child: child, list: true, slot: slot, entry: pointerSize, alloc: size,
	}}
}

// values is a list of messages of size bytes, stored without pointers.
func values(number int, name string, child messageID, slot uint8, size int64) numbered {
	return numbered{number, field{
		name: name, kind: kindMessage, wire: wireLen,
		child: child, list: true, slot: slot, entry: size,
	}}
}

// attributes is a list of attributes of anything but a resource or a value.
func attributes(number int, name string, slot uint8) numbered {
	return as(roleAttributes, content(number, name, slot))
}

// content is a list of attributes of a resource, or of a value.
func content(number int, name string, slot uint8) numbered {
	return values(number, name, keyValue, slot, keyValueSize)
}

// orDouble names the field for integers with more than 64 bits. JavaScript writes
// Number.MAX_VALUE as such an integer.
func orDouble(name string, n numbered) numbered {
	n.field.double = name
	return n
}

// as gives a field a role.
func as(r role, n numbered) numbered {
	n.field.role = r
	return n
}

// marked makes a scan note where a field is.
func marked(m mark, n numbered) numbered {
	n.field.mark = m
	return n
}
