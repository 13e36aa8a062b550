// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (h *home) checkpointKeys() (keys []string) {
	for key := range h.store.snapshot() {
		if strings.HasPrefix(key, "stream:") {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestLog_EndsWhenItsFileIsGone(t *testing.T) {
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
		return len(h.tailer.all()) == 0 && len(h.checkpointKeys()) == 0
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

func TestLog_StaysWhileItsCopiesExist(t *testing.T) {
	h := newHome(t)
	h.start()
	text := numbered("a", 1, 100)
	h.write("a-out.log", text)
	h.eventually(text)
	require.NoError(t, os.WriteFile(h.path("a-out__2026-11-21_00-00-00.log"), []byte(text), 0o644))
	require.NoError(t, os.Remove(h.path("a-out.log")))
	for range 60 {
		h.skew.Add(int64(time.Second))
		h.polls(1)
	}
	h.eventually(text)
	assert.Len(t, h.tailer.all(), 1)
}

func TestRestart_FolderThatWasMissingIsNotReadAgain(t *testing.T) {
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
		h.polls(2)
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
		require.True(t, key != "stream:"+h.path("a-out.log") || device.Match(value))
		h.store.data[key] = device.ReplaceAll(bytes.Clone(value), []byte(`"device":77`))
	}
	h.start()
	h.write("a-out.log", numbered("a", 1001, 1100))
	h.eventually(numbered("a", 1, 1100))
}

// A position that no reader saves is damage: the file is read from its beginning.
func TestRestart_CheckpointWithAnImpossiblePosition(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 10))
	h.eventually(numbered("a", 1, 10))
	h.stop()
	key := "stream:" + h.path("a-out.log")
	offset := regexp.MustCompile(`"offset":\d+`)
	require.Regexp(t, offset, string(h.store.data[key]))
	h.store.data[key] = offset.ReplaceAll(h.store.data[key], []byte(`"offset":-1`))
	h.start()
	h.eventually(numbered("a", 1, 10), numbered("a", 1, 10))
	assert.Equal(t, 1, h.logs.FilterMessageSnippet("Checkpoint is damaged").Len())
}

func TestDeliver_RecordOfManyLinesIsRejectedAndSentAgain(t *testing.T) {
	h := newHome(t)
	calls, largest := 0, 0
	h.rejectWith(func(lines []string) error {
		largest = max(largest, len(lines))
		if calls++; calls%3 == 0 {
			return errRejected
		}
		return nil
	})
	text := numbered("many", 1, 50_000)
	message, err := json.Marshal(text)
	require.NoError(t, err)
	h.start()
	h.write("a-out-0.log", fmt.Sprintf(`{"message":%s,"timestamp":"2026-11-21T02:08:36Z","type":"out","process_id":0,"app_name":"a"}`+"\n", message))
	h.eventually(text)
	h.stop()
	assert.Less(t, largest, 10_000)
	h.rejectWith(nil)
	h.start()
	h.eventually(text)
}

func TestDeliver_RecordOfManyLinesIsSentAgainAfterAStopInItsMiddle(t *testing.T) {
	h := newHome(t)
	calls := 0
	h.rejectWith(func([]string) error {
		if calls++; calls > 3 {
			return errRejected
		}
		return nil
	})
	text := numbered("many", 1, 50_000)
	message, err := json.Marshal(text)
	require.NoError(t, err)
	h.start()
	h.write("a-out-0.log", fmt.Sprintf(`{"message":%s,"timestamp":"2026-11-21T02:08:36Z","type":"out","process_id":0,"app_name":"a"}`+"\n", message))
	assert.Eventually(t, func() bool { return len(h.got()) > 10_000 }, 10*time.Second, time.Millisecond)
	h.stop()
	some := h.got()
	h.rejectWith(nil)
	h.start()
	h.eventually(text, strings.Join(some, "\n")) // the harness checks that their uids are the same
}

func TestDeliver_FewLogsHaveRecordsInMemoryWhileTheConsumerBlocks(t *testing.T) {
	h := newHome(t)
	h.block()
	var all []string
	for i := range 4 * maxDecoding {
		name := fmt.Sprintf("app%d-out.log", i)
		text := numbered(name, 1, 100)
		h.write(name, text)
		all = append(all, text)
	}
	h.start()
	assert.Eventually(t, func() bool { return h.held.Load() == maxDecoding }, 10*time.Second, time.Millisecond)
	assert.Never(t, func() bool { return h.held.Load() > maxDecoding }, 100*time.Millisecond, 10*time.Millisecond)
	h.open()
	h.eventually(all...)
}

func TestDeliver_RejectedFileDelaysNoOther(t *testing.T) {
	h := newHome(t)
	h.rejectWith(func(lines []string) error {
		if strings.HasPrefix(lines[0], "bad") {
			return errRejected
		}
		return nil
	})
	for i := range 2 * maxDecoding {
		h.write(fmt.Sprintf("a%d-out.log", i), "bad\n")
	}
	h.start()
	h.waitForPolls()
	h.write("z-out.log", numbered("good", 1, 100))
	h.eventually(numbered("good", 1, 100))
}

func TestLag_GrowsWhileTheConsumerBlocks(t *testing.T) {
	h := newHome(t)
	lag := func() (bytes int64) {
		h.tailer.Lag(func(_ string, n int64) { bytes += n })
		return bytes
	}
	h.start()
	h.write("a-out.log", "first\n")
	h.eventually("first\n")
	assert.Eventually(t, func() bool { return lag() == 0 }, 30*time.Second, time.Millisecond)
	h.block()
	h.write("a-out.log", "second\n")
	assert.Eventually(t, func() bool { return lag() == 7 }, 30*time.Second, time.Millisecond)
	h.write("a-out.log", "third\n")
	assert.Eventually(t, func() bool { return lag() == 13 }, 30*time.Second, time.Millisecond)
	h.open()
	assert.Eventually(t, func() bool { return lag() == 0 }, 30*time.Second, time.Millisecond)
}

func TestRotate_ByLogrotateThatKeepsTheExtension(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 100))
	h.eventually(numbered("a", 1, 100))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("a-out.1.log")))
	h.write("a-out.1.log", numbered("a", 101, 110)) // its writer has not reopened its log yet
	h.write("a-out.log", numbered("a", 111, 120))
	h.eventually(numbered("a", 1, 120))
	h.skew.Add(int64(2 * scanInterval)) // all files are looked for again
	h.eventually(numbered("a", 1, 120))
	h.stop()
	require.NoError(t, os.Rename(h.path("a-out.1.log"), h.path("a-out.2.log")))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("a-out.1.log")))
	h.write("a-out.log", numbered("a", 121, 130))
	h.start()
	h.skew.Add(int64(2 * scanInterval))
	h.eventually(numbered("a", 1, 130))
}

func TestStart_LogsThatThereAreNoFiles(t *testing.T) {
	h := newHome(t)
	h.start()
	assert.Equal(t, 1, h.logs.FilterMessageSnippet("No log files yet").Len())
	h.stop()
	set := h.settings()
	set.Finder.IncludeOnly = true
	h.tailer = New(set)
	require.NoError(t, h.tailer.Start(t.Context()))
	assert.Equal(t, 1, h.logs.FilterMessage(`No file matches "include" yet`).Len())
	assert.Equal(t, 1, h.logs.FilterMessageSnippet("No log files yet").Len())
}
