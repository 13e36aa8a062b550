// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package reader

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
)

// counted measures how a file is read.
type counted struct {
	logfile.File
	read atomic.Int64 // bytes
	end  int64        // of the farthest read
	back int64        // how far before end a read began, at most
}

func (c *counted) ReadAt(b []byte, offset int64) (int, error) {
	n, err := c.File.ReadAt(b, offset)
	c.read.Add(int64(n))
	c.back = max(c.back, c.end-offset)
	c.end = max(c.end, offset+int64(n))
	return n, err
}

// A partial line that grows byte by byte is not read again for each.
func TestReader_PartialLineThatGrowsSlowly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	w, err := os.Create(path)
	require.NoError(t, err)
	defer w.Close()
	const size = 8 << 20
	_, err = w.WriteString(strings.Repeat("x", size))
	require.NoError(t, err)
	r, err := os.Open(path)
	require.NoError(t, err)
	defer r.Close()
	c := &counted{File: logfile.New(r, false, nil)}
	f := New(c, checkpoint.File{}, time.Now())
	buf := make([]byte, bufferSize)
	now := time.Now()
	for range 50 {
		b, err := f.next(buf, now, false)
		require.NoError(t, err)
		require.True(t, b.Empty())
		_, err = w.WriteString("x")
		require.NoError(t, err)
	}
	assert.Less(t, c.read.Load(), int64(size+50*2*BlockSize+1<<20))
	_, err = w.WriteString("\nnext\n")
	require.NoError(t, err)
	b, err := f.next(buf, now, false)
	require.NoError(t, err)
	line, err := f.line(nil, b.long)
	require.NoError(t, err)
	assert.Len(t, line.Lines, size+50+1+len("next\n"))
}

func TestReader_CutsLinesWithoutEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), MaxLine+100), 0o600))
	r, err := os.Open(path)
	require.NoError(t, err)
	defer r.Close()
	f := New(logfile.New(r, false, nil), checkpoint.File{}, time.Now())
	b, err := f.next(make([]byte, bufferSize), time.Now(), false)
	require.NoError(t, err)
	assert.Equal(t, int64(MaxLine), b.long)
}

// openGzip returns a compressed file of text.
func openGzip(t *testing.T, text io.WriterTo) logfile.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.gz")
	w, err := os.Create(path)
	require.NoError(t, err)
	z := gzip.NewWriter(w)
	_, err = text.WriteTo(z)
	require.NoError(t, err)
	require.NoError(t, errors.Join(z.Close(), w.Close()))
	r, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return logfile.New(r, true, nil)
}

// Long lines of a compressed copy are read without starting again: that would take hours.
func TestReader_LongLinesOfACompressedCopy(t *testing.T) {
	var text bytes.Buffer
	var want []string
	for i := range 60 {
		want = append(want, fmt.Sprintf("%03d", i)+strings.Repeat("x", 1000+i*5000))
		text.WriteString(want[i] + "\n")
	}
	c := &counted{File: openGzip(t, &text)}
	f := New(c, checkpoint.File{Copy: true}, time.Now())
	buf := make([]byte, bufferSize)
	var got []string
	for {
		b, err := f.next(buf, time.Now(), true)
		require.NoError(t, err)
		if b.long > 0 {
			b, err = f.line(nil, b.long)
			require.NoError(t, err)
		}
		if b.Empty() {
			break
		}
		got = append(got, strings.Split(strings.TrimSuffix(string(b.Lines), "\n"), "\n")...)
		f.Accept(&Block{before: bytes.Clone(b.before), Lines: bytes.Clone(b.Lines)})
	}
	assert.Equal(t, want, got)
	assert.LessOrEqual(t, c.back, int64(logfile.Lookback), "the file is never decompressed again")
}
