// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	waitFor = 30 * time.Second
	tick    = 2 * time.Millisecond
)

// Long lines wait for each other, other lines do not wait for them, and none is lost.
func TestHostile_LongLinesShareMemory(t *testing.T) {
	h := newHome(t)
	h.buffer = 4 << 20
	const files = 12
	var mu sync.Mutex
	tried := map[string]bool{}
	h.rejectWith(func(lines []string) error {
		for _, line := range lines {
			if len(line) > 1000 {
				mu.Lock()
				tried[line[:6]] = true
				mu.Unlock()
				return errRejected
			}
		}
		return nil
	})
	var all []string
	for i := range files {
		line := fmt.Sprintf("file%02d", i) + strings.Repeat("x", 900_000) + "\n"
		h.write(fmt.Sprintf("long%d-out.log", i), line)
		all = append(all, line)
	}
	h.start()
	h.write("small-out.log", numbered("small", 1, 1000))
	h.eventually(numbered("small", 1, 1000))
	mu.Lock()
	assert.Len(t, tried, 1, "the streams that have a long line in memory")
	mu.Unlock()
	h.rejectWith(nil)
	h.eventually(append(all, numbered("small", 1, 1000))...)
}

// Half lines of many files are handed on once they are too many. Nothing of them is
// lost, and a file with little is left alone.
func TestHostile_PartialLinesShareMemory(t *testing.T) {
	h := newHome(t)
	h.buffer = 4 << 20 // a quarter of it for partial lines
	half := func(text, app string) string {
		return fmt.Sprintf(`{"message":"%s","timestamp":"2026-11-21T02:08:35.328Z","type":"out","process_id":0,"app_name":"%s"}`+"\n", text, app)
	}
	h.write("small-out.log", half(`first\n`, "small")+half("half", "small"))
	h.start()
	h.eventually("first")
	const files, size = 8, 400_000
	for i := range files {
		name := fmt.Sprintf("big%d", i)
		h.write(name+"-out.log", half(`first\n`, name)+half(strings.Repeat("x", size), name))
	}
	require.Eventually(t, func() bool { return h.meter.split.Load() >= files/2 }, waitFor, tick)
	h.write("small-out.log", half(` a line\n`, "small"))
	for i := range files {
		name := fmt.Sprintf("big%d", i)
		h.write(name+"-out.log", half(`y\n`, name))
	}
	require.Eventually(t, func() bool {
		n := 0
		for _, line := range h.got() {
			n += strings.Count(line, "x") + strings.Count(line, "y")
		}
		return n == files*(size+1)
	}, waitFor, tick)
	// Another stream, whose turn may come after those of the others.
	require.Eventually(t, func() bool { return slices.Contains(h.got(), "half a line") }, waitFor, tick, "the small file's line is whole")
}

// A file that was truncated while its writer kept its place begins with NULs that
// nobody wrote. A local program makes as many as it likes.
func TestHostile_HolesAreSkipped(t *testing.T) {
	h := newHome(t)
	const hole = 1 << 34
	put := func(name string, at int64, text string) {
		f, err := os.OpenFile(h.path(name), os.O_WRONLY|os.O_CREATE, 0o600)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte(text), at)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	put("begin-out.log", hole, "behind\n")
	put("middle-out.log", 0, "before\nhalf")
	put("middle-out.log", hole, "other half\n")
	put("end-out.log", 0, "end\n")
	require.NoError(t, os.Truncate(h.path("end-out.log"), hole))
	put("short-out.log", 100, "NULs of a program\n")
	h.start()
	short := strings.Repeat("\x00", 100) + "NULs of a program"
	h.eventuallyTrimmed("behind", "before", "half", "other half", "end", short)
	assert.Greater(t, h.meter.passed.Load(), int64(3*hole-1<<20))
	h.stop()
	h.write("begin-out.log", "more\n")
	h.write("end-out.log", "more\n")
	h.start()
	h.eventuallyTrimmed("behind", "before", "half", "other half", "end", short, "more", "more")
}

// eventuallyTrimmed is like eventually without long runs of NULs before lines: less than
// a block of them may be left.
func (h *home) eventuallyTrimmed(want ...string) {
	h.t.Helper()
	got := func() (all []string) {
		for _, line := range h.got() {
			if trimmed := strings.Trim(line, "\x00"); len(line)-len(trimmed) > 100 {
				line = trimmed
			}
			if line != "" {
				all = append(all, line)
			}
		}
		return all
	}
	require.Eventually(h.t, func() bool { return len(got()) >= len(want) }, waitFor, tick)
	h.waitForPolls()
	assert.ElementsMatch(h.t, want, got())
}
