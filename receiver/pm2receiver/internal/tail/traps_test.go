// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
)

func TestTrap_RejectedRecordsAreSentAgain(t *testing.T) {
	h := newHome(t)
	var calls atomic.Int64
	h.rejectWith(func([]string) error {
		if calls.Add(1)%3 != 0 {
			return errRejected
		}
		return nil
	})
	h.write("a-out.log", numbered("a", 1, 3))
	h.start()
	h.eventually(numbered("a", 1, 3))
	h.write("a-out.log", numbered("a", 4, 5))
	h.eventually(numbered("a", 1, 5))
	assert.Positive(t, h.meter.redelivered.Load())
}

func TestTrap_ShutdownDuringAnOutageLosesNothing(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 2))
	h.start()
	h.eventually(numbered("a", 1, 2))
	h.rejectWith(func([]string) error { return errRejected })
	h.write("a-out.log", numbered("a", 3, 5))
	h.waitForPolls()
	h.stop()
	h.rejectWith(nil)
	h.write("a-out.log", numbered("a", 6, 7))
	h.start()
	h.eventually(numbered("a", 1, 7))
}

func TestTrap_KilledReaderRepeatsOnlyWithTheSameUID(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 100))
	h.start()
	h.eventually(numbered("a", 1, 100))
	h.saved("a-out.log", h.size("a-out.log"))
	h.store.fail(errors.New("disk full"))
	h.write("a-out.log", numbered("a", 101, 150))
	h.eventually(numbered("a", 1, 150))
	h.kill()
	h.write("a-out.log", numbered("a", 151, 160))
	h.start()
	h.eventually(numbered("a", 1, 150), numbered("a", 101, 160))
	h.mu.Lock()
	defer h.mu.Unlock()
	assert.Len(t, h.uids, 160)
}

// A collector that reloads its configuration ends if a component's
// Shutdown fails.
func TestTrap_FullDiskDoesNotFailShutdown(t *testing.T) {
	h := newHome(t)
	h.start()
	h.store.fail(errors.New("disk full"))
	h.write("a-out.log", numbered("a", 1, 10))
	h.eventually(numbered("a", 1, 10))
	h.stop()
	assert.Positive(t, h.logs.FilterMessageSnippet("Failed to save the last checkpoints").Len())
}

func TestTrap_FilesWithTheSameFirstBytesAreAllRead(t *testing.T) {
	for _, size := range []int{1000, 4096, 100_000} {
		h := newHome(t)
		banner := strings.Repeat("=", size) + "\n"
		var want []string
		for i := range 5 {
			text := banner + numbered(fmt.Sprintf("instance %d", i), 1, 3)
			h.write(fmt.Sprintf("web-out-%d.log", i), text)
			want = append(want, text)
		}
		h.start()
		h.eventually(want...)
		h.stop()
		for i := range 5 {
			text := numbered(fmt.Sprintf("instance %d", i), 4, 4)
			h.write(fmt.Sprintf("web-out-%d.log", i), text)
			want = append(want, text)
		}
		h.start()
		h.eventually(want...)
	}
}

func TestTrap_FlushedFileIsReadFromItsBeginning(t *testing.T) {
	for name, again := range map[string]string{
		"shorter":             numbered("new", 1, 2),
		"as long":             numbered("new", 1, 200),
		"longer":              numbered("new", 1, 4000),
		"same first bytes":    numbered("old", 1, 100) + numbered("new", 1, 4000),
		"same first 64 KiB":   numbered("old", 1, 6000) + numbered("new", 1, 6000),
		"the very same again": numbered("old", 1, 150),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			old := numbered("old", 1, 200)
			if name == "same first 64 KiB" {
				old = numbered("old", 1, 8000)
			}
			h.write("a-out.log", old)
			h.start()
			h.eventually(old)
			// Truncated and written in one go, so that no poll sees the empty file.
			flushed := filepath.Join(h.dir, "flushed")
			require.NoError(t, os.WriteFile(flushed, []byte(again), 0o644))
			from, err := os.Open(flushed)
			require.NoError(t, err)
			defer from.Close()
			f, err := os.OpenFile(h.path("a-out.log"), os.O_WRONLY|os.O_TRUNC, 0o644)
			require.NoError(t, err)
			_, err = io.Copy(f, from)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			h.eventually(old, again)
		})
	}
}

func TestTrap_CheckpointsAreSavedDuringALongPoll(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 40_000))
	calls := 0
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	h.rejectWith(func([]string) error { // accepts the batches of some blocks, and holds the next one
		calls++
		if calls > 4 {
			<-held
			return errRejected
		}
		return nil
	})
	h.start()
	h.saved("a-out.log", 1)
	assert.Less(t, len(h.got()), 40_000)
	release()
	h.kill()
	h.rejectWith(nil)
	c, err := checkpoint.NewStore(h.store).Load(t.Context(), h.path("a-out.log"))
	require.NoError(t, err)
	assert.Positive(t, c.Files[0].Offset)
	h.start()
	require.Eventually(t, func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.uids) == 40_000 }, 10*time.Second, 5*time.Millisecond)
}

func TestTrap_OneStuckFileDelaysNoOther(t *testing.T) {
	h := newHome(t)
	h.rejectWith(func(lines []string) error {
		if strings.HasPrefix(lines[0], "stuck") {
			return errRejected
		}
		return nil
	})
	h.write("stuck-out.log", numbered("stuck", 1, 10))
	h.start()
	h.waitForPolls()
	h.write("a-out.log", numbered("a", 1, 10))
	h.eventually(numbered("a", 1, 10))
	h.saved("a-out.log", h.size("a-out.log"))
	h.rejectWith(nil)
	h.eventually(numbered("a", 1, 10), numbered("stuck", 1, 10))
}

func TestTrap_RenamedFileIsReadWhileItsWriterKeepsIt(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 2))
	h.start()
	h.eventually(numbered("a", 1, 2))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("moved-away")))
	h.write("moved-away", numbered("a", 3, 4)) // no reloadLogs yet
	h.eventually(numbered("a", 1, 4))
	h.write("a-out.log", numbered("a", 5, 6)) // one instance has reopened its log
	h.write("moved-away", numbered("b", 1, 2))
	h.eventually(numbered("a", 1, 6), numbered("b", 1, 2))
	h.write("moved-away", numbered("b", 3, 4))
	h.eventually(numbered("a", 1, 6), numbered("b", 1, 4))
}

func TestTrap_RenamedWhileTheReaderIsStopped(t *testing.T) {
	for _, name := range []string{"moved-away", "a-out.log.1", "a-out__2026-11-21_03-00-00.log"} {
		h := newHome(t)
		h.write("a-out.log", numbered("a", 1, 100))
		h.start()
		h.eventually(numbered("a", 1, 100))
		h.stop()
		h.write("a-out.log", numbered("a", 101, 120))
		require.NoError(t, os.Rename(h.path("a-out.log"), h.path(name)))
		h.write("a-out.log", numbered("a", 121, 130))
		h.start()
		h.eventually(numbered("a", 1, 130))
	}
}

// rotate copies and then truncates a file, as pm2-logrotate does.
func (h *home) rotate(name, copied string) {
	h.t.Helper()
	data, err := os.ReadFile(h.path(name))
	require.NoError(h.t, err)
	if strings.HasSuffix(copied, ".gz") {
		f, err := os.Create(h.path(copied))
		require.NoError(h.t, err)
		z := gzip.NewWriter(f)
		_, err = z.Write(data)
		require.NoError(h.t, err)
		require.NoError(h.t, z.Close())
		require.NoError(h.t, f.Close())
	} else {
		require.NoError(h.t, os.WriteFile(h.path(copied), data, 0o644))
	}
	require.NoError(h.t, os.Truncate(h.path(name), 0))
}

func copyName(i int, suffix string) string {
	return fmt.Sprintf("a-out__2026-11-21_03-00-%02d.log%s", i, suffix)
}

func TestTrap_RotatedWhileTheConsumerBlocks(t *testing.T) {
	for _, suffix := range []string{"", ".gz"} {
		t.Run("copies"+suffix, func(t *testing.T) {
			h := newHome(t)
			h.write("a-out.log", numbered("a", 1, 20_000))
			h.block()
			h.start()
			require.Eventually(t, func() bool { return h.held.Load() > 0 }, 30*time.Second, time.Millisecond)
			for i := range 5 {
				h.write("a-out.log", numbered("a", 20_001+5000*i, 25_000+5000*i))
				h.rotate("a-out.log", copyName(i, suffix))
			}
			h.write("a-out.log", numbered("a", 45_001, 45_500))
			h.open()
			h.eventually(numbered("a", 1, 45_500))
			assert.Positive(t, h.meter.recovered.Load())
			assert.Positive(t, h.meter.truncated.Load())
		})
	}
}

func TestTrap_RotatedWhileTheReaderIsStopped(t *testing.T) {
	for _, suffix := range []string{"", ".gz"} {
		t.Run("copies"+suffix, func(t *testing.T) {
			h := newHome(t)
			h.write("a-out.log", numbered("a", 1, 1000))
			h.start()
			h.eventually(numbered("a", 1, 1000))
			h.stop()
			for i := range 3 {
				h.write("a-out.log", numbered("a", 1001+100*i, 1100+100*i))
				h.rotate("a-out.log", copyName(i, suffix))
			}
			h.write("a-out.log", numbered("a", 1301, 1310))
			h.start()
			h.eventually(numbered("a", 1, 1310))
			h.stop()
			h.start()
			h.eventually(numbered("a", 1, 1310))
		})
	}
}

func TestTrap_CopyOfWhatWasReadIsNotReadAgain(t *testing.T) {
	for _, suffix := range []string{"", ".gz"} {
		t.Run("copies"+suffix, func(t *testing.T) {
			h := newHome(t)
			h.start()
			last := 0
			for i := range 4 {
				h.write("a-out.log", numbered("a", last+1, last+500))
				last += 500
				h.eventually(numbered("a", 1, last))
				h.rotate("a-out.log", copyName(i, suffix))
				h.waitForPolls()
			}
			h.advance(2 * time.Minute)
			h.eventually(numbered("a", 1, last))
			assert.EqualValues(t, 4, h.meter.truncated.Load())
		})
	}
}

func TestTrap_SlowCopyIsNotReadAgain(t *testing.T) {
	h := newHome(t)
	text := numbered("a", 1, 2000)
	h.write("a-out.log", text)
	h.start()
	h.eventually(text)
	for at := 0; at < len(text); at += 100 { // some steps are shorter than any sample
		if at < 1500 || at%5000 == 0 {
			h.write(copyName(1, ""), text[:min(at+100, len(text))][min(at, len(text)):])
			h.polls(2)
		} else {
			h.write(copyName(1, ""), text[at:min(at+100, len(text))])
		}
	}
	// Lines between the end of the copy and the truncation.
	h.write("a-out.log", numbered("a", 2001, 2010))
	h.eventually(numbered("a", 1, 2010))
	require.NoError(t, os.Truncate(h.path("a-out.log"), 0))
	h.write("a-out.log", numbered("a", 2011, 2020))
	h.eventually(numbered("a", 1, 2020))
	h.advance(2 * time.Minute)
	h.eventually(numbered("a", 1, 2020))
}

func TestTrap_CopyOverwrittenInTheSameSecond(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 500))
	h.eventually(numbered("a", 1, 500))
	h.rotate("a-out.log", copyName(1, ""))
	h.waitForPolls()
	h.write("a-out.log", numbered("a", 501, 1000))
	h.eventually(numbered("a", 1, 1000))
	h.rotate("a-out.log", copyName(1, ""))
	h.write("a-out.log", numbered("a", 1001, 1010))
	h.eventually(numbered("a", 1, 1010))
	h.advance(2 * time.Minute)
	h.eventually(numbered("a", 1, 1010))
}

func TestTrap_LogrotateRenamesAndCompresses(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 100))
	h.eventually(numbered("a", 1, 100))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("a-out.log.1")))
	h.write("a-out.log", numbered("a", 101, 200))
	h.eventually(numbered("a", 1, 200))
	// delaycompress: the next run compresses the old file and renames again.
	h.rotate("a-out.log.1", "a-out.log.2.gz")
	require.NoError(t, os.Remove(h.path("a-out.log.1")))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("a-out.log.1")))
	h.write("a-out.log", numbered("a", 201, 300))
	h.eventually(numbered("a", 1, 300))
	require.NoError(t, os.Rename(h.path("a-out.log.2.gz"), h.path("a-out.log.3.gz")))
	h.advance(10 * time.Minute)
	h.eventually(numbered("a", 1, 300))
}
