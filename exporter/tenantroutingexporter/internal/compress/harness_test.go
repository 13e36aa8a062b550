// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text returns n bytes that compress about as logs do.
func text(n int) []byte {
	words := []string{"order ", "customer ", "placed ", "rejected ", "timeout ", "checkout "}
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same at every run is what is wanted
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(words[rnd.IntN(len(words))])
		b.WriteByte(byte('0' + rnd.IntN(10)))
	}
	return b.Bytes()[:n]
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	b[0] |= 8 // as of an encoded request
	return b
}

// read is the opinion that others have of a stream: of gzip the standard library's,
// and it must be one member, since not everybody reads more.
func read(t *testing.T, c Codec, parts [][]byte) []byte {
	t.Helper()
	src := bytes.NewReader(bytes.Join(parts, nil))
	if c.Encoding() == "zstd" {
		r, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1))
		require.NoError(t, err)
		defer r.Close()
		out, err := io.ReadAll(r)
		require.NoError(t, err)
		return out
	}
	r, err := gzip.NewReader(src)
	require.NoError(t, err)
	r.Multistream(false)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Zero(t, src.Len(), "nothing follows")
	return out
}

func newGzip(t testing.TB, level int) *Gzip {
	t.Helper()
	g, err := NewGzip(level)
	require.NoError(t, err)
	require.Equal(t, level, g.Level())
	return g
}

func newZstd(t testing.TB, level int) *Zstd {
	t.Helper()
	z, err := NewZstd(level)
	require.NoError(t, err)
	return z
}

// codecs returns one of each kind and level.
func codecs(t testing.TB) (all []Codec) {
	for level := Fastest; level <= 9; level++ {
		all = append(all, newGzip(t, level))
	}
	for _, level := range []int{-1, 1, 3, 7, 11} {
		all = append(all, newZstd(t, level))
	}
	return all
}

func compressed(t testing.TB, g Codec, payloads ...[]byte) []byte {
	t.Helper()
	out, err := g.Compress(t.Context(), payloads...)
	require.NoError(t, err)
	require.True(t, Is(out))
	return out
}
