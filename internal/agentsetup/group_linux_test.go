// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
)

// withoutACLs is set in the process of a test that has mounted a file system without access control lists.
const withoutACLs = "AGENTSETUP_WITHOUT_ACLS"

func TestGrantGroup_OnAFileSystemWithoutACLs(t *testing.T) {
	folder := os.Getenv(withoutACLs)
	if folder == "" {
		requireRoot(t)
		dir, err := os.MkdirTemp("/tmp", "ramfs") //nolint:usetesting // the folders above that of the test are closed
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		require.NoError(t, os.Chmod(dir, 0o755))
		cmd := exec.Command("unshare", "--mount", "sh", "-ec", `mount -t ramfs -o mode=755 ramfs "$1"; exec "$2" -test.run "^TestGrantGroup_OnAFileSystemWithoutACLs$" -test.v`, "sh", dir, os.Args[0])
		cmd.Env = append(os.Environ(), withoutACLs+"="+dir)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "--- PASS")
		return
	}
	// A user whose group has no other member: such a user exists on each system.
	private, group := "daemon", 1
	home := filepath.Join(folder, "home", ".pm2")
	require.NoError(t, os.MkdirAll(filepath.Join(home, "logs"), 0o700))
	log := filepath.Join(home, "logs", "web-out.log")
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	for _, path := range []string{filepath.Join(folder, "home"), home, filepath.Join(home, "logs"), log} {
		require.NoError(t, os.Chown(path, group, group))
	}
	tr := &tree{t: t, root: folder, home: home}
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/group"), []byte("daemon:x:1:\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/passwd"), []byte("daemon:x:1:1::/:/bin/sh\n"), 0o644))
	homes, _ := pm2home.Find(pm2home.Search{Root: folder, More: []string{home}})
	require.Len(t, homes, 1)
	require.Equal(t, private, homes[0].User)

	rec := &record{}
	a := tr.access(rec, true)
	a.root = folder
	err := a.grantHome(&homes[0])
	require.ErrorContains(t, err, "the file system has no access control lists")
	require.NoError(t, a.grantGroup(&homes[0]))
	planned := tr.lines
	assert.Equal(t, []string{
		"usermod -aG daemon 4244", "chmod g+x " + folder + "/home", "chmod g+rx " + home, "chmod g+rx " + home + "/logs", "chmod g+r " + log,
	}, planned)

	a = tr.access(rec, false)
	a.root = folder
	a.user.Groups = []uint32{uint32(group)} // as after usermod, which the test does not run on this machine
	require.NoError(t, a.grantGroup(&homes[0]))
	assert.Equal(t, planned[1:], tr.lines)
	require.NoError(t, a.user.Check(log, asuser.Read))
	require.Error(t, numbered(other).Check(log, asuser.Read))

	a.dirs = nil
	left, err := tr.access(rec, false).removeAll()
	require.NoError(t, err)
	assert.Empty(t, left)
	require.Error(t, a.user.Check(log, asuser.Read))

	// Permissions are added to a mode that has more bits.
	require.NoError(t, os.Chmod(filepath.Join(home, "logs"), os.ModeSetgid|0o700))
	require.NoError(t, a.grantGroup(&homes[0]))
	info, err := os.Stat(filepath.Join(home, "logs"))
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|os.ModeSetgid|0o750, info.Mode())

	// A group with privileges, whose only member the user is.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/passwd"), []byte("daemon:x:1:7::/:/bin/sh\n"), 0o644))
	a = tr.access(rec, false)
	a.root = folder
	require.ErrorContains(t, a.grantGroup(&homes[0]), "is not the primary group of daemon")
	assert.Empty(t, tr.lines)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/passwd"), []byte("daemon:x:1:1::/:/bin/sh\n"), 0o644))

	// Another member of the group would get access too.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/group"), []byte("daemon:x:1:other\n"), 0o644))
	a = tr.access(rec, false)
	a.root = folder
	require.ErrorContains(t, a.grantGroup(&homes[0]), "is not private to daemon (other)")
	assert.Empty(t, tr.lines)
}
