// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrap_DeletedAndRecreated(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", numbered("a", 1, 100))
	h.eventually(numbered("a", 1, 100))
	for i := range 5 { // the file system gives the new file the old inode
		require.NoError(t, os.Remove(h.path("a-out.log")))
		h.advance(time.Minute)
		h.waitForPolls()
		h.write("a-out.log", numbered("a", 101+100*i, 200+100*i))
		h.eventually(numbered("a", 1, 200+100*i))
	}
	h.stop()
	require.NoError(t, os.Remove(h.path("a-out.log")))
	h.write("a-out.log", numbered("a", 601, 800))
	h.start()
	h.eventually(numbered("a", 1, 800))
}

func TestTrap_UnreadableForAWhile(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.stop()
	// A folder in its place cannot be read, not even by root.
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("kept")))
	require.NoError(t, os.Mkdir(h.path("a-out.log"), 0o755))
	h.start()
	h.waitForPolls()
	require.NoError(t, os.Remove(h.path("a-out.log")))
	require.NoError(t, os.Rename(h.path("kept"), h.path("a-out.log")))
	h.write("a-out.log", numbered("a", 11, 20))
	h.eventually(numbered("a", 1, 20))
}

func TestTrap_PartialLineIsNotSplit(t *testing.T) {
	h := newHome(t)
	h.start()
	h.write("a-out.log", "first half")
	h.waitForPolls()
	h.write("a-out.log", " and second half\nnext\nthe last ")
	h.eventually("first half and second half\nnext")
	h.stop()
	h.start()
	h.waitForPolls()
	h.write("a-out.log", "line\n")
	h.eventually("first half and second half\nnext\nthe last line")
	h.write("a-out.log", "never ended")
	h.waitForPolls()
	h.advance(time.Minute)
	h.eventually("first half and second half\nnext\nthe last line\nnever ended")
}

const record = `{"message":%q,"timestamp":"2026-11-21T02:08:35.328Z","type":"out","process_id":0,"app_name":"a"}` + "\n"

func TestTrap_PartialLineOfARecordSurvivesARestart(t *testing.T) {
	for _, crash := range []bool{false, true} {
		h := newHome(t)
		h.write("a-out.log", fmt.Sprintf(record, "whole\nfirst half"))
		h.start()
		h.eventually("whole")
		h.saved("a-out.log", h.size("a-out.log"))
		if crash {
			h.kill()
		} else {
			h.stop()
		}
		require.NoError(t, os.Truncate(h.path("a-out.log"), 0)) // it cannot be read again
		h.write("a-out.log", fmt.Sprintf(record, " and second half\n"))
		h.start()
		h.eventually("whole\nfirst half and second half")
	}
}

func TestTrap_PartialLineOfADeadProcessIsSent(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", fmt.Sprintf(record, "whole\nprompt> "))
	h.start()
	h.eventually("whole")
	h.advance(time.Minute)
	h.eventually("whole\nprompt> ")
}

func TestTrap_DamagedCheckpointRepeatsLines(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 50))
	h.start()
	h.eventually(numbered("a", 1, 50))
	h.stop()
	for key := range h.store.snapshot() {
		h.store.data[key] = []byte("{damaged")
	}
	h.fromEnd = true // a damaged checkpoint is no first start
	h.start()
	h.eventually(numbered("a", 1, 50), numbered("a", 1, 50))
	assert.Positive(t, h.logs.FilterMessageSnippet("damaged").Len())
	h.mu.Lock()
	defer h.mu.Unlock()
	assert.Len(t, h.uids, 50, "repeats have the same uid")
}

func TestTrap_FullDiskStopsNothing(t *testing.T) {
	h := newHome(t)
	h.start()
	h.store.fail(errors.New("no space left on device"))
	h.write("a-out.log", numbered("a", 1, 50))
	h.eventually(numbered("a", 1, 50))
	require.Eventually(t, func() bool { return h.logs.FilterMessageSnippet("Failed to save checkpoints").Len() == 1 }, 30*time.Second, 5*time.Millisecond)
	h.advance(time.Minute)
	assert.Greater(t, h.tailer.Age(), 50*time.Second)
	h.store.fail(nil)
	h.saved("a-out.log", h.size("a-out.log"))
	h.stop()
	h.start()
	h.eventually(numbered("a", 1, 50))
}

func TestTrap_HundredsOfFiles(t *testing.T) {
	h := newHome(t)
	var want []string
	for i := range 300 {
		text := numbered(fmt.Sprintf("app %d", i), 1, 5)
		h.write(fmt.Sprintf("app-%d-out.log", i), text)
		want = append(want, text)
	}
	h.start()
	h.eventually(want...)
	for i := range 300 {
		text := numbered(fmt.Sprintf("app %d", i), 6, 6)
		h.write(fmt.Sprintf("app-%d-out.log", i), text)
		want = append(want, text)
	}
	h.eventually(want...)
}

func TestTrap_LinkedFolderAndLinkedFilesAreReadOnce(t *testing.T) {
	h := newHome(t)
	link := filepath.Join(t.TempDir(), "logs")
	require.NoError(t, os.Symlink(h.dir, link))
	h.include = []string{filepath.Join(link, "*.log")}
	h.write("a-out.log", numbered("a", 1, 5))
	require.NoError(t, os.Symlink(h.path("a-out.log"), h.path("b-out.log")))
	h.start()
	h.eventually(numbered("a", 1, 5))
	h.write("a-out.log", numbered("a", 6, 9))
	h.eventually(numbered("a", 1, 9))
}

func TestTrap_CombinedFileIsNotReadTwice(t *testing.T) {
	h := newHome(t)
	both := fmt.Sprintf(record, "one\n")
	for _, name := range []string{"a.log", "a-out.log", "b-0.log", "b-out-0.log"} {
		h.write(name, both)
	}
	h.write("alone.log", fmt.Sprintf(record, "alone\n"))
	h.start()
	h.eventually("one\none\nalone")
	h.stop()

	named := newHome(t)
	named.include = []string{h.path("a.log")}
	named.start()
	named.eventually("one")
}

func TestTrap_FirstStartBeginsAtTheEnd(t *testing.T) {
	h := newHome(t)
	h.fromEnd = true
	h.write("a-out.log", numbered("a", 1, 10)+"half")
	h.write(copyName(1, ""), numbered("copy", 1, 10))
	h.start()
	h.waitForPolls()
	h.write("a-out.log", " a line\n"+numbered("a", 11, 12))
	h.write("b-out.log", numbered("b", 1, 2)) // came later: from its beginning
	h.eventually("half a line", numbered("a", 11, 12), numbered("b", 1, 2))
	h.stop()
	h.write("a-out.log", numbered("a", 13, 14))
	h.write("c-out.log", numbered("c", 1, 2))
	h.start()
	h.eventually("half a line", numbered("a", 11, 14), numbered("b", 1, 2), numbered("c", 1, 2))
}

func TestTrap_OldCopiesAreReadAtTheFirstStartOnly(t *testing.T) {
	h := newHome(t)
	h.write(copyName(1, ""), numbered("a", 1, 10))
	h.write("a-out.log", numbered("a", 11, 20))
	h.start()
	h.eventually(numbered("a", 1, 20))
	assert.Equal(t, split(numbered("a", 1, 20)), h.got(), "the oldest first")
	h.stop()
	h.start()
	h.eventually(numbered("a", 1, 20))
}

func TestTrap_RecordLargerThanABlock(t *testing.T) {
	h := newHome(t)
	big := strings.Repeat("x", 900_000)
	h.write("a-out.log", fmt.Sprintf(record, "before\n")+fmt.Sprintf(record, big+"\n")+fmt.Sprintf(record, "after\n"))
	h.start()
	h.eventually("before\n" + big + "\nafter")
}

func TestTrap_PM2sOwnLogIsNotAnApplication(t *testing.T) {
	h := newHome(t)
	h.write("pm2.log", "2026-11-21T01:27:17: PM2 log: App [a:7] online\n")
	h.write("a-out.log", numbered("a", 1, 1))
	h.start()
	h.eventually(numbered("a", 1, 1))
}
