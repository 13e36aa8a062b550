package tail

import "testing"

// A start that found no file was the first start too: what is written while the
// reader is away is no history.
func TestShutdown_NotesAFirstStartThatFoundNoFile(t *testing.T) {
	h := newHome(t)
	h.fromEnd = true
	h.start()
	h.stop()
	h.write("a-out.log", numbered("a", 1, 5))
	h.start()
	h.eventually(numbered("a", 1, 5))
}
