// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !pm2slab

package slab

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// fewElements is the capacity that maps and slices in values have at first if no size is
// expected.
const fewElements = 4

// Slab makes records with pdata's own functions. It is not safe for concurrent use.
type Slab struct {
	// Text takes the lines that records are made from.
	Text *arena.Arena

	values arena.Strings
}

// From returns a slab with space for the text that is expected, which it takes from arenas.
// The caller may put Text back as soon as it has no more use for the text of the lines: records
// do not refer to it.
func From(arenas *arena.Pool, expect Usage) *Slab {
	return &Slab{Text: arenas.Get(expect.Text), values: arena.NewStrings(expect.Values)}
}

// Used returns what has been taken.
func (s *Slab) Used() Usage { return Usage{Text: s.Text.Used(), Values: s.values.Used()} }

// Append appends an empty record.
func (*Slab) Append(to plog.LogRecordSlice) plog.LogRecord { return to.AppendEmpty() }

// Open gives the attributes of a record capacity for at least least fields. Close must
// follow before the next Open.
func (*Slab) Open(m pcommon.Map, least int) { m.EnsureCapacity(least) }

// Close ends what Open began.
func (*Slab) Close(pcommon.Map) {}

// OpenMap makes v an empty map with capacity for the expected fields, if that is not 0. Only
// one map of a depth, which begins with 1, may be open at a time.
func (*Slab) OpenMap(v pcommon.Value, _, expected int) pcommon.Map {
	m := v.SetEmptyMap()
	m.EnsureCapacity(capacityFor(expected))
	return m
}

// CloseMap ends what OpenMap began.
func (*Slab) CloseMap(pcommon.Map, int) {}

// OpenSlice makes v an empty slice with capacity for the expected elements, if that is not 0.
// Only one slice of a depth, which begins with 1, may be open at a time.
func (*Slab) OpenSlice(v pcommon.Value, _, expected int) pcommon.Slice {
	all := v.SetEmptySlice()
	all.EnsureCapacity(capacityFor(expected))
	return all
}

func capacityFor(expected int) int {
	if expected == 0 {
		return fewElements
	}
	return expected
}

// CloseSlice ends what OpenSlice began.
func (*Slab) CloseSlice(pcommon.Slice, int) {}

// PutStr is m.PutStr.
func (*Slab) PutStr(m pcommon.Map, key, text string) { m.PutStr(key, text) }

// AppendStr is m.PutStr for a key that m does not have.
func (*Slab) AppendStr(m pcommon.Map, key, text string) { m.PutStr(key, text) }

// AppendInt is m.PutInt for a key that m does not have.
func (*Slab) AppendInt(m pcommon.Map, key string, n int64) { m.PutInt(key, n) }

// PutInt is m.PutInt.
func (*Slab) PutInt(m pcommon.Map, key string, n int64) { m.PutInt(key, n) }

// SetStr is v.SetStr.
func (*Slab) SetStr(v pcommon.Value, text string) { v.SetStr(text) }

// SetInt is v.SetInt.
func (*Slab) SetInt(v pcommon.Value, n int64) { v.SetInt(n) }

// SetDouble is v.SetDouble.
func (*Slab) SetDouble(v pcommon.Value, f float64) { v.SetDouble(f) }
