// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Lines that a flush destroys before they are read are lost; later lines are not.
func TestTrap_FlushedWhileTheConsumerBlocks(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.block()
	h.start()
	require.Eventually(t, func() bool { return h.held.Load() > 0 }, 30*time.Second, time.Millisecond)
	h.write("a-out.log", numbered("lost", 1, 5000))
	require.NoError(t, os.Truncate(h.path("a-out.log"), 0))
	h.write("a-out.log", numbered("b", 1, 4000))
	h.open()
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 4000))
}

func TestTrap_LogrotateCopytruncateAndDelaycompress(t *testing.T) {
	h := newHome(t)
	h.start()
	last := 0
	more := func() {
		h.write("a-out.log", numbered("a", last+1, last+100))
		last += 100
	}
	for i := range 4 {
		more()
		if i%2 == 0 { // else the reader is as late as it likes
			h.eventually(numbered("a", 1, last))
		}
		if i > 0 { // what the last run left is compressed now
			h.compress("a-out.log.1", "a-out.log.2.gz")
		}
		h.rotate("a-out.log", "a-out.log.1")
		h.eventually(numbered("a", 1, last))
	}
	h.advance(2 * time.Minute)
	h.eventually(numbered("a", 1, last))
}

func (h *home) compress(name, packed string) {
	h.t.Helper()
	data, err := os.ReadFile(h.path(name))
	require.NoError(h.t, err)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(data)
	require.NoError(h.t, err)
	require.NoError(h.t, z.Close())
	require.NoError(h.t, os.WriteFile(h.path(packed), b.Bytes(), 0o644))
	require.NoError(h.t, os.Remove(h.path(name)))
}

// An incomplete compressed copy is not treated as other content.
func TestTrap_SlowCompressedCopyIsNotReadAgain(t *testing.T) {
	h := newHome(t)
	text := numbered("a", 1, 2000)
	h.write("a-out.log", text)
	h.start()
	h.eventually(text)
	h.write("hidden", text)
	h.compress("hidden", "packed")
	packed, err := os.ReadFile(h.path("packed"))
	require.NoError(t, err)
	for at := 0; at < len(packed); at += 1 + len(packed)/40 {
		h.write(copyName(1, ".gz"), string(packed[at:min(at+1+len(packed)/40, len(packed))]))
		h.polls(2)
	}
	require.NoError(t, os.Truncate(h.path("a-out.log"), 0))
	h.write("a-out.log", numbered("a", 2001, 2010))
	h.eventually(numbered("a", 1, 2010))
	h.advance(2 * time.Minute)
	h.eventually(numbered("a", 1, 2010))
}

func TestTrap_UnreadableForManyPollsWhileRunning(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 10))
	h.eventually(numbered("a", 1, 10))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("kept")))
	require.NoError(t, os.Mkdir(h.path("a-out.log"), 0o755)) // nobody can read that
	for range 10 {
		h.waitForPolls()
		h.advance(10 * time.Second)
	}
	require.NoError(t, os.Remove(h.path("a-out.log")))
	require.NoError(t, os.Rename(h.path("kept"), h.path("a-out.log")))
	h.write("a-out.log", numbered("a", 11, 20))
	h.eventually(numbered("a", 1, 20))
	assert.Zero(t, h.logs.FilterMessageSnippet("Cannot").Len())
	assert.Equal(t, 1, h.logs.FilterMessage("Log file is not read").Len(), "it is logged once")
}

// Each release may have a log folder, with a link to the folder of the current release.
func TestTrap_LinkedFolderIsPointedElsewhere(t *testing.T) {
	h := newHome(t)
	old, young := filepath.Join(h.dir, "old"), filepath.Join(h.dir, "new")
	require.NoError(t, os.Mkdir(old, 0o755))
	require.NoError(t, os.Mkdir(young, 0o755))
	link := filepath.Join(t.TempDir(), "logs")
	require.NoError(t, os.Symlink(old, link))
	h.include = []string{filepath.Join(link, "*.log")}
	h.start()
	h.write("old/a-out.log", "the same banner\n"+numbered("a", 1, 10))
	h.eventually("the same banner", numbered("a", 1, 10))

	h.write("new/a-out.log", "the same banner\n"+numbered("b", 1, 10))
	h.write("new/c-out.log", numbered("c", 1, 10))
	next := link + ".next"
	require.NoError(t, os.Symlink(young, next))
	require.NoError(t, os.Rename(next, link))
	h.write("old/a-out.log", numbered("a", 11, 12)) // who writes it has not been restarted
	h.eventually("the same banner", "the same banner", numbered("a", 1, 12), numbered("b", 1, 10), numbered("c", 1, 10))
	h.write("new/a-out.log", numbered("b", 11, 20))
	h.eventually("the same banner", "the same banner", numbered("a", 1, 12), numbered("b", 1, 20), numbered("c", 1, 10))
}

// PM2 takes any name for out_file: a device, a pipe.
func TestTrap_PipesAndDevicesAreNotRead(t *testing.T) {
	h := newHome(t)
	require.NoError(t, syscall.Mkfifo(h.path("pipe-out.log"), 0o600))
	require.NoError(t, os.Symlink("/dev/null", h.path("null-out.log")))
	require.NoError(t, os.Symlink("/dev/zero", h.path("zero-out.log")))
	h.include = append(h.include, "/dev/null")
	h.start()
	h.write("a-out.log", numbered("a", 1, 10))
	h.eventually(numbered("a", 1, 10))
	h.stop()
}

func TestTrap_RecordOfSeveralMiB(t *testing.T) {
	h := newHome(t)
	text := numbered(strings.Repeat("x", 100), 1, 40_000)
	escaped := strings.ReplaceAll(text, "\n", `\n`)
	h.write("a-out.log", `{"message":"`+escaped+`","timestamp":"2026-11-21T02:08:35.328Z","type":"out","process_id":0,"app_name":"a"}`+"\n")
	h.start()
	h.eventually(text)
}
