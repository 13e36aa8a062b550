// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package reader

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/memory"
)

func TestLineBuffer_HasAboutTheSize(t *testing.T) {
	for _, size := range []int{BlockSize, BlockSize + 1, 3*BlockSize - 1, maxLineBuffer} {
		b := lineBuffer(size)
		require.NotNil(t, b)
		assert.GreaterOrEqual(t, cap(*b), size)
		assert.LessOrEqual(t, cap(*b), 2*size)
		lineBuffers.Put(b)
	}
	assert.Nil(t, lineBuffer(maxLineBuffer+1))
}

// A reused buffer contains earlier data.
func TestReader_ReadsLongLinesOfAllSizes(t *testing.T) {
	var content []byte
	var want [][]byte
	for i, size := range []int{300_000, 70_000, 200_000, 66_000, maxLineBuffer + 10, 90_000} {
		line := append(bytes.Repeat([]byte{'a' + byte(i)}, size), '\n')
		want = append(want, line)
		content = append(content, line...)
	}
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	r := New(logfile.New(file, false, nil), checkpoint.File{}, time.Now())
	mem := memory.New(64 << 20)
	for _, line := range want {
		b, err := r.Next(t.Context(), mem, time.Now())
		require.NoError(t, err)
		require.True(t, bytes.Equal(line, b.Lines), "%d bytes instead of %d", len(b.Lines), len(line))
		r.Accept(&b)
		b.Release()
	}
}
