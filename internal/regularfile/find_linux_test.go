// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package regularfile

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFind_DetectsVirtualFiles(t *testing.T) {
	link := filepath.Join(real(t), "link")
	for _, target := range []string{"/proc/self/environ", "/proc/self/fd/0", "/proc/self/exe", "/proc/self/cwd/find.go", "/dev/stdin", "/sys/kernel/mm/transparent_hugepage/enabled"} {
		if _, err := os.Lstat(target); err != nil {
			continue
		}
		require.NoError(t, os.Symlink(target, link))
		found, err := Find(link)
		require.NoError(t, err, target)
		assert.True(t, found.Virtual, target)
		found.Close()
		require.NoError(t, os.Remove(link))
	}
}

// A folder on the way is exchanged for a link again and again. What is opened is always
// what was judged.
func TestFind_DetectsAnExchangedFile(t *testing.T) {
	dir := real(t)
	good, bad, at := filepath.Join(dir, "good"), filepath.Join(dir, "bad"), filepath.Join(dir, "at")
	for _, d := range []string{good, bad} {
		require.NoError(t, os.Mkdir(d, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(d, "file"), []byte(filepath.Base(d)), 0o600))
	}
	require.NoError(t, os.Mkdir(at, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(at, "file"), []byte("good"), 0o600))
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		away := filepath.Join(dir, "away")
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(at, away)
			_ = os.Symlink(bad, at)
			_ = os.Remove(at)
			_ = os.Rename(away, at)
		}
	})
	links, plain := 0, 0
	for range 5_000 {
		found, err := Find(filepath.Join(at, "file"))
		if err != nil {
			continue
		}
		if f, err := found.Open(); err == nil {
			var b [8]byte
			n, _ := f.Read(b[:])
			if len(found.Links) > 0 {
				links++
				assert.Equal(t, "bad", string(b[:n]))
			} else {
				plain++
				assert.Equal(t, "good", string(b[:n]))
			}
			require.NoError(t, f.Close())
		}
		found.Close()
	}
	close(stop)
	done.Wait()
	t.Logf("%d times a link, %d times a folder", links, plain)
	assert.Positive(t, plain)
}

func TestFind_ClosesDescriptors(t *testing.T) {
	before, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	link := filepath.Join(real(t), "link")
	require.NoError(t, os.Symlink("/proc/self/environ", link))
	for _, path := range []string{link, "/", "/etc/passwd", "/etc/passwd/x", "/missing/x", link + "/x"} {
		for range 20 {
			if found, err := Find(path); err == nil {
				found.Close()
			}
		}
	}
	after, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	assert.Len(t, after, len(before))
}
