// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fewDescriptors lets the process open only some more files, until the function that
// it returns is called.
func fewDescriptors(t *testing.T, more int) (enough func()) {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	few := limit
	few.Cur = uint64(len(open) + more)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few))
	enough = func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }
	t.Cleanup(enough)
	return enough
}

// Files that cannot be opened because there are no file descriptors are tried again, and delay
// no others.
func TestTrap_FewFileDescriptors(t *testing.T) {
	h := newHome(t)
	var all []string
	for i := range 40 {
		text := numbered(fmt.Sprintf("app %d", i), 1, 10)
		h.write(fmt.Sprintf("app%d-out.log", i), text)
		all = append(all, text)
	}
	enough := fewDescriptors(t, 15)
	h.start()
	require.Eventually(t, func() bool { return len(h.got()) >= 40 }, 30*time.Second, time.Millisecond)
	h.waitForPolls()
	assert.Less(t, len(h.got()), 400)
	assert.Positive(t, h.logs.FilterMessageSnippet("Cannot").Len())
	enough()
	h.eventually(all...)
}
