// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package regularfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// read returns what Find and Open read.
func read(t *testing.T, path string) (string, *Found) {
	t.Helper()
	found, err := Find(path)
	require.NoError(t, err)
	defer found.Close()
	f, err := found.Open()
	require.NoError(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	return string(content), found
}

// real is a temporary folder without links in its path.
func real(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

func TestFind_FollowsLinksAsTheSystemDoes(t *testing.T) {
	dir := real(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "b", "file"), []byte("content"), 0o600))
	for name, target := range map[string]string{
		"absolute": filepath.Join(dir, "a", "b", "file"), "relative": "a/b/file", "dots": "./a/../a//b/./file", "folder": "a/b/", "up": "a/b/..", "chain": "relative",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	for path, links := range map[string][]bool{ // whether each link is in place of the file
		"a/b/file": nil, "absolute": {true}, "relative": {true}, "dots": {true}, "chain": {true, true}, "folder/file": {false}, "up/b/file": {false},
	} {
		content, found := read(t, filepath.Join(dir, path))
		assert.Equal(t, "content", content, path)
		assert.Equal(t, filepath.Join(dir, "a", "b", "file"), found.Path, path)
		var last []bool
		for _, l := range found.Links {
			last = append(last, l.Last)
			assert.Equal(t, uint32(os.Getuid()), l.Owner)
		}
		assert.Equal(t, links, last, path)
		folder, err := os.Stat(filepath.Dir(filepath.Join(dir, path)))
		require.NoError(t, err)
		assert.True(t, IdentityOf(folder).Same(found.Folder), "%s: the folder in which it was looked for", path)
	}
}

func TestFind_ErrorsNameTheCause(t *testing.T) {
	dir := real(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(at("file"), nil, 0o600))
	for name, target := range map[string]string{"self": "self", "one": "two", "two": "one", "gone": "missing", "under": "under/x", "long": strings.Repeat("./", 1500) + "file"} {
		require.NoError(t, os.Symlink(target, at(name)))
	}
	// More names than any path has: each link leads through the one before many times.
	require.NoError(t, os.Mkdir(at("d"), 0o755))
	require.NoError(t, os.Symlink(strings.Repeat("d/../", 700)+"file", at("wide")))
	for name, want := range map[string]error{
		"self": syscall.ELOOP, "one": syscall.ELOOP, "under": syscall.ELOOP, "wide": syscall.ELOOP,
		"gone": fs.ErrNotExist, "missing": fs.ErrNotExist, "file/x": syscall.ENOTDIR,
	} {
		_, err := Find(at(name))
		require.ErrorIs(t, err, want, name)
		var path *fs.PathError
		require.ErrorAs(t, err, &path, name)
	}
}

func TestFind_OpensOnlyTheFoundFile(t *testing.T) {
	dir := real(t)
	path, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	require.NoError(t, os.WriteFile(other, []byte("secret"), 0o600))
	for name, swap := range map[string]func() error{
		"link": func() error { return os.Symlink(other, path) },
		"file": func() error { return os.WriteFile(path, []byte("another"), 0o600) },
		"hard": func() error { return os.Link(other, path) },
		"pipe": func() error { return syscall.Mkfifo(path, 0o600) },
		"gone": func() error { return nil },
	} {
		require.NoError(t, os.WriteFile(path, []byte("content"), 0o600))
		kept, err := os.Open(path) // so that the other gets another number
		require.NoError(t, err)
		found, err := Find(path)
		require.NoError(t, err)
		require.NoError(t, os.Remove(path))
		require.NoError(t, swap(), name)
		f, err := found.Open()
		require.Error(t, err, name)
		assert.Nil(t, f, name)
		found.Close()
		require.NoError(t, kept.Close())
		require.NoError(t, errors.Join(os.RemoveAll(path)))
	}
}

func TestFind_RejectsOtherThanRegularFiles(t *testing.T) {
	dir := real(t)
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, dir, "/dev/null", "/"} {
		found, err := Find(path)
		require.NoError(t, err, path)
		assert.False(t, found.File.Mode.IsRegular(), path)
		found.Close()
	}
}
