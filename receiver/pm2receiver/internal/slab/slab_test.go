package slab

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// With another layout everything still works, but at the price of an allocation for
// every value: then layout.go is to be brought in line with pdata.
func TestLayout_IsThatOfThisRelease(t *testing.T) {
	assert.True(t, look().known)
}

func TestSame_TellsOtherLayoutsApart(t *testing.T) {
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

// builder makes records as data says. With the same data it makes the same ones,
// whatever the slab.
type builder struct {
	data []byte
	slab *Slab
}

func (b *builder) next() int {
	if len(b.data) == 0 {
		return 0
	}
	c := b.data[0]
	b.data = b.data[1:]
	return int(c)
}

func (b *builder) text() string {
	n := b.next()
	return string(b.slab.Text.Copy([]byte(strings.Repeat(fmt.Sprint(n), n%7))))
}

func (b *builder) build() plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for len(b.data) > 0 {
		rec := b.slab.Append(records)
		rec.SetTimestamp(pcommon.Timestamp(b.next()))
		b.slab.SetStr(rec.Body(), b.text())
		b.slab.Open(rec.Attributes(), b.next()%32)
		b.fields(rec.Attributes(), 0)
		b.slab.Close(rec.Attributes())
	}
	return logs
}

func (b *builder) fields(m pcommon.Map, depth int) {
	for range b.next() % 24 {
		key := fmt.Sprint(b.next() % 32)
		switch b.next() % 6 {
		case 0:
			b.slab.PutStr(m, key, b.text())
		case 1:
			b.slab.PutInt(m, key, int64(b.next()))
		case 2:
			m.PutBool(key, b.next()%2 == 0)
		case 3:
			m.Remove(key)
		default:
			b.value(m.PutEmpty(key), depth+1)
		}
	}
}

func (b *builder) value(v pcommon.Value, depth int) {
	kind := b.next() % 6
	if depth > 2*levels {
		kind %= 4
	}
	switch kind {
	case 0:
		b.slab.SetStr(v, b.text())
	case 1:
		b.slab.SetInt(v, int64(b.next()))
	case 2:
		b.slab.SetDouble(v, float64(b.next())/3)
	case 3:
	case 4:
		m := b.slab.OpenMap(v, depth)
		b.fields(m, depth)
		b.slab.CloseMap(m, depth)
	case 5:
		s := b.slab.OpenSlice(v, depth)
		for range b.next() % 12 {
			b.value(s.AppendEmpty(), depth+1)
		}
		b.slab.CloseSlice(s, depth)
	}
}

// change does to records what a consumer may do.
func change(logs plog.Logs) {
	records := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for i, rec := range records.All() {
		attrs := rec.Attributes()
		attrs.PutStr("added", fmt.Sprint(i))
		attrs.PutInt("added too", int64(i))
		attrs.Remove("7")
		attrs.RemoveIf(func(key string, v pcommon.Value) bool { return key == "3" || v.Type() == pcommon.ValueTypeDouble })
		for _, v := range attrs.All() {
			switch v.Type() {
			case pcommon.ValueTypeMap:
				v.Map().PutEmptyMap("deep").PutBool("er", true)
			case pcommon.ValueTypeSlice:
				v.Slice().AppendEmpty().SetStr("last")
			case pcommon.ValueTypeInt:
				v.SetStr("was a number")
			}
		}
		rec.Body().SetStr(rec.Body().Str() + "!")
	}
	records.RemoveIf(func(rec plog.LogRecord) bool { return rec.Timestamp()%5 == 4 })
	records.AppendEmpty().Body().SetStr("one more")
}

func marshal(t *testing.T, logs plog.Logs) []byte {
	data, err := new(plog.ProtoMarshaler).MarshalLogs(logs)
	require.NoError(t, err)
	return data
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

func TestSlab_AllocatesPiecesAlone(t *testing.T) {
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
			m := s.OpenMap(rec.Attributes().PutEmpty("m"), 1)
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

func TestUsage_ExpectsTheSameOfTheSame(t *testing.T) {
	used := Usage{Text: 60_000, Records: 100, Fields: 1_000, Inner: 200, Strings: 1_200}
	got := used.Of(32_000, 64_000)
	assert.InEpsilon(t, 30_000, got.Text, 0.15)
	assert.InEpsilon(t, 50, got.Records, 0.15)
	assert.InEpsilon(t, 500, got.Fields, 0.15)
	assert.Zero(t, got.Ints)
	assert.Equal(t, Usage{Text: 500}, Usage{}.Of(500, 0), "nothing is known yet")
}

// The last line of a stack trace is short, and the trace before it was long; the
// longest line of PM2's has 16 MiB.
func TestUsage_IsBounded(t *testing.T) {
	dense := Usage{Text: 1 << 20, Records: 4096, Fields: 1 << 16, Inner: 1 << 16, Elements: 1 << 16, Strings: 1 << 16, Ints: 1 << 16, Doubles: 1 << 16, Maps: 1 << 16, Slices: 1 << 16}
	for _, size := range []int{1, 64 << 10, 16 << 20} {
		got := dense.Of(size, 20)
		assert.LessOrEqual(t, got.Text, 2*size+lastLine)
		assert.LessOrEqual(t, got.Text, 2*mostBytes+lastLine)
		for _, n := range []int{got.Records, got.Fields, got.Inner, got.Elements, got.Strings, got.Ints, got.Doubles, got.Maps, got.Slices} {
			assert.LessOrEqual(t, n, min(size, mostBytes)/partBytes)
		}
	}
}
