package tail

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/nobody"
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

func TestTrap_FolderThatCannotBeLookedInto(t *testing.T) {
	h := newHome(t)
	h.write("folder", "a file, which nobody can look into either")
	h.include = []string{h.path("folder/*.log"), h.path("folder/x.log"), h.path("gone/*.log")}
	h.start()
	for range 3 {
		h.advance(rescan)
		h.settle()
	}
	told := h.logs.FilterMessage("cannot look for log files").All()
	require.Len(t, told, 1, "once, not at every scan")
	assert.Contains(t, told[0].ContextMap()["error"], "folder/*.log: ")
	assert.Contains(t, told[0].ContextMap()["error"], "folder/x.log: ")
	assert.NotContains(t, told[0].ContextMap()["error"], "gone")
	assert.Empty(t, h.logs.FilterMessageSnippet("No log files yet").All())
	require.NoError(t, os.Remove(h.path("folder")))
	require.NoError(t, os.Mkdir(h.path("folder"), 0o755))
	h.write("folder/a-out.log", numbered("a", 1, 10))
	h.advance(rescan)
	h.eventually(numbered("a", 1, 10))
}

// It may be listed, but nothing in it looked at.
func TestTrap_FolderWhoseFilesMayNotBeLookedAt(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	h := newHome(t)
	require.NoError(t, os.Mkdir(h.path("folder"), 0o755))
	h.write("folder/a-out.log", numbered("a", 1, 10))
	require.NoError(t, os.Chmod(h.path("folder"), 0o444))
	t.Cleanup(func() { _ = os.Chmod(h.path("folder"), 0o755) })
	h.include = []string{h.path("folder/*.log")}
	h.start()
	assert.Equal(t, 1, h.logs.FilterMessage("cannot look for log files").Len())
	require.NoError(t, os.Chmod(h.path("folder"), 0o755))
	h.advance(rescan)
	h.eventually(numbered("a", 1, 10))
}
