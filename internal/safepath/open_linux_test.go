// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safepath

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpen_FollowsOnlyLinksOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can create files of other users")
	}
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data", "user"), 0o755))
	file := filepath.Join(dir, "data", "user", "x.log")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	require.NoError(t, os.Symlink("data", filepath.Join(dir, "home"))) // of root, relative
	require.NoError(t, os.Symlink("/etc/shadow", filepath.Join(dir, "data", "user", "link.log")))
	require.NoError(t, os.Symlink("/etc", filepath.Join(dir, "data", "user", "etc")))
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "data", "loop")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "data", "user", "pipe"), 0o600))
	const user = 4242
	for _, name := range []string{"", "x.log", "link.log", "etc", "pipe"} {
		require.NoError(t, os.Lchown(filepath.Join(dir, "data", "user", name), user, user))
	}

	f, err := Open(filepath.Join(dir, "home", "user", "x.log"))
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, file, f.Path, "a link of root is followed")
	assert.EqualValues(t, user, f.Stat.Uid)
	last := f.Parents[len(f.Parents)-1]
	assert.Equal(t, Folder{filepath.Join(dir, "data", "user"), user}, last)
	assert.Equal(t, "/", f.Parents[0].Path)

	for name, want := range map[string]error{
		"home/user/link.log":   ErrLink,
		"home/user/etc/shadow": ErrLink,
		"home/user/pipe":       ErrKind,
		"home/user/absent":     fs.ErrNotExist,
		"home/user/x.log/y":    syscall.ENOTDIR,
		"data/loop":            syscall.ELOOP,
	} {
		_, err := Open(filepath.Join(dir, name))
		require.ErrorIs(t, err, want, name)
	}
	_, err = Open("relative")
	require.Error(t, err)

	folder, err := Open(filepath.Join(dir, "data", "user"))
	require.NoError(t, err)
	defer folder.Close()
	require.True(t, folder.IsDir())
	inner, err := folder.OpenIn("x.log")
	require.NoError(t, err)
	defer inner.Close()
	assert.Equal(t, f.Parents, inner.Parents)
	for name, want := range map[string]error{"link.log": ErrLink, "pipe": ErrKind, "absent": fs.ErrNotExist, "..": fs.ErrInvalid, "../x": fs.ErrInvalid} {
		_, err := folder.OpenIn(name)
		require.ErrorIs(t, err, want, name)
	}
	root, err := Open("/")
	require.NoError(t, err)
	defer root.Close()
	assert.True(t, root.IsDir())
}

// A folder of root in which everyone may rename is not safe, unless it is sticky.
func TestOpen_RejectsLinksInSharedFolders(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can create links of root")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x"), nil, 0o600))
	require.NoError(t, os.Symlink("x", filepath.Join(dir, "link")))
	require.NoError(t, os.Chmod(dir, 0o777))
	_, err := Open(filepath.Join(dir, "link"))
	require.ErrorIs(t, err, ErrLink)
	assert.Equal(t, filepath.Join(dir, "link")+": "+ErrLink.Error(), Reason(err))
	require.NoError(t, os.Chmod(dir, 0o777|os.ModeSticky))
	f, err := Open(filepath.Join(dir, "link"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
