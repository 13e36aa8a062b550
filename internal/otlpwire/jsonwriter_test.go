// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func writeJSON(signal tenant.Signal, requests ...[]byte) (string, error) {
	var b bytes.Buffer
	err := WriteJSON(&b, signal, requests...)
	return b.String(), err
}

// assertSameJSON compares what is written for a request with what pdata writes, in which
// bytes that are no UTF-8 are replaced. A request that is not plain is brought into that
// form by pdata first.
func assertSameJSON(t *testing.T, signal tenant.Signal, data []byte) {
	t.Helper()
	if !Plain(signal, data) {
		_, _ = writeJSON(signal, data) // must not panic
		if _, err := CheckProto(signal, data, Limits{}); err != nil {
			return // too deep for pdata, perhaps
		}
		want, err := decode(t, signal, false, data)
		require.NoError(t, err)
		data, err = want.proto()
		require.NoError(t, err)
		require.True(t, Plain(signal, data), "pdata writes what is plain: %x", data)
	}
	want, err := decode(t, signal, false, data)
	require.NoError(t, err, "pdata rejects what is plain")
	text, err := want.json()
	require.NoError(t, err)
	got, err := writeJSON(signal, data)
	require.NoError(t, err)
	requireSame(t, strings.ToValidUTF8(string(text), "\ufffd"), got)

	twice, err := decode(t, signal, false, append(data[:len(data):len(data)], data...))
	require.NoError(t, err)
	text, err = twice.json()
	require.NoError(t, err)
	got, err = writeJSON(signal, nil, data, nil, data)
	require.NoError(t, err)
	requireSame(t, strings.ToValidUTF8(string(text), "\ufffd"), got)
}

// requireSame shows where two long texts differ.
func requireSame(t *testing.T, want, got string) {
	t.Helper()
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	if want != got {
		t.Fatalf("at byte %d:\nwant %.300q\ngot  %.300q", i, want[max(0, i-100):], got[max(0, i-100):])
	}
}

// texts4 take the place of a text of four bytes.
var texts4 = []string{"text", "\x00\x1f\x7f\"", "\\\n\r\t", "\u00e9\xff\xc3", "\xed\xa0\x80/", "\u2028<", "\U0001f600", "\b\f&>"}

func TestWriteJSON_Generated(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	compared := 0
	for round := range 2000 {
		choices := make([]byte, 20+rng.IntN(2000))
		for i := range choices {
			choices[i] = byte(rng.Uint32())
		}
		for _, signal := range tenant.AllSignals() {
			g := generator{choices: choices, plain: round%2 == 1}
			data := bytes.ReplaceAll(g.request(signal, false), []byte("text"), []byte(texts4[round%len(texts4)]))
			if _, err := CheckProto(signal, data, Limits{}); err == nil {
				compared++
			}
			assertSameJSON(t, signal, data)
		}
	}
	assert.Greater(t, compared, 2000)
}

func TestWriteJSON_Samples(t *testing.T) {
	for _, signal := range tenant.AllSignals() {
		for _, n := range []int{0, 1, 5, 8, 3000} {
			data := sample(t, signal, false, n)
			assert.True(t, Plain(signal, data))
			assertSameJSON(t, signal, data)
		}
	}
	for _, a := range attacks() {
		if !a.json() {
			assertSameJSON(t, a.signal, a.build(500))
		}
	}
}

// oneField writes one field in the form of its type, with 64 bits or content.
func oneField(number int, f *field, bits uint64, content []byte) []byte {
	b := binary.AppendUvarint(nil, uint64(number)<<3|uint64(f.wire))
	switch {
	case f.list && f.wire != wireLen:
		return lenField(number, content)
	case f.wire == wireVarint:
		return binary.AppendUvarint(b, bits)
	case f.wire == wireI64:
		return binary.LittleEndian.AppendUint64(b, bits)
	case f.wire == wireI32:
		return binary.LittleEndian.AppendUint32(b, uint32(bits))
	}
	return lenField(number, content)
}

// TestWriteJSON_Fields writes each field of the schema alone and beside each other
// field of its message, with extreme values.
func TestWriteJSON_Fields(t *testing.T) {
	numbers := []uint64{
		0, 1, 1 << 31, 1 << 32, 1 << 63, math.MaxUint64, math.Float64bits(math.Inf(1)), math.Float64bits(math.Inf(-1)),
		math.Float64bits(1.5), math.Float64bits(-1e21), math.Float64bits(1e21 - 1e6), math.Float64bits(1e-6), math.Float64bits(9.99e-7),
		math.Float64bits(math.MaxFloat64), math.Float64bits(math.SmallestNonzeroFloat64), math.Float64bits(0.1), math.Float64bits(123456789),
	}
	contents := [][]byte{nil, make([]byte, 8), []byte("12345678"), make([]byte, 16), []byte("1234567890123456"), []byte("\x00\"\xff")}
	for _, p := range allPlaces(t) {
		fields := &messages[p.message].fields
		for n := 1; n <= lastField; n++ {
			for _, bits := range numbers {
				for _, content := range contents {
					if fields[n].kind == kindUnknown {
						continue
					}
					data := oneField(n, &fields[n], bits, content)
					assertSameJSON(t, p.signal, wrap(data, p.path...))
				}
			}
			for m := 1; m <= lastField && fields[n].kind != kindUnknown; m++ {
				if fields[m].kind != kindUnknown {
					both := append(oneField(n, &fields[n], 1, nil), oneField(m, &fields[m], 2, nil)...)
					assertSameJSON(t, p.signal, wrap(both, p.path...))
					assertSameJSON(t, p.signal, wrap(append(both, oneField(n, &fields[n], 3, nil)...), p.path...))
				}
			}
		}
	}
}

// TestWriteJSON_Texts has each byte at each place of a word and around the end of a
// chunk.
func TestWriteJSON_Texts(t *testing.T) {
	for c := range 256 {
		var text []byte
		for i := range 20 {
			text = append(append(text, strings.Repeat("a", i)...), byte(c))
		}
		assertSameJSON(t, tenant.Logs, wrap(text, 1, 2, 2, 5, 1))
		assertSameJSON(t, tenant.Logs, wrap(text, 1, 2, 2, 5, 7))
	}
	for _, n := range []int{jsonChunk - 1, jsonChunk, jsonChunk + 1, 2*jsonChunk + 2, jsonBlock, 3 * jsonBlock} {
		for _, unit := range []string{"a", "\x00", "\u00e9", "\xff", "a\xc3", "\xe2\x80\"", "\ufffd\xff"} {
			text := bytes.Repeat([]byte(unit), n)
			assertSameJSON(t, tenant.Logs, wrap(text, 1, 2, 2, 5, 1))
			assertSameJSON(t, tenant.Logs, wrap(text, 1, 2, 2, 5, 7))
		}
	}
}

func TestPlain(t *testing.T) {
	record := func(fields ...string) []byte { return wrap([]byte(strings.Join(fields, "")), 1, 2, 2) }
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"empty":              {nil, true},
		"record":             {record("\x1a\x01a", "\x2a\x00", "\x32\x00", "\x32\x00"), true},
		"other order":        {record("\x32\x00", "\x2a\x00", "\x1a\x01a", "\x32\x00"), true},
		"text twice":         {record("\x1a\x01a", "\x1a\x01a"), false},
		"body twice":         {record("\x2a\x00", "\x2a\x00"), false},
		"two kinds of value": {record("\x2a\x05\x0a\x01a\x10\x01"), false},
		"unknown field":      {record("\xa2\x06\x00"), false},
		"deprecated scope":   {wrap(nil, 1, 1000), false},
		"short ID":           {record("\x4a\x03abc"), false},
		"wrong wire type":    {record("\x18\x01"), false},
		"cut off":            {[]byte("\x0a\x05\x0a"), false},
		"too deep":           {wrap(nil, append([]int{1, 2, 2, 5}, slicesRepeat([]int{5, 1}, maxDepth)...)...), false},
	} {
		assert.Equal(t, c.want, Plain(tenant.Logs, c.data), name)
	}
	buckets := lenField(6, make([]byte, 16))
	assert.True(t, Plain(tenant.Metrics, wrap(buckets, 1, 2, 2, 9, 1)))
	assert.False(t, Plain(tenant.Metrics, wrap(append(buckets, buckets...), 1, 2, 2, 9, 1)), "pdata keeps the second")
	assert.False(t, Plain(tenant.Metrics, wrap(append(uvarint(6<<3|wireI64), make([]byte, 8)...), 1, 2, 2, 9, 1)), "not packed")
}

func slicesRepeat(s []int, n int) (out []int) {
	for range n {
		out = append(out, s...)
	}
	return out
}

var errFull = errors.New("full")

// limited fails once it has taken so many bytes.
type limited struct{ left, calls int }

func (l *limited) Write(p []byte) (int, error) {
	l.calls++
	if l.left -= len(p); l.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteJSON_EndsWithTheFirstFailure(t *testing.T) {
	data := sample(t, tenant.Logs, false, 30_000)
	for _, left := range []int{0, jsonBlock + 1<<10, 3 << 20} {
		w := &limited{left: left}
		require.ErrorIs(t, WriteJSON(w, tenant.Logs, data), errFull)
		assert.LessOrEqual(t, w.calls, left/jsonBlock+2)
	}
	got, err := writeJSON(tenant.Logs, sample(t, tenant.Logs, false, 1))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(got, `{"resourceLogs":[{`), "what failed before leaves nothing")
}

// TestWriteJSON_Memory writes what is as large as a request may be, of the shapes
// whose JSON is the largest beside their size.
func TestWriteJSON_Memory(t *testing.T) {
	const size = 8 << 20
	for name, data := range map[string][]byte{
		"one text of control characters": wrap(make([]byte, size), 1, 2, 2, 5, 1),
		"attribute keys":                 wrap(bytes.Repeat(lenField(6, lenField(1, make([]byte, 1<<20))), size>>20), 1, 2, 2),
		"bytes":                          wrap(make([]byte, size), 1, 2, 2, 5, 7),
		"empty values":                   wrap(bytes.Repeat([]byte("\x0a\x00"), size/2), 1, 2, 2, 5, 5),
		"empty records":                  wrap(bytes.Repeat([]byte("\x12\x00"), size/2), 1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, Plain(tenant.Logs, data))
			require.NoError(t, WriteJSON(io.Discard, tenant.Logs, data[:0])) // the block
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			require.NoError(t, WriteJSON(io.Discard, tenant.Logs, data))
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
		})
	}
}

func FuzzWriteJSON(f *testing.F) {
	for _, signal := range tenant.AllSignals() {
		for _, n := range []int{0, 1, 5} {
			f.Add(uint8(signal), true, sample(f, signal, false, n))
		}
		f.Add(uint8(signal), false, bytes.Repeat([]byte{1, 2, 3, 4, 5, 0, 3}, 100))
	}
	for _, a := range attacks() {
		if !a.json() {
			f.Add(uint8(a.signal), true, a.build(3))
		}
	}
	f.Fuzz(func(t *testing.T, s uint8, raw bool, data []byte) {
		signal := signalOf(s)
		if !raw {
			g := generator{choices: data}
			data = bytes.ReplaceAll(g.request(signal, false), []byte("text"), []byte(texts4[len(data)%len(texts4)]))
		}
		assertSameJSON(t, signal, data)
	})
}

// BenchmarkWriteJSON compares with what pdata takes to decode a request and write it.
func BenchmarkWriteJSON(b *testing.B) {
	hundred := wrap(bytes.Repeat(lenField(2, lenField(5, lenField(1, bytes.Repeat([]byte("x"), 300)))), 100), 1, 2)
	type sampled struct {
		name   string
		signal tenant.Signal
		data   []byte
	}
	all := []sampled{{"100 records of 300 bytes", tenant.Logs, hundred}, {"1 MiB of control characters", tenant.Logs, wrap(make([]byte, 1<<20), 1, 2, 2, 5, 1)}}
	for _, signal := range tenant.AllSignals() {
		all = append(all, sampled{fmt.Sprintf("100 %s", signal), signal, sample(b, signal, false, 100)})
	}
	for _, c := range all {
		b.Run(c.name+"/writer", func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				if !Plain(c.signal, c.data) {
					b.Fatal("not plain")
				}
				if err := WriteJSON(io.Discard, c.signal, c.data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/pdata", func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := decode(b, c.signal, false, c.data)
				if err != nil {
					b.Fatal(err)
				}
				if _, err = d.json(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
