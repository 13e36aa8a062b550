// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package asuser

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// folder returns a folder that every user may use.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "asuser") //nolint:usetesting // only root may enter the parents of t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func TestCheck_NamesTheFirstPlaceWithoutAccess(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	dir := folder(t)
	deep := filepath.Join(dir, "closed", "open")
	require.NoError(t, os.MkdirAll(deep, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "closed"), 0o700))
	logs := filepath.Join(dir, "logs")
	require.NoError(t, os.Mkdir(logs, 0o711))
	file := filepath.Join(logs, "app.log")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	open := filepath.Join(dir, "open.log")
	require.NoError(t, os.WriteFile(open, nil, 0o644))
	require.NoError(t, os.Symlink(filepath.Join(deep, "x"), filepath.Join(dir, "link")))
	socket := filepath.Join(dir, "rpc.sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	require.NoError(t, os.Chmod(socket, 0o755))

	u, err := Lookup("nobody")
	require.NoError(t, err)
	for _, c := range []struct {
		path  string
		want  Want
		fault string
	}{
		{open, Read, ""},
		{dir, List, ""},
		{logs, Search, ""},
		{logs, List, "no list (rx) permission on " + logs},
		{file, Read, "no read (r) permission on " + file},
		{filepath.Join(deep, "x.log"), Read, "no search (x) permission on " + filepath.Join(dir, "closed")},
		{filepath.Join(dir, "link"), Read, "no search (x) permission on " + filepath.Join(dir, "closed")},
		{filepath.Join(dir, "absent", "x"), Read, filepath.Join(dir, "absent") + " does not exist"},
		{socket, ReadWrite, "no read and write (rw) permission on " + socket},
	} {
		err := u.Check(c.path, c.want)
		if c.fault == "" {
			assert.NoError(t, err, c.path)
			continue
		}
		require.Error(t, err, c.path)
		assert.Equal(t, c.fault, err.Error())
	}
	// The rest of the process keeps its rights.
	_, err = os.ReadFile(file)
	require.NoError(t, err)

	root, err := Lookup("0")
	require.NoError(t, err)
	assert.NoError(t, root.Check(file, Read))
}

func TestLookup_NamesWhatIsMissing(t *testing.T) {
	_, err := Lookup("no-such-user")
	require.EqualError(t, err, `there is no user "no-such-user"`)
	_, err = Lookup("0", "no-such-group")
	require.EqualError(t, err, `there is no group "no-such-group"`)
}
