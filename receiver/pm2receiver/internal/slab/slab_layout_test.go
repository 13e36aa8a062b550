// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build pm2slab

package slab

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// With another layout everything still works, but at the price of an allocation for
// every value: then layout.go is to be brought in line with pdata.
func TestLayout_MatchesThisRelease(t *testing.T) {
	assert.True(t, look().known)
}

func TestSame_RejectsOtherLayouts(t *testing.T) {
	type (
		swapped struct {
			Key         string
			Value       anyValue
			KeyStrindex int32
		}
		renamed struct {
			Value       anyValue
			Name        string
			KeyStrindex int32
		}
		longer struct {
			Value       anyValue
			Key         string
			KeyStrindex int32
			More        int32
		}
		narrower struct {
			Value       anyValue
			Key         string
			KeyStrindex int16
		}
		pointed struct {
			Value       *anyValue
			Key         string
			KeyStrindex int32
		}
	)
	want := reflect.TypeFor[keyValue]()
	assert.True(t, same(want, reflect.TypeFor[keyValue]()))
	assert.False(t, same(want, reflect.TypeFor[swapped]()))
	assert.False(t, same(want, reflect.TypeFor[renamed]()))
	assert.False(t, same(want, reflect.TypeFor[longer]()))
	assert.False(t, same(want, reflect.TypeFor[narrower]()))
	assert.False(t, same(want, reflect.TypeFor[pointed]()))
}

func FuzzSlab(f *testing.F) {
	f.Add([]byte("a record or two"), uint16(0))
	f.Add([]byte(strings.Repeat("\x05\x11\x03\x0b\x04\x04\x06\x05\x05\x02\x00\x09\x01\x2a", 60)), uint16(48))
	f.Add([]byte(strings.Repeat("\x01\x00\x17\x02\x04\x04\x17\x01\x05\x05", 200)), uint16(704))
	f.Fuzz(func(t *testing.T, data []byte, expect uint16) {
		if len(data) > 1<<16 {
			return
		}
		n := int(expect)
		expected := New(Usage{})
		expected.plain = true
		want := (&builder{data, expected}).build()
		made := New(Usage{Text: n, Records: n / 8, Fields: n, Inner: n / 2, Elements: n, Strings: n, Ints: n / 3, Doubles: 1, Maps: n % 5, Slices: n % 7})
		got := (&builder{data, made}).build()
		collect := func() {
			if n%16 == 0 { // it takes longer than all the rest
				runtime.GC()
			}
		}
		collect()
		require.Equal(t, marshal(t, want), marshal(t, got))
		if got.LogRecordCount() == 0 {
			return
		}
		copied := plog.NewLogs()
		got.CopyTo(copied)
		change(want)
		change(got)
		collect()
		require.Equal(t, marshal(t, want), marshal(t, got))
		change(copied)
		require.Equal(t, marshal(t, want), marshal(t, copied))
	})
}

func TestSlab_AllocatesOnlyPieces(t *testing.T) {
	const count = 256
	var used Usage
	build := func() {
		s := New(used)
		records := plog.NewLogRecordSlice()
		records.EnsureCapacity(count)
		for range count {
			rec := s.Append(records)
			s.SetStr(rec.Body(), "body")
			s.Open(rec.Attributes(), 0)
			s.PutStr(rec.Attributes(), "a", "b")
			s.PutInt(rec.Attributes(), "n", 1)
			m := s.OpenMap(rec.Attributes().PutEmpty("m"), 1, 0)
			s.PutStr(m, "a", "b")
			s.CloseMap(m, 1)
			s.Close(rec.Attributes())
		}
		used = s.Used()
	}
	build()
	assert.Equal(t, Usage{Records: count, Fields: 3 * count, Inner: count, Strings: 3 * count, Ints: count, Maps: count}, used)
	assert.Less(t, testing.AllocsPerRun(10, build), 32.0)
}
