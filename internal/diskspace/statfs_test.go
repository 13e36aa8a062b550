// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package diskspace

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	free, ok := Of(t.TempDir())
	assert.Equal(t, runtime.GOOS == "linux" || runtime.GOOS == "darwin", ok)
	if ok {
		assert.Positive(t, free.Total)
		assert.LessOrEqual(t, free.Bytes, free.Total)
	}
	_, ok = Of(filepath.Join(t.TempDir(), "missing"))
	assert.False(t, ok)
}

func TestTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	assert.Zero(t, Taken(path))
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<20), 0o600))
	assert.GreaterOrEqual(t, Taken(path), int64(1<<20))
	if runtime.GOOS == "linux" {
		require.NoError(t, os.Truncate(path, 1<<30))
		assert.Less(t, Taken(path), int64(8<<20), "holes take nothing")
	}
}

func TestBytesOf_DoesNotOverflow(t *testing.T) {
	for _, c := range []struct {
		blocks uint64
		size   int64
		want   int64
	}{
		{0, 4096, 0},
		{10, 4096, 40960},
		{math.MaxInt64 / 4096, 4096, math.MaxInt64 / 4096 * 4096},
		{math.MaxInt64/4096 + 1, 4096, math.MaxInt64},
		{math.MaxUint64, 1 << 20, math.MaxInt64},
		{math.MaxUint64, 0, math.MaxInt64},
	} {
		assert.Equal(t, c.want, bytesOf(c.blocks, c.size))
	}
	assert.EqualValues(t, maxReserve, Free{Total: math.MaxInt64}.Reserve())
}
