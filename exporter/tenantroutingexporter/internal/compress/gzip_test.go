// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGzip_SizeAsTheStandardLibrarys(t *testing.T) {
	data := text(25_000)
	for level, std := range map[int]int{Fastest: 1, 1: 1, 6: 6} {
		var out bytes.Buffer
		w, err := stdgzip.NewWriterLevel(&out, std)
		require.NoError(t, err)
		_, err = w.Write(data)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		parts, err := newGzip(t, level).Stream(t.Context(), [][]byte{data})
		require.NoError(t, err)
		assert.LessOrEqual(t, len(bytes.Join(parts, nil)), out.Len()*115/100, "level %d", level)
	}
}

// BenchmarkStream is a request of 25 KB from one end to the other: "once" is what is
// left to do for each attempt and destination when it was compressed at the door.
func BenchmarkStream(b *testing.B) {
	data := text(25_000)
	for _, g := range []Codec{newGzip(b, Fastest), newGzip(b, 1), newGzip(b, 6), newZstd(b, 1)} {
		b.Run(fmt.Sprintf("%s %d", g.Encoding(), g.Level()), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := g.Stream(b.Context(), [][]byte{data})
				require.NoError(b, err)
			}
		})
	}
	b.Run("once", func(b *testing.B) {
		g := newGzip(b, Fastest)
		packed := compressed(b, g, data)
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			_, err := g.Stream(b.Context(), [][]byte{packed})
			require.NoError(b, err)
		}
	})
	b.Run("standard library", func(b *testing.B) {
		w := stdgzip.NewWriter(nil)
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var out bytes.Buffer
			w.Reset(&out)
			_, err := w.Write(data)
			require.NoError(b, err)
			require.NoError(b, w.Close())
		}
	})
}
