// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// left waits until the stream of a name has closed the file that was moved from there,
// and before until that of its new name, if there is one, has seen that it is read.
func (h *home) left(name, to string) {
	h.t.Helper()
	until := func(done func(l *log) bool) {
		h.t.Helper()
		require.Eventually(h.t, func() bool {
			h.advance(scanInterval)
			h.waitForPolls()
			return slices.ContainsFunc(h.tailer.all(), done)
		}, 20*time.Second, time.Millisecond)
	}
	if to != "" {
		until(func(l *log) bool { return l.base == to && l.offset.Load() == math.MaxInt64 })
	}
	h.advance(rotatedTimeout)
	until(func(l *log) bool {
		return l.base == name && len(l.published().open) == 1
	})
}

// A file that is moved to a name that fits the patterns is still the one it was.
func TestTrap_MovedToAMatchingName(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("a-out-old.log")))
	h.write("a-out-old.log", numbered("a", 11, 12)) // no reloadLogs yet
	h.eventually(numbered("a", 1, 12))
	h.write("a-out.log", numbered("b", 1, 10))
	h.write("a-out-old.log", numbered("a", 13, 14))
	h.eventually(numbered("a", 1, 14), numbered("b", 1, 10))
	h.advance(scanInterval)
	h.stop()
	h.start()
	h.eventually(numbered("a", 1, 14), numbered("b", 1, 10))

	h.left("a-out.log", "a-out-old.log")
	h.write("a-out-old.log", numbered("a", 15, 16))
	h.eventually(numbered("a", 1, 16), numbered("b", 1, 10))
	h.stop()
	h.write("a-out-old.log", numbered("a", 17, 18))
	h.start()
	h.eventually(numbered("a", 1, 18), numbered("b", 1, 10))
	assert.Zero(t, h.meter.truncated.Load())
}

func TestTrap_MovedToAMatchingNameWhileTheReaderIsStopped(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.stop()
	h.write("a-out.log", numbered("a", 11, 20))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	h.write("a-out.log", numbered("b", 1, 10))
	h.start()
	h.advance(scanInterval)
	h.eventually(numbered("a", 1, 20), numbered("b", 1, 10))
}

// Before anything of it was accepted.
func TestTrap_MovedToAMatchingNameWhileTheConsumerBlocks(t *testing.T) {
	h := newHome(t)
	h.block()
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	require.Eventually(t, func() bool { return h.held.Load() > 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	h.waitForPolls() // it is missing at its old name
	h.advance(scanInterval)
	h.waitForPolls()
	assert.EqualValues(t, 1, h.held.Load())
	h.tailer.Lag(func(path string, bytes int64) {
		if filepath.Base(path) == "old.log" {
			assert.Zero(t, bytes, "it is not this stream's")
		}
	})
	h.open()
	h.eventually(numbered("a", 1, 10))
}

// The name of a file that is gone may be that of another one, which has its inode.
func TestTrap_NewFileWithTheNameOfAMovedOne(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	h.write("a-out.log", numbered("b", 1, 10))
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
	require.NoError(t, os.Remove(h.path("old.log")))
	h.write("old.log", numbered("c", 1, 10))
	h.advance(scanInterval)
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10), numbered("c", 1, 10))
}

// A weekly rename to the same name. That name is followed as a log too, and sorts before the other
// one at a start. The application may have written nothing for a long time.
func TestTrap_MovedOverAFileThatIsRead(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	all := []string{numbered("a", 1, 10)}
	h.eventually(all...)
	for _, tag := range []string{"b", "c", "d"} {
		h.advance(rotatedTimeout)
		require.NoError(t, os.Rename(h.path("a-out.log"), h.path("0.log")))
		h.write("a-out.log", numbered(tag, 1, 10))
		all = append(all, numbered(tag, 1, 10))
		h.eventually(all...)
		h.left("a-out.log", "0.log")
		h.write("0.log", tag+" late\n")
		all = append(all, tag+" late\n")
		h.eventually(all...)
	}
	h.stop()
	h.start()
	h.eventually(all...)
	h.stop()
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("0.log")))
	h.write("a-out.log", numbered("z", 1, 10))
	all = append(all, numbered("z", 1, 10))
	h.start()
	h.eventually(all...)
}

// It has its inode from before, but not its content.
func TestTrap_FlushedAndMovedToAMatchingName(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("x", 1, 20))
	h.start()
	h.eventually(numbered("x", 1, 20))
	require.NoError(t, os.Truncate(h.path("a-out.log"), 0))
	h.waitForPolls()
	h.write("a-out.log", numbered("a", 1, 10))
	h.eventually(numbered("x", 1, 20), numbered("a", 1, 10))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	h.write("a-out.log", numbered("b", 1, 10))
	h.eventually(numbered("x", 1, 20), numbered("a", 1, 10), numbered("b", 1, 10))
	h.left("a-out.log", "old.log")
	h.eventually(numbered("x", 1, 20), numbered("a", 1, 10), numbered("b", 1, 10))
}

// The reader ends when it has closed the file under its old name.
func TestTrap_MovedToAMatchingNameBeforeARestart(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("a-old")))
	h.write("a-out.log", numbered("b", 1, 10))
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
	h.left("a-out.log", "") // the pattern does not find its name
	require.NoError(t, os.Rename(h.path("a-old"), h.path("old.log")))
	h.stop()
	h.start()
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
}

// The stream looks while its file has another name, and the poller before and after.
func TestTrap_MovedAwayAndBackWithinOnePoll(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.tailer = New(h.settings())
	h.tailer.stop = func() {}
	l := h.tailer.follow(t.Context(), h.path("a-out.log"), false)
	l.check()
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("b")))
	l.step(t.Context())
	require.NoError(t, os.Rename(h.path("b"), h.path("a-out.log")))
	select {
	case <-l.wake:
	default:
	}
	l.check()
	select {
	case <-l.wake:
		l.step(t.Context())
	default:
	}
	assert.ElementsMatch(t, h.got(), strings.Split(strings.TrimSuffix(numbered("a", 1, 10), "\n"), "\n"))
	l.check()
	assert.Empty(t, l.wake, "nothing is waited for any more")
	l.close()
}
