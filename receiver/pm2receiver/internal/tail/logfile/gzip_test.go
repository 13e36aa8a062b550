// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openGzip(t *testing.T, text []byte, stopping *atomic.Bool) File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.gz")
	w, err := os.Create(path)
	require.NoError(t, err)
	z := gzip.NewWriter(w)
	_, err = z.Write(text)
	require.NoError(t, err)
	require.NoError(t, errors.Join(z.Close(), w.Close()))
	r, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return New(r, true, stopping)
}

// A shutdown does not wait for a small file that decompresses to a very large one.
func TestGzip_LongReadEndsAtShutdown(t *testing.T) {
	var stopping atomic.Bool
	f := openGzip(t, make([]byte, 32<<20), &stopping)
	size, err := Length(f)
	require.NoError(t, err)
	assert.Equal(t, int64(32<<20), size)
	stopping.Store(true)
	_, err = Length(f)
	require.ErrorIs(t, err, errStopping)
}

// A compressed file reads as its content does, at any offset and in any order.
func TestGzip_ReadAtEqualsThePlainContent(t *testing.T) {
	text := make([]byte, 300<<10)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range text {
		text[i] = byte('a' + rnd.IntN(26))
	}
	f := openGzip(t, text, nil)
	plain := bytes.NewReader(text)
	for range 300 {
		offset, n := rnd.Int64N(int64(len(text)+100)), rnd.IntN(70<<10)+1
		want, got := make([]byte, n), make([]byte, n)
		wantN, wantErr := plain.ReadAt(want, offset)
		gotN, err := f.ReadAt(got, offset)
		if offset > int64(len(text)) {
			require.Error(t, err)
			continue
		}
		require.Equal(t, want[:wantN], got[:gotN])
		require.Equal(t, wantErr == nil, err == nil, "%v", err)
	}
}

// A truncated file is still being written; its end is not the end of the content.
func TestGzip_IncompleteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.gz")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(bytes.Repeat([]byte("line\n"), 1000))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for _, size := range []int{0, 5, packed.Len() / 2, packed.Len() - 1} {
		require.NoError(t, os.WriteFile(path, packed.Bytes()[:size], 0o600))
		r, err := os.Open(path)
		require.NoError(t, err)
		_, err = Length(New(r, true, nil))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", size)
		require.NoError(t, r.Close())
	}
}
