// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

// copyNames are names that logrotate or a script gives to a copy, and nothing but the content shows
// what the file is.
var copyNames = []struct{ original, name string }{
	{"app.log", "app-20261201.log"},
	{"app.log", "app.1.log"},
	{"app.log", "app-2026-12-01.log"},
	{"app.log", "app-1796086800.log"},
	{"api-out.log", "api-out-1796086800.log"},
	{"api-out.log", "api-out-01122026.log"},
	{"api-out.log", "api-out-01-12-2026.log"},
	{"api-out.log", "api-out-2026-12.log"},
	{"api-out.log", "api-out-202612.log"},
	{"api-out.log", "api-out-2026-W49.log"},
	{"api-out.log", "api-out-old.log"},
	{"custom.log", "backup of custom.log"},
	{"custom.log", "zz.log"},
	{"api-out-3.log", "api-out-7.log"},
}

// copyAndTruncate rotates a file as logrotate does with copytruncate.
func (h *home) copyAndTruncate(original, name string) {
	h.t.Helper()
	data, err := os.ReadFile(h.path(original))
	require.NoError(h.t, err)
	require.NoError(h.t, os.WriteFile(h.path(name), data, 0o600))
	require.NoError(h.t, os.Truncate(h.path(original), 0))
}

func TestRotate_AnyNameOfACopy(t *testing.T) {
	for _, c := range copyNames {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.write(c.original, numbered("a", 1, 200))
			h.start()
			h.eventually(numbered("a", 1, 200))
			h.copyAndTruncate(c.original, c.name)
			h.write(c.original, numbered("a", 201, 400))
			h.eventually(numbered("a", 1, 400))
			h.stop()
			h.start()
			h.write(c.original, numbered("a", 401, 420))
			h.eventually(numbered("a", 1, 420))
			h.saved(c.original, h.size(c.original))
			h.kill()
			h.start()
			h.write(c.original, numbered("a", 421, 440))
			h.eventually(numbered("a", 1, 440))
		})
	}
}

// What was written while the reader was away is read from the copy, and only that.
func TestRotate_AnyNameOfACopyWhileTheReaderIsAway(t *testing.T) {
	for _, c := range copyNames {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.write(c.original, numbered("a", 1, 200))
			h.start()
			h.eventually(numbered("a", 1, 200))
			h.stop()
			h.write(c.original, numbered("a", 201, 300))
			h.copyAndTruncate(c.original, c.name)
			h.write(c.original, numbered("a", 301, 400))
			h.start()
			h.eventually(numbered("a", 1, 400))
			h.stop()
			h.start()
			h.write(c.original, numbered("a", 401, 420))
			h.eventually(numbered("a", 1, 420))
		})
	}
}

func TestRotate_RenameToAnyName(t *testing.T) {
	for _, c := range copyNames {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.write(c.original, numbered("a", 1, 200))
			h.start()
			h.eventually(numbered("a", 1, 200))
			require.NoError(t, os.Rename(h.path(c.original), h.path(c.name)))
			h.write(c.name, numbered("a", 201, 240)) // its writer keeps it
			h.write(c.original, numbered("a", 241, 400))
			h.eventually(numbered("a", 1, 400))
			h.stop()
			require.NoError(t, os.Rename(h.path(c.original), h.path("second "+c.name)))
			h.write(c.original, numbered("a", 401, 420))
			h.start()
			h.eventually(numbered("a", 1, 420))
		})
	}
}

// Processes that begin with the same lines are no copies of each other.
func TestRotate_ProcessesWithTheSameBeginning(t *testing.T) {
	for name, banner := range map[string]string{
		"short": "listening on port 3000\n",
		"long":  numbered("banner", 1, 200),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.write("api-out-0.log", banner)
			h.start()
			h.eventually(banner)
			h.write("api-out-1.log", banner)
			h.eventually(banner, banner)
			h.write("api-20261201-out.log", banner) // an application with a number in its name
			h.eventually(banner, banner, banner)
			h.write("api-out-0.log", numbered("a", 1, 10))
			h.write("api-out-1.log", numbered("b", 1, 10))
			h.eventually(banner, banner, banner, numbered("a", 1, 10), numbered("b", 1, 10))

			// `pm2 flush`, and another process.
			require.NoError(t, os.Truncate(h.path("api-out-0.log"), 0))
			h.write("api-out-0.log", numbered("a", 11, 20))
			h.write("api-out-2.log", banner)
			h.eventually(banner, banner, banner, banner, numbered("a", 1, 20), numbered("b", 1, 10))
		})
	}
}

// A file with the name and the content of a copy turns out to be a log of its own.
func TestRotate_LogThatLooksLikeACopyAtFirst(t *testing.T) {
	h := newHome(t)
	same := numbered("same", 1, 200)
	h.write("app.log", same)
	h.start()
	h.eventually(same)
	h.write("app-20261201.log", same)
	h.waitForPolls()
	assert.Len(t, h.got(), 200)
	h.write("app-20261201.log", numbered("b", 1, 10))
	h.write("app.log", numbered("a", 1, 10))
	h.eventually(same, same, numbered("a", 1, 10), numbered("b", 1, 10))
	assert.Equal(t, 2, strings.Count(strings.Join(h.got(), "\n"), "same 000200"))
}

// A file that turned out to be no copy and is gone before it is read as a log is forgotten.
func TestRotate_ForgetsNoCopiesThatAreGone(t *testing.T) {
	h := newHome(t)
	h.write("app.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.tailer.mu.Lock()
	l := h.tailer.logs[h.path("app.log")]
	h.tailer.mu.Unlock()
	require.NotNil(t, l)
	require.True(t, l.setByContent("gone.log", false))
	require.True(t, l.setByContent("app.log", false)) // it is read as a log already
	h.write("other.log", numbered("b", 1, 10))        // the folder has changed, and is looked at
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
	for _, name := range []string{"gone.log", "app.log"} {
		_, known := l.knownByContent(name)
		assert.False(t, known, name)
	}
}

// The bound is reported once, and again after there was room.
func TestLog_TooManyCopiesByContent(t *testing.T) {
	h := newHome(t)
	h.start()
	l := newLog(h.tailer.set, h.path("app.log"), logname.Name{}, nil)
	reports := func() int { return h.logs.FilterMessageSnippet("Too many rotated copies").Len() }
	for i := range maxByContent {
		require.True(t, l.setByContent(fmt.Sprintf("%d.log", i), i > 0))
	}
	assert.Zero(t, reports())
	assert.False(t, l.setByContent("one more.log", true))
	assert.False(t, l.setByContent("another.log", true))
	assert.Equal(t, 1, reports())
	assert.True(t, l.setByContent("1.log", false), "what is known can change")

	l.forgetNoCopies(map[string]bool{h.path("1.log"): true})
	assert.True(t, l.setByContent("one more.log", true))
	assert.False(t, l.setByContent("another.log", true))
	assert.Equal(t, 2, reports())
	l.forgetByContent("1.log")
	assert.True(t, l.setByContent("another.log", true))
	assert.False(t, l.setByContent("a third.log", true))
	assert.Equal(t, 3, reports())
}

// What is known of a file that is still to be read as a log, and of copies, stays.
func TestLog_ForgetNoCopies(t *testing.T) {
	h := newHome(t)
	h.start()
	l := newLog(h.tailer.set, h.path("app.log"), logname.Name{}, &checkpoint.Checkpoint{ByContent: []string{"app-1.log"}})
	require.True(t, l.setByContent("own.log", false))
	require.True(t, l.setByContent("gone.log", false))
	l.forgetNoCopies(map[string]bool{h.path("own.log"): true})
	assert.Equal(t, map[string]bool{"app-1.log": true, "own.log": false}, l.byContent)
}

// A copy that is gone is forgotten although its name is excluded.
func TestLog_ForgetsExcludedCopiesThatAreGone(t *testing.T) {
	h := newHome(t)
	h.exclude = []string{h.path("app-*.log")}
	h.start()
	l := newLog(h.tailer.set, h.path("app.log"), logname.Name{}, &checkpoint.Checkpoint{ByContent: []string{"app-1.log", "app-2.log"}})
	h.write("app-2.log", numbered("a", 1, 10))
	found, err := l.copies()
	require.NoError(t, err)
	assert.Empty(t, found, "an excluded copy is not read")
	assert.Equal(t, map[string]bool{"app-2.log": true}, l.byContent)
}

// A log with the most files and copies has a checkpoint that is not large, unless their names are long:
// those of copies that are known by their content may take twice as much.
func TestCheckpoint_SizeWithTheMostFilesAndCopies(t *testing.T) {
	size := func(length int) int {
		name := strings.Repeat("n", length)
		f := checkpoint.File{ID: math.MaxUint64, Name: name, Device: math.MaxUint32, Inode: math.MaxUint32, Fingerprint: fingerprint.Fingerprint{
			Offset: 1 << 40, Head: make([]byte, fingerprint.SampleSize), Digest: math.MaxUint64, Samples: make([]fingerprint.Sample, 24),
		}}
		for i := range f.Samples {
			f.Samples[i] = fingerprint.Sample{Offset: 1<<40 - 100 + int64(i), Digest: math.MaxUint64}
		}
		c := &checkpoint.Checkpoint{
			Version: checkpoint.Version, Contents: math.MaxUint64,
			Files: slices.Repeat([]checkpoint.File{f}, maxOpen), Gone: slices.Repeat([]checkpoint.File{f}, maxGone),
			Handled:   slices.Repeat([]checkpoint.CopyState{{Device: math.MaxUint32, Inode: math.MaxUint32, Size: 1 << 40, Modified: math.MaxInt64}}, maxCopies),
			ByContent: slices.Repeat([]string{name}, maxByContent),
		}
		require.NoError(t, c.Files[0].Validate())
		e, err := checkpoint.NewStore(&diskStore{}).Encode("/app.log", c)
		require.NoError(t, err)
		return e.Size()
	}
	assert.LessOrEqual(t, size(32), checkpoint.LargeSize)
	longest := size(255)
	assert.Greater(t, longest, 2*checkpoint.LargeSize, "the bound is one of the number of names")
	assert.Less(t, longest, 3*checkpoint.LargeSize)
}
