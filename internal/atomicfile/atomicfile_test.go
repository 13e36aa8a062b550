// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package atomicfile_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

func assertFile(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, content, string(got))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, mode, info.Mode())
}

// assertOnly checks that the folder has these files and no temporary ones.
func assertOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	assert.ElementsMatch(t, names, found)
}

func TestWrite_NewFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	require.NoError(t, atomicfile.Write(path, []byte("one")))
	assertFile(t, path, "one", 0o600)
	assertOnly(t, dir, "a")
}

func TestWrite_KeepsModeAndLink(t *testing.T) {
	files, links := t.TempDir(), t.TempDir()
	path, link := filepath.Join(files, "a"), filepath.Join(links, "b")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, atomicfile.Write(link, []byte("two")))
	assertFile(t, path, "two", 0o640)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink)
	assertOnly(t, files, "a")
	assertOnly(t, links, "b")
}

func TestWrite_FailureLeavesTheOldFileAndNoOther(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "x"), 0o700))
	require.Error(t, atomicfile.Write(folder, []byte("two")), "a folder cannot be replaced")
	assertOnly(t, dir, "folder")

	require.ErrorIs(t, atomicfile.Write(filepath.Join(dir, "none", "a"), nil), fs.ErrNotExist)

	dangling := filepath.Join(dir, "dangling")
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), dangling))
	require.ErrorContains(t, atomicfile.Write(dangling, []byte("two")), "is a symbolic link to a file that does not exist")
	assertOnly(t, dir, "folder", "dangling")
}

// A reader that opens the file at any time sees one of the contents as a whole.
func TestWrite_ReadersSeeWholeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	content := func(n int) []byte {
		out := make([]byte, 1<<16)
		for i := range out {
			out[i] = byte('0' + n%10)
		}
		return out
	}
	require.NoError(t, atomicfile.Write(path, content(0)))
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for n := range 50 {
			assert.NoError(t, atomicfile.Write(path, content(n)))
		}
	})
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		n, err := strconv.Atoi(string(got[:1]))
		require.NoError(t, err)
		require.Equal(t, content(n), got)
	}
	wg.Wait()
}

func TestCreate_NeverReplacesAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	require.NoError(t, atomicfile.Create(path, []byte("one")))
	assertFile(t, path, "one", 0o600)
	require.ErrorIs(t, atomicfile.Create(path, []byte("two")), fs.ErrExist)
	assertFile(t, path, "one", 0o600)
	assertOnly(t, dir, "a")
}

func TestLock_ExcludesOthersUntilTheDeadline(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	held := flock.New(filepath.Join(dir, ".a.lock"))
	require.NoError(t, held.Lock())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := atomicfile.Lock(ctx, path)
	require.ErrorIs(t, err, atomicfile.ErrLocked)
	require.EqualError(t, err, filepath.Join(dir, ".a.lock")+" is locked")

	canceled, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	_, err = atomicfile.Lock(canceled, path)
	require.ErrorIs(t, err, context.Canceled)

	require.NoError(t, held.Unlock())
	unlock, err := atomicfile.Lock(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, unlock())
	unlock, err = atomicfile.Lock(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, unlock())
}
