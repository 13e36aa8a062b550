package tail

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// PM2 makes x.log before x-out.log and x-error.log: whoever looks in between must
// not take it for a file of its own and read everything twice.
func TestNew_WaitsForTheHalvesOfACombinedFile(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	tailer := New(Settings{Now: func() time.Time { return now }}, Finder{Include: []string{filepath.Join(dir, "*.log")}})
	find := func(at time.Time) []string {
		now = at
		paths, err := tailer.finder.Find()
		require.NoError(t, err)
		for i := range paths {
			paths[i] = filepath.Base(paths[i])
		}
		return paths
	}
	touch := func(name string) time.Time {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		at, err := os.Stat(dir)
		require.NoError(t, err)
		return at.ModTime()
	}

	made := touch("x.log")
	assert.Empty(t, find(made.Add(settling/2)), "it may turn out to be a combined file")
	assert.Equal(t, []string{"x.log"}, find(made.Add(settling)), "nothing came, so it is a file of its own")
	assert.Equal(t, []string{"x.log"}, find(made.Add(-time.Hour)), "a clock that ran back holds nothing up")

	made = touch("x-out.log")
	assert.Equal(t, []string{"x-out.log"}, find(made), "a stream's own file is followed at once")
	assert.Equal(t, []string{"x-out.log"}, find(made.Add(time.Hour)))
}
