// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"errors"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// movedAway returns a folder in which old.log is what a-out.log was, as long as the reader
// has it open under that name.
func movedAway(t *testing.T) *home {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	h.write("a-out.log", numbered("b", 1, 10))
	h.advance(scanInterval)
	require.Eventually(t, func() bool {
		h.advance(time.Second)
		return slices.ContainsFunc(h.tailer.all(), func(l *log) bool { return l.base == "old.log" && l.offset.Load() == math.MaxInt64 })
	}, 20*time.Second, 50*time.Millisecond)
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
	return h
}

// The log of its second name treats neither file nor copy as new.
func TestTrap_MovedAndRotatedUnderItsNewName(t *testing.T) {
	t.Run("renamed", func(t *testing.T) {
		h := movedAway(t)
		require.NoError(t, os.Rename(h.path("old.log"), h.path("old__2026-11-21_00-00-00.log")))
		h.write("old__2026-11-21_00-00-00.log", numbered("a", 11, 12))
		h.write("old.log", numbered("c", 1, 10))
		all := []string{numbered("a", 1, 12), numbered("b", 1, 10), numbered("c", 1, 10)}
		for range 3 {
			h.advance(scanInterval)
			h.eventually(all...)
		}
		h.left("a-out.log", "")
		h.eventually(all...)
		h.stop()
		h.start()
		h.advance(scanInterval)
		h.eventually(all...)
	})
	t.Run("copied", func(t *testing.T) {
		h := movedAway(t)
		require.NoError(t, os.WriteFile(h.path("old.log.1"), []byte(numbered("a", 1, 10)), 0o644))
		h.advance(scanInterval) // it is not truncated yet
		h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
		require.NoError(t, os.Truncate(h.path("old.log"), 0))
		h.write("old.log", numbered("c", 1, 5))
		for range 3 {
			h.advance(scanInterval)
			h.eventually(numbered("a", 1, 10), numbered("b", 1, 10), numbered("c", 1, 5))
		}
	})
}

// The first log had read less of it than the second one.
func TestTrap_MovedTwiceAndReadUnderEachName(t *testing.T) {
	for range 3 { // streams come in any order
		h := movedAway(t)
		h.left("a-out.log", "old.log")
		h.write("old.log", numbered("a", 11, 20))
		all := []string{numbered("a", 1, 20), numbered("b", 1, 10)}
		h.eventually(all...)
		require.NoError(t, os.Rename(h.path("old.log"), h.path("older.log")))
		h.write("old.log", numbered("c", 1, 10))
		all = append(all, numbered("c", 1, 10))
		h.eventually(all...)
		h.left("old.log", "older.log")
		h.eventually(all...)
		h.write("older.log", numbered("a", 21, 22))
		h.eventually(append(all, numbered("a", 21, 22))...)
		h.stop()
	}
}

// Its checkpoint is still to be deleted.
func TestLog_StartsAgainBeforeItsEndIsSaved(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.saved("a-out.log", 1)
	h.store.fail(errors.New("disk is full"))
	h.write("a-out.log", numbered("a", 11, 20))
	h.eventually(numbered("a", 1, 20))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	h.write("a-out.log", "b\n")
	h.eventually(numbered("a", 1, 20), "b\n")
	h.left("a-out.log", "old.log")
	require.NoError(t, os.Remove(h.path("a-out.log")))
	require.Eventually(t, func() bool {
		h.advance(time.Second)
		return !slices.ContainsFunc(h.tailer.all(), func(l *log) bool { return l.base == "a-out.log" })
	}, 20*time.Second, 5*time.Millisecond)
	h.write("a-out.log", "c\n")
	h.advance(scanInterval)
	h.eventually(numbered("a", 1, 20), "b\n", "c\n")
	h.store.fail(nil)
}
