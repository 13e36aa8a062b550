package tail

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (h *home) streamKeys() (keys []string) {
	for key := range h.store.snapshot() {
		if strings.HasPrefix(key, "stream:") {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestStream_EndsWhenItsFileIsGoneForGood(t *testing.T) {
	h := newHome(t)
	h.start()
	var all []string
	for i := range 50 {
		name := fmt.Sprintf("app%d-out.log", i)
		text := numbered(name, 1, 2)
		h.write(name, text)
		all = append(all, text)
	}
	h.eventually(all...)
	for i := range 50 {
		require.NoError(t, os.Remove(h.path(fmt.Sprintf("app%d-out.log", i))))
	}
	assert.Eventually(t, func() bool {
		h.skew.Add(int64(time.Second)) // closed after a while, given up after another
		return len(h.tailer.all()) == 0 && len(h.streamKeys()) == 0
	}, 10*time.Second, 5*time.Millisecond)

	// What comes later is something else, even if it begins in the same way: the
	// harness checks that no uid names two lines.
	again := numbered("app7-out.log", 1, 1) + "something else\n"
	h.write("app7-out.log", again)
	all = append(all, again)
	h.eventually(all...)
	h.stop()
	h.start()
	h.write("app7-out.log", "more\n")
	h.eventually(append(all, "more\n")...)
}

func TestStream_StaysWhileItsCopiesMustBeKnown(t *testing.T) {
	h := newHome(t)
	h.start()
	text := numbered("a", 1, 100)
	h.write("a-out.log", text)
	h.eventually(text)
	require.NoError(t, os.WriteFile(h.path("a-out__2026-11-21_00-00-00.log"), []byte(text), 0o644))
	require.NoError(t, os.Remove(h.path("a-out.log")))
	for range 60 {
		h.skew.Add(int64(time.Second))
		time.Sleep(5 * time.Millisecond)
	}
	h.eventually(text)
	assert.Len(t, h.tailer.all(), 1)
}

func TestRestart_FolderThatIsAwayForAWhileIsNotReadAgain(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 1000))
	h.eventually(numbered("a", 1, 1000))
	h.stop()
	away := t.TempDir() + "/away"
	require.NoError(t, os.Rename(h.dir, away))
	h.start()
	for range 20 {
		h.skew.Add(int64(time.Minute))
		time.Sleep(10 * time.Millisecond)
	}
	require.NoError(t, os.Rename(away, h.dir))
	h.write("a-out.log", numbered("a", 1001, 1100))
	h.eventually(numbered("a", 1, 1100))
}

func TestRestart_DiskMountedUnderAnotherNumberIsNotReadAgain(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 1000))
	h.eventually(numbered("a", 1, 1000))
	h.stop()
	device := regexp.MustCompile(`"device":\d+`)
	for key, value := range h.store.snapshot() {
		require.True(t, key != streamKey(h.path("a-out.log")) || device.Match(value))
		h.store.data[key] = device.ReplaceAll(bytes.Clone(value), []byte(`"device":77`))
	}
	h.start()
	h.write("a-out.log", numbered("a", 1001, 1100))
	h.eventually(numbered("a", 1, 1100))
}
