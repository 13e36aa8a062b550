// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTrap_RotatedWithAnotherDateFormat(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.rotate("a-out.log", "a-out__26.11.2026.log")
	h.write("a-out.log", numbered("a", 11, 20))
	h.eventually(numbered("a", 1, 20))
	h.stop()
	h.write("a-out.log", numbered("a", 21, 30))
	h.rotate("a-out.log", "a-out__27.11.2026.log")
	h.write("a-out.log", numbered("a", 31, 40))
	h.start()
	h.eventually(numbered("a", 1, 40))
}

// A file that an application names for itself is read as it grows, and once.
func TestTrap_OwnFileNamedLikeACopy(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	for i := range 10 {
		h.write("a-out__eu.log", numbered("b", i, i))
		h.eventually(numbered("a", 1, 10), numbered("b", 0, i))
	}
}

// A file that came while the reader ran, or between two runs of it, may have been
// rotated and compressed before it was first seen. What was compressed before the
// very first start is history.
func TestTrap_CompressedBeforeItsFileWasFirstSeen(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("history", 1, 10))
	h.rotate("a-out.log", copyName(0, ".gz"))
	h.write("a-out.log", numbered("a", 1, 10))
	h.advance(time.Second) // the copy is older than the start
	h.start()
	h.eventually(numbered("a", 1, 10))

	later := time.Now().Add(time.Minute)
	fresh := func(app string) {
		name := func(suffix string) string { return app + "-out" + suffix }
		h.write(name(".hidden"), numbered(app, 1, 10))
		h.rotate(name(".hidden"), name("__2026-11-21_03-00-01.log.gz"))
		require.NoError(t, os.Chtimes(h.path(name("__2026-11-21_03-00-01.log.gz")), later, later))
		h.write(name(".log"), numbered(app, 11, 20))
	}
	fresh("b")
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 20))
	h.stop()
	fresh("c")
	h.start()
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 20), numbered("c", 1, 20))
	h.stop()
	h.start()
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 20), numbered("c", 1, 20))
}

// What was compressed before the very first start stays unread also for files that a
// later reader is the first to look for.
func TestTrap_CompressedBeforeTheFirstStartStaysHistory(t *testing.T) {
	h := newHome(t)
	for _, app := range []string{"a", "b"} {
		h.write(app+"-out.log", numbered("history", 1, 10))
		h.rotate(app+"-out.log", app+"-out__2026-11-21_03-00-01.log.gz")
		h.write(app+"-out.log", numbered(app, 1, 10))
	}
	h.advance(time.Second) // the copies are older than the start
	all := h.include
	h.include = []string{h.path("a-*.log")}
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.stop()
	h.include = all
	h.start()
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
	h.stop()

	// As a store of an older release, which did not note the time.
	require.NoError(t, h.store.Delete(t.Context(), "since"))
	h.write("c-out.log", numbered("history", 1, 10))
	h.rotate("c-out.log", "c-out__2026-11-21_03-00-01.log.gz")
	h.write("c-out.log", numbered("c", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10), numbered("c", 1, 10))
}
