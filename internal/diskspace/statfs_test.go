package diskspace

import (
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
