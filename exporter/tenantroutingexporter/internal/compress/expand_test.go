// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpand_ReturnsUncompressedDataAsItIs(t *testing.T) {
	for _, p := range [][]byte{nil, {}, {0x0a, 0}, text(100)} {
		assert.False(t, Is(p))
		assert.Len(t, p, Length(p))
		got, err := Expand(p)
		require.NoError(t, err)
		assert.Equal(t, p, got)
	}
	list := [][]byte{text(10), text(20)}
	got, err := ExpandAll(list)
	require.NoError(t, err)
	assert.Same(t, &list[0], &got[0], "nothing is copied")
}

func TestExpandAll(t *testing.T) {
	g := newGzip(t, Fastest)
	packed := compressed(t, g, text(5000))
	assert.Equal(t, 5000, Length(packed))
	assert.Equal(t, -1, Length(packed[:len(packed)-1]))
	list := [][]byte{text(10), packed, text(20)}
	got, err := ExpandAll(list)
	require.NoError(t, err)
	assert.Equal(t, [][]byte{text(10), text(5000), text(20)}, got)
	assert.True(t, Is(list[1]), "the list is not changed")
	_, err = ExpandAll([][]byte{packed, packed[:len(packed)-1]})
	require.ErrorIs(t, err, ErrMalformed)
}

func TestExpand_ReturnsTheCompressedData(t *testing.T) {
	packed, frame := compressed(t, newGzip(t, 6), text(5000)), compressed(t, newZstd(t, 1), text(5000))
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(packed)) }
	for name, p := range map[string][]byte{
		"only the kind":      {byte(deflated)},
		"no length":          packed[:fixedLen],
		"endless length":     append(packed[:fixedLen:fixedLen], bytes.Repeat([]byte{0xff}, 12)...),
		"a checksum's bit":   change(func(b []byte) []byte { b[1] ^= 1; return b }),
		"a block's bit":      change(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }),
		"cut short":          packed[:len(packed)-20],
		"a length too large": change(func(b []byte) []byte { b[fixedLen]++; return b }),
		"what no blocks hold": append(binary.AppendUvarint(binary.LittleEndian.AppendUint32([]byte{byte(deflated)}, 0), 1<<40),
			[]byte("blocks")...),
		"a frame's checksum": append([]byte{frame[0], frame[1] ^ 1}, frame[2:]...),
		"a frame cut short":  frame[:len(frame)-3],
		"no frame":           append(bytes.Clone(frame[:fixedLen+2]), "no frame"...),
		"another length":     append(append(bytes.Clone(frame[:fixedLen]), 1), frame[fixedLen+2:]...),
	} {
		_, err := Expand(p)
		require.ErrorIs(t, err, ErrMalformed, name)
	}
}

func TestCombine(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 255, 256, 4096, 100_003} {
		a, b := text(1000), noise(n + 1)[:n]
		assert.Equal(t, crc32.ChecksumIEEE(append(bytes.Clone(a), b...)), combine(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), n), n)
		assert.Equal(t, crc32.ChecksumIEEE(b), combine(0, crc32.ChecksumIEEE(b), n), "after nothing, %d", n)
	}
}

// FuzzStream cuts data into payloads, compresses some of them, and asks the
// standard library what the stream of all says.
func FuzzStream(f *testing.F) {
	f.Add([]byte("order placed order placed"), uint16(3), uint8(0b101))
	f.Add(text(70_000), uint16(30_000), uint8(0b010))
	f.Add(noise(5000), uint16(4999), uint8(0xff))
	all := []Codec{newGzip(f, Fastest), newGzip(f, -2), newGzip(f, 0), newGzip(f, 1), newGzip(f, 5), newGzip(f, 9), newZstd(f, 1), newZstd(f, 7)}
	f.Fuzz(func(t *testing.T, data []byte, piece uint16, which uint8) {
		g := all[int(piece)%len(all)]
		var payloads [][]byte
		for i := 0; len(data) > 0 && i < 64; i++ {
			n := min(len(data), int(piece)+1)
			data[0] |= 8 // no encoded request begins with less
			p := data[:n]
			data = data[n:]
			if which>>(i%8)&1 != 0 {
				p = compressed(t, all[(int(piece)+i*i%3)%len(all)], p)
			}
			payloads = append(payloads, p)
		}
		want, err := ExpandAll(payloads)
		require.NoError(t, err)
		parts, err := g.Stream(t.Context(), payloads)
		require.NoError(t, err)
		require.True(t, bytes.Equal(bytes.Join(want, nil), read(t, g, parts)))
	})
}

// FuzzExpand holds Expand against the standard library's DEFLATE, and never gets
// what has another checksum.
func FuzzExpand(f *testing.F) {
	f.Add(compressed(f, newGzip(f, Fastest), text(3000)))
	f.Add(compressed(f, newGzip(f, 0), []byte("x")))
	f.Add(compressed(f, newZstd(f, 1), text(3000)))
	f.Add([]byte{byte(deflated), 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		got, err := Expand(p)
		if err != nil || !Is(p) {
			return
		}
		in, err := parse(p)
		require.NoError(t, err)
		require.Equal(t, in.sum, crc32.ChecksumIEEE(got))
		if in.kind != deflated {
			return
		}
		want := make([]byte, in.size)
		_, err = io.ReadFull(flate.NewReader(bytes.NewReader(in.data)), want)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got))
	})
}
