package tail

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRotated_KnowsLogrotateThatKeepsTheExtension(t *testing.T) {
	for name, want := range map[string]string{
		"api-out__2026-11-21_00-00-00.log":    "api-out.log",
		"api-out-3__2026-11-21_00-00-00.log":  "api-out-3.log",
		"api-out__2026-11-21_00-00-00.log.gz": "api-out.log",
		"pm2__2026-11-21_00-00-00.log":        "pm2.log",
		// logrotate with "extension .log"
		"api-out.1.log":                 "api-out.log",
		"api-error-3.12.log.gz":         "api-error-3.log",
		"api-out-20261121.log":          "api-out.log",
		"api-out-3-2026-11-21_0100.log": "api-out-3.log",
		"v1.2-out.1.log":                "v1.2-out.log",
	} {
		got, ok := Rotated(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, got, name)
	}
	for _, name := range []string{
		"api-out.log", "api-out-3.log", "api-out-20.log", "v1.2-out.log", "v1.2.log", "api.log", "api-20261121.log", "a__b-out.log", "api-out-old.log", "api-out-1234-out.log",
	} {
		_, ok := Rotated(name)
		assert.False(t, ok, name)
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
