// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
