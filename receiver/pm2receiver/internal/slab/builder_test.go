// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package slab

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

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
	if depth > 8 {
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
		m := b.slab.OpenMap(v, depth, b.next()%16)
		b.fields(m, depth)
		b.slab.CloseMap(m, depth)
	case 5:
		s := b.slab.OpenSlice(v, depth, b.next()%16)
		for range b.next() % 12 {
			b.value(s.AppendEmpty(), depth+1)
		}
		b.slab.CloseSlice(s, depth)
	}
}

// change changes records as a consumer may.
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
