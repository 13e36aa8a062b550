package tail

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file that is moved to a name that fits the patterns is still the one it was.
func TestTrap_MovedToANameThatIsFoundToo(t *testing.T) {
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
	h.advance(rescan)
	h.stop()
	h.start()
	h.eventually(numbered("a", 1, 14), numbered("b", 1, 10))

	h.advance(movedIdle)
	followed := func() bool {
		h.advance(rescan)
		h.settle()
		return len(h.tailer.all()) == 2
	}
	require.Eventually(t, followed, 10*time.Second, time.Millisecond, "once nobody reads it it is followed for itself")
	h.write("a-out-old.log", numbered("a", 15, 16))
	h.eventually(numbered("a", 1, 16), numbered("b", 1, 10))
	h.stop()
	h.write("a-out-old.log", numbered("a", 17, 18))
	h.start()
	h.eventually(numbered("a", 1, 18), numbered("b", 1, 10))
	assert.Zero(t, h.meter.truncated.Load())
}

func TestTrap_MovedToANameThatIsFoundTooWhileTheReaderIsAway(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.stop()
	h.write("a-out.log", numbered("a", 11, 20))
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	h.write("a-out.log", numbered("b", 1, 10))
	h.start()
	h.advance(rescan)
	h.eventually(numbered("a", 1, 20), numbered("b", 1, 10))
}

// Before anything of it was accepted.
func TestTrap_MovedToANameThatIsFoundTooWhileTheConsumerBlocks(t *testing.T) {
	h := newHome(t)
	h.block()
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	require.Eventually(t, func() bool { return h.held.Load() > 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, os.Rename(h.path("a-out.log"), h.path("old.log")))
	time.Sleep(20 * time.Millisecond) // it is away from its old name
	h.advance(rescan)
	h.settle()
	assert.Len(t, h.tailer.all(), 1)
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
	h.advance(rescan)
	h.eventually(numbered("a", 1, 10), numbered("b", 1, 10), numbered("c", 1, 10))
}
