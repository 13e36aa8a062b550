// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build pm2slab

package slab

import (
	"reflect"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// The memory layout of the pdata types that are taken from large pieces. pdata allocates each of them
// separately and accepts none from outside.
type (
	keyValue struct {
		Value       anyValue
		Key         string
		KeyStrindex int32
	}
	anyValue    struct{ Value any }
	stringValue struct{ StringValue string }
	intValue    struct{ IntValue int64 }
	mapValue    struct{ KvlistValue *mapOf }
	mapOf       struct{ Values []keyValue }
	doubleValue struct{ DoubleValue float64 }
	sliceValue  struct{ ArrayValue *sliceOf }
	sliceOf     struct{ Values []anyValue }
)

// handle is what a Map, a Value, a LogRecord or a slice of those is.
type handle struct {
	orig  unsafe.Pointer
	state unsafe.Pointer
}

// boxed is an interface value: its type, and the pointer that it holds.
type boxed struct{ kind, pointer unsafe.Pointer }

// layout is the result of examining pdata once.
type layout struct {
	// known is whether pdata's types match those above. If not, pdata's own functions do all the
	// work.
	known bool
	// The types of what an anyValue holds.
	str, number, double, aMap, aSlice unsafe.Pointer
	records                           reflect.Type // a slice of records
	recordSize                        uintptr
}

var pdata = look()

// look compares pdata's types with those above. They may change with any release.
func look() layout {
	var l layout
	// The handles hold a pointer to the data first.
	for _, h := range []any{pcommon.Map{}, pcommon.Value{}, pcommon.Slice{}, plog.LogRecord{}, plog.LogRecordSlice{}} {
		t := reflect.TypeOf(h)
		if t.Size() != unsafe.Sizeof(handle{}) || t.NumField() != 2 || t.Field(0).Name != "orig" || t.Field(0).Type.Kind() != reflect.Pointer ||
			t.Field(1).Type.Kind() != reflect.Pointer {
			return l
		}
	}
	pointsTo := func(h any) reflect.Type { return reflect.TypeOf(h).Field(0).Type.Elem() }
	record := pointsTo(plog.LogRecord{})
	l.records, l.recordSize = reflect.SliceOf(record), record.Size()
	if !same(pointsTo(pcommon.Map{}), reflect.TypeFor[[]keyValue]()) || !same(pointsTo(pcommon.Value{}), reflect.TypeFor[anyValue]()) ||
		!same(pointsTo(pcommon.Slice{}), reflect.TypeFor[[]anyValue]()) ||
		pointsTo(plog.LogRecordSlice{}) != reflect.SliceOf(reflect.PointerTo(record)) {
		return l
	}
	for _, kind := range []struct {
		set  func(pcommon.Value)
		want reflect.Type
		to   *unsafe.Pointer
	}{
		{func(v pcommon.Value) { v.SetStr("x") }, reflect.TypeFor[stringValue](), &l.str},
		{func(v pcommon.Value) { v.SetInt(1) }, reflect.TypeFor[intValue](), &l.number},
		{func(v pcommon.Value) { v.SetDouble(1) }, reflect.TypeFor[doubleValue](), &l.double},
		{func(v pcommon.Value) { v.SetEmptyMap() }, reflect.TypeFor[mapValue](), &l.aMap},
		{func(v pcommon.Value) { v.SetEmptySlice() }, reflect.TypeFor[sliceValue](), &l.aSlice},
	} {
		v := pcommon.NewValueEmpty()
		kind.set(v)
		holds := reflect.ValueOf(v).Field(0).Elem().Field(0).Elem()
		if holds.Kind() != reflect.Pointer || !same(holds.Type().Elem(), kind.want) {
			return l
		}
		*kind.to = (*boxed)((*handle)(unsafe.Pointer(&v)).orig).kind
	}
	l.known = true
	return l
}

// same reports whether two types have the same fields in the same places.
func same(a, b reflect.Type) bool {
	if a.Kind() != b.Kind() || a.Size() != b.Size() {
		return false
	}
	switch a.Kind() {
	case reflect.Slice, reflect.Pointer:
		return same(a.Elem(), b.Elem())
	case reflect.Interface:
		return a.NumMethod() == 0 && b.NumMethod() == 0
	case reflect.Struct:
		if a.NumField() != b.NumField() {
			return false
		}
		for i := range a.NumField() {
			x, y := a.Field(i), b.Field(i)
			if x.Name != y.Name || x.Offset != y.Offset || !same(x.Type, y.Type) {
				return false
			}
		}
		return true
	case reflect.Map, reflect.Func, reflect.Chan, reflect.Array:
		return a == b
	default:
		return true
	}
}

func fieldsOf(m pcommon.Map) *[]keyValue { return (*[]keyValue)((*handle)(unsafe.Pointer(&m)).orig) }

func elementsOf(s pcommon.Slice) *[]anyValue {
	return (*[]anyValue)((*handle)(unsafe.Pointer(&s)).orig)
}

func valueOf(v pcommon.Value) *any { return (*any)((*handle)(unsafe.Pointer(&v)).orig) }

func recordsOf(s plog.LogRecordSlice) *[]unsafe.Pointer {
	return (*[]unsafe.Pointer)((*handle)(unsafe.Pointer(&s)).orig)
}

// box makes the interface value of a kind that holds pointer.
func box(kind, pointer unsafe.Pointer) any {
	b := boxed{kind, pointer}
	return *(*any)(unsafe.Pointer(&b))
}
