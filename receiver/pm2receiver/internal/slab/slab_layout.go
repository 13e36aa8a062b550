// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build pm2slab

package slab

import (
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

const (
	// firstPiece is how many parts the first piece has if nothing is expected, and
	// maxPiece how many a later one may have.
	firstPiece = 8
	maxPiece   = 256
	// fewFields is the capacity that a map or slice has at first.
	fewFields = 8
	// levels is how deep maps and slices may be nested to be taken from a slab.
	levels = 4
)

// Slab takes the parts of records from large pieces of memory. A piece lives as long as any
// part of it, so a Slab should make records that are used and dropped together. It is not
// safe for concurrent use.
type Slab struct {
	// Text takes the lines that records are made from.
	Text *arena.Arena

	values arena.Strings

	// plain leaves everything to pdata's own functions.
	plain    bool
	records  records
	fields   room[keyValue]
	inner    [levels]room[keyValue]
	elements [levels]room[anyValue]
	strings  pieces[stringValue]
	ints     pieces[intValue]
	doubles  pieces[doubleValue]
	maps     pieces[aMap]
	slices   pieces[aSlice]
}

// aMap and aSlice are what a map and a slice in a value are made of.
type (
	aMap struct {
		value mapValue
		list  mapOf
	}
	aSlice struct {
		value sliceValue
		list  sliceOf
	}
)

// From returns a slab with space for what is expected, and takes the text from arenas. The
// caller may put Text back as soon as it has no more use for the text of the lines: records do
// not refer to it.
func From(arenas *arena.Pool, expect Usage) *Slab {
	s := &Slab{
		Text:    arenas.Get(expect.Text),
		values:  arena.NewStrings(expect.Values),
		plain:   !pdata.known,
		records: records{next: expect.Records},
		fields:  room[keyValue]{next: expect.Fields},
		strings: pieces[stringValue]{next: expect.Strings},
		ints:    pieces[intValue]{next: expect.Ints},
		doubles: pieces[doubleValue]{next: expect.Doubles},
		maps:    pieces[aMap]{next: expect.Maps},
		slices:  pieces[aSlice]{next: expect.Slices},
	}
	s.inner[0].next, s.elements[0].next = expect.Inner, expect.Elements
	return s
}

// Used returns what has been taken.
func (s *Slab) Used() Usage {
	return Usage{
		s.Text.Used(), s.values.Used(), s.records.used, s.fields.used, s.inner[0].used, s.elements[0].used, s.strings.used, s.ints.used, s.doubles.used,
		s.maps.used, s.slices.used,
	}
}

// Append appends an empty record.
func (s *Slab) Append(to plog.LogRecordSlice) plog.LogRecord {
	if s.plain {
		return to.AppendEmpty()
	}
	all := recordsOf(to)
	*all = append(*all, s.records.take())
	return to.At(to.Len() - 1)
}

// Open gives the attributes of a record room for at least least fields, until Close.
// Only one record may be open at a time.
func (s *Slab) Open(m pcommon.Map, least int) {
	if s.plain {
		m.EnsureCapacity(least)
		return
	}
	s.fields.open(fieldsOf(m), max(least, fewFields))
}

// Close takes back the room that attributes do not need.
func (s *Slab) Close(m pcommon.Map) {
	if !s.plain {
		s.fields.close(fieldsOf(m))
	}
}

// OpenMap makes v an empty map with room for at least the expected fields, until CloseMap.
// Only one of a depth, which begins with 1, may be open at a time.
func (s *Slab) OpenMap(v pcommon.Value, depth, expected int) pcommon.Map {
	if s.plain || depth > levels {
		m := v.SetEmptyMap()
		m.EnsureCapacity(max(expected, fewFields))
		return m
	}
	part := s.maps.take()
	part.value.KvlistValue = &part.list
	*valueOf(v) = box(pdata.aMap, unsafe.Pointer(&part.value))
	s.inner[depth-1].open(&part.list.Values, max(expected, fewFields))
	return v.Map()
}

// CloseMap takes back the room that a map in a value does not need.
func (s *Slab) CloseMap(m pcommon.Map, depth int) {
	if !s.plain && depth <= levels {
		s.inner[depth-1].close(fieldsOf(m))
	}
}

// OpenSlice makes v an empty slice with room for at least the expected elements, until
// CloseSlice. Only one of a depth, which begins with 1, may be open at a time.
func (s *Slab) OpenSlice(v pcommon.Value, depth, expected int) pcommon.Slice {
	if s.plain || depth > levels {
		return v.SetEmptySlice()
	}
	part := s.slices.take()
	part.value.ArrayValue = &part.list
	*valueOf(v) = box(pdata.aSlice, unsafe.Pointer(&part.value))
	s.elements[depth-1].open(&part.list.Values, max(expected, fewFields))
	return v.Slice()
}

// CloseSlice takes back the room that a slice in a value does not need.
func (s *Slab) CloseSlice(all pcommon.Slice, depth int) {
	if !s.plain && depth <= levels {
		s.elements[depth-1].close(elementsOf(all))
	}
}

// PutStr is m.PutStr.
func (s *Slab) PutStr(m pcommon.Map, key, text string) {
	if s.plain {
		m.PutStr(key, text)
		return
	}
	s.setStr(put(m, key), text)
}

// AppendStr is m.PutStr for a key that m does not have.
func (s *Slab) AppendStr(m pcommon.Map, key, text string) {
	if s.plain {
		m.PutStr(key, text)
		return
	}
	s.setStr(appended(m, key), text)
}

// AppendInt is m.PutInt for a key that m does not have.
func (s *Slab) AppendInt(m pcommon.Map, key string, n int64) {
	if s.plain {
		m.PutInt(key, n)
		return
	}
	s.setInt(appended(m, key), n)
}

// PutInt is m.PutInt.
func (s *Slab) PutInt(m pcommon.Map, key string, n int64) {
	if s.plain {
		m.PutInt(key, n)
		return
	}
	s.setInt(put(m, key), n)
}

// SetStr is v.SetStr.
func (s *Slab) SetStr(v pcommon.Value, text string) {
	if s.plain {
		v.SetStr(text)
		return
	}
	s.setStr(valueOf(v), text)
}

// SetInt is v.SetInt.
func (s *Slab) SetInt(v pcommon.Value, n int64) {
	if s.plain {
		v.SetInt(n)
		return
	}
	s.setInt(valueOf(v), n)
}

// SetDouble is v.SetDouble.
func (s *Slab) SetDouble(v pcommon.Value, f float64) {
	if s.plain {
		v.SetDouble(f)
		return
	}
	part := s.doubles.take()
	part.DoubleValue = f
	*valueOf(v) = box(pdata.double, unsafe.Pointer(part))
}

func (s *Slab) setStr(v *any, text string) {
	part := s.strings.take()
	part.StringValue = text
	*v = box(pdata.str, unsafe.Pointer(part))
}

func (s *Slab) setInt(v *any, n int64) {
	part := s.ints.take()
	part.IntValue = n
	*v = box(pdata.number, unsafe.Pointer(part))
}

// put finds the value of key in m or appends it.
func put(m pcommon.Map, key string) *any {
	all := fieldsOf(m)
	for i := range *all {
		if kv := &(*all)[i]; len(kv.Key) == len(key) && kv.Key == key {
			return &kv.Value.Value
		}
	}
	return appended(m, key)
}

// appended appends a field to m and returns its value.
func appended(m pcommon.Map, key string) *any {
	all := fieldsOf(m)
	*all = append(*all, keyValue{Key: key})
	return &(*all)[len(*all)-1].Value.Value
}
