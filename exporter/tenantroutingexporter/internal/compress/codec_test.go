// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCodec_EveryLevelRoundTrips(t *testing.T) {
	for _, c := range codecs(t) {
		for name, data := range map[string][]byte{
			"one byte": {'x'}, "text": text(24_000), "longer than a window": text(1_300_000), "noise": noise(70_000),
			"zeros": append([]byte{'x'}, make([]byte, 200_000)...),
		} {
			t.Run(fmt.Sprintf("%s %d, %s", c.Encoding(), c.Level(), name), func(t *testing.T) {
				packed := compressed(t, c, data)
				got, err := Expand(packed)
				require.NoError(t, err)
				assert.True(t, bytes.Equal(data, got))
				parts, err := c.Stream(t.Context(), [][]byte{packed})
				require.NoError(t, err)
				assert.True(t, bytes.Equal(data, read(t, c, parts)))
			})
		}
	}
	for _, level := range []int{10, -4} {
		_, err := NewGzip(level)
		require.Error(t, err, level)
	}
}

// Payloads compressed by any codec, and uncompressed ones, form one stream.
func TestCodec_StreamsMixedEncodings(t *testing.T) {
	fast, small, other := newGzip(t, Fastest), newGzip(t, 9), newZstd(t, 1)
	a, b, c, d := text(40_000), noise(500), text(17), text(100_000)
	pa, pd, po := compressed(t, fast, a), compressed(t, small, d, b), compressed(t, other, a, c)
	for _, codec := range []Codec{fast, small, other} {
		parts, err := codec.Stream(t.Context(), [][]byte{c, pa, po, b, c, pd, po, pa, b})
		require.NoError(t, err)
		assert.True(t, bytes.Equal(bytes.Join([][]byte{c, a, a, c, b, c, d, b, a, c, a, b}, nil), read(t, codec, parts)))
	}
	parts, err := fast.Stream(t.Context(), [][]byte{pa, pd})
	require.NoError(t, err)
	assert.Same(t, &pa[len(pa)-1], &parts[1][len(parts[1])-1], "what is compressed is not copied")
	parts, err = other.Stream(t.Context(), [][]byte{po})
	require.NoError(t, err)
	assert.Same(t, &po[len(po)-1], &parts[0][len(parts[0])-1])
}

func TestCodec_StreamRejectsOtherData(t *testing.T) {
	for _, c := range codecs(t) {
		for k := range kinds {
			_, err := c.Stream(t.Context(), [][]byte{text(100), {byte(k), 1}})
			require.ErrorIs(t, err, ErrMalformed)
		}
	}
}

func TestAlike(t *testing.T) {
	assert.True(t, Alike(newGzip(t, 1), newGzip(t, 1)))
	assert.False(t, Alike(newGzip(t, 1), newGzip(t, 2)))
	assert.False(t, Alike(newGzip(t, 1), newZstd(t, 1)))
	assert.True(t, Alike(newZstd(t, -1), newZstd(t, 1)))
}

// The result of a call must not change when a later call reuses memory.
func TestCodec_ResultsAreNotShared(t *testing.T) {
	for _, c := range []Codec{newGzip(t, Fastest), newGzip(t, 1), newZstd(t, 1)} {
		var work sync.WaitGroup
		for i := range 8 {
			work.Go(func() {
				data := bytes.Repeat([]byte{byte('a' + i)}, 10_000+i)
				packed, err := c.Compress(t.Context(), data)
				assert.NoError(t, err)
				for range 20 {
					_, err := c.Compress(t.Context(), text(20_000), text(10))
					assert.NoError(t, err)
				}
				got, err := Expand(packed)
				assert.NoError(t, err)
				assert.Equal(t, data, got)
			})
		}
		work.Wait()
	}
}

// A caller whose turn does not come gives up when its context ends.
func TestCodec_WaitEndsWithTheContext(t *testing.T) {
	g, z := newGzip(t, 1), newZstd(t, 1)
	for c, turns := range map[Codec]turns{g: g.turns, z: z.turns} {
		for range cap(turns) {
			turns <- struct{}{} // all processors are busy
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Compress(ctx, text(100))
		require.ErrorIs(t, err, context.Canceled)
		_, err = c.Stream(ctx, [][]byte{text(100)})
		require.ErrorIs(t, err, context.Canceled)
		<-turns
		_, err = c.Compress(t.Context(), text(100))
		require.NoError(t, err)
		assert.Len(t, turns, cap(turns)-1, "a turn is given back")
	}
}
