// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package wire

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

func encoded(t testing.TB, names ...string) []byte {
	ld := plog.NewLogs()
	for _, name := range names {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("name", name)
		rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("body of " + name)
	}
	buf, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	return buf
}

func names(t testing.TB, buf []byte) []string {
	r := plogotlp.NewExportRequest()
	require.NoError(t, r.UnmarshalProto(buf))
	var out []string
	for _, rl := range r.Logs().ResourceLogs().All() {
		v, _ := rl.Resource().Attributes().Get("name")
		out = append(out, v.Str())
	}
	return out
}

func TestSplit_KeepsEveryResourceWhole(t *testing.T) {
	buf := encoded(t, "a1", "b1", "a2", "c1", "b2")
	out, err := Split(buf, []int{0, 1, 0, 2, 1}, 3)
	require.NoError(t, err)
	assert.Equal(t, []string{"a1", "a2"}, names(t, out[0]))
	assert.Equal(t, []string{"b1", "b2"}, names(t, out[1]))
	assert.Equal(t, []string{"c1"}, names(t, out[2]))
	assert.Equal(t, []string{"a1", "a2", "c1"}, names(t, append(out[0], out[2]...)), "requests can be concatenated")
}

func TestSplit_RejectsMismatchedGroups(t *testing.T) {
	buf := encoded(t, "a", "b")
	for _, group := range [][]int{{0}, {0, 0, 0}, nil} {
		_, err := Split(buf, group, 1)
		assert.ErrorIs(t, err, errMalformed, fmt.Sprint(group))
	}
	for _, bad := range [][]byte{buf[:len(buf)-1], {0x12, 0}, {0x08, 1}, {0xff}} {
		_, err := Split(bad, []int{0, 0}, 1)
		assert.ErrorIs(t, err, errMalformed)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(encoded(f, "a", "b"), 2)
	f.Add([]byte{0x0a, 0x05, 1}, 1)
	f.Fuzz(func(t *testing.T, buf []byte, n int) {
		if n < 0 || n > 100 {
			return
		}
		group := make([]int, n)
		for i := range group {
			group[i] = i % 2
		}
		out, err := Split(buf, group, 2)
		if err == nil {
			require.Len(t, buf, len(out[0])+len(out[1]))
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	var list []string
	group := make([]int, 100)
	for i := range 100 {
		list = append(list, fmt.Sprint(i))
		group[i] = i % 10
	}
	buf := encoded(b, list...)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Split(buf, group, 10); err != nil {
			b.Fatal(err)
		}
	}
}
