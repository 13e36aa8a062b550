// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Files that change all the time delay no others and do not flood the log.
func TestHostile_FilesThatChangeAllTheTime(t *testing.T) {
	h := newHome(t)
	h.start()
	stop := make(chan struct{})
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			path := h.path(fmt.Sprintf("wild%d-out.log", i))
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				switch i {
				case 0: // truncated and written again
					_ = os.WriteFile(path, []byte(fmt.Sprintf("%d\n", n)), 0o600)
				case 1: // rotated
					_ = os.WriteFile(path, []byte(fmt.Sprintf("%d\n", n)), 0o600)
					_ = os.Rename(path, fmt.Sprintf("%s.%d", path, n%50))
				case 2: // a link now and then
					_ = os.WriteFile(path, []byte(fmt.Sprintf("%d\n", n)), 0o600)
					_ = os.Remove(path)
					_ = os.Symlink("/proc/self/environ", path)
					_ = os.Remove(path)
				case 3: // always another name
					_ = os.WriteFile(fmt.Sprintf("%s-%d.log", path, n%500), nil, 0o600)
					_ = os.Remove(fmt.Sprintf("%s-%d.log", path, (n+250)%500))
				}
				time.Sleep(100 * time.Microsecond) // else the writers take all processors from the reader
			}
		})
	}
	calm := func() (all []string) {
		for _, line := range h.got() {
			if strings.HasPrefix(line, "calm") {
				all = append(all, line)
			}
		}
		return all
	}
	for i := range 20 {
		h.write("calm-out.log", numbered("calm", i*10+1, i*10+10))
		require.Eventually(t, func() bool { return len(calm()) == i*10+10 }, waitFor, tick)
	}
	close(stop)
	done.Wait()
	assert.Equal(t, split(numbered("calm", 1, 200)), calm())
	assert.Less(t, h.logs.Len(), 200)
}
