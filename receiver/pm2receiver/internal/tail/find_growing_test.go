// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/unprivileged"
)

func TestTrap_FolderThatCannotBeListed(t *testing.T) {
	h := newHome(t)
	h.write("folder", "a file, which nobody can look into either")
	h.include = []string{h.path("folder/*.log"), h.path("folder/x.log"), h.path("gone/*.log")}
	h.start()
	for range 3 {
		h.advance(scanInterval)
		h.waitForPolls()
	}
	logged := h.logs.FilterMessage("Failed to look for log files").All()
	require.Len(t, logged, 1, "once, not at every scan")
	assert.Contains(t, logged[0].ContextMap()["error"], "folder/*.log: ")
	assert.Contains(t, logged[0].ContextMap()["error"], "folder/x.log: ")
	assert.NotContains(t, logged[0].ContextMap()["error"], "gone")
	assert.Empty(t, h.logs.FilterMessageSnippet("No log files yet").All())
	require.NoError(t, os.Remove(h.path("folder")))
	require.NoError(t, os.Mkdir(h.path("folder"), 0o755))
	h.write("folder/a-out.log", numbered("a", 1, 10))
	h.advance(scanInterval)
	h.eventually(numbered("a", 1, 10))
}

// It may be listed, but nothing in it looked at.
func TestTrap_FolderWithUnreadableFiles(t *testing.T) {
	if unprivileged.Rerun(t) {
		return
	}
	h := newHome(t)
	require.NoError(t, os.Mkdir(h.path("folder"), 0o755))
	h.write("folder/a-out.log", numbered("a", 1, 10))
	require.NoError(t, os.Chmod(h.path("folder"), 0o444))
	t.Cleanup(func() { _ = os.Chmod(h.path("folder"), 0o755) })
	h.include = []string{h.path("folder/*.log")}
	h.start()
	assert.Equal(t, 1, h.logs.FilterMessage("Failed to look for log files").Len())
	require.NoError(t, os.Chmod(h.path("folder"), 0o755))
	h.advance(scanInterval)
	h.eventually(numbered("a", 1, 10))
}
