// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
)

const (
	owner = 4242 // the user of PM2
	other = 4243
	agent = 4244
)

// tree is a machine with one home of PM2, that of the user owner.
type tree struct {
	t                *testing.T
	root, user, home string
	refused, lines   []string
}

func newTree(t *testing.T) *tree {
	t.Helper()
	requireRoot(t)
	requireGetfacl(t)
	root, err := os.MkdirTemp("/tmp", "access") //nolint:usetesting // the folders above that of the test are closed
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	require.NoError(t, os.Chmod(root, 0o755))
	tr := &tree{t: t, root: root, user: filepath.Join(root, "home", "shop")}
	tr.home = filepath.Join(tr.user, ".pm2")
	require.NoError(t, os.MkdirAll(filepath.Join(tr.home, "logs"), 0o755))
	for _, dir := range []string{tr.user, tr.home, filepath.Join(tr.home, "logs")} {
		require.NoError(t, os.Chown(dir, owner, owner))
		require.NoError(t, os.Chmod(dir, 0o700))
	}
	tr.file(".pm2/logs/web-out.log", owner, 0o600)
	tr.file(".pm2/dump.pm2", owner, 0o600)
	return tr
}

// file creates a file below the user's folder.
func (tr *tree) file(name string, uid int, mode os.FileMode) string {
	tr.t.Helper()
	path := filepath.Join(tr.user, name)
	require.NoError(tr.t, os.WriteFile(path, []byte("[]"), 0o600))
	require.NoError(tr.t, os.Chown(path, uid, uid))
	require.NoError(tr.t, os.Chmod(path, mode))
	return path
}

// user returns a user that is in no list of users.
func numbered(uid uint32) *asuser.User {
	return &asuser.User{Name: fmt.Sprint(uid), UID: uid, GID: uid}
}

func (tr *tree) access(rec *record, dryRun bool) *access {
	tr.refused, tr.lines = nil, nil
	return &access{
		user: numbered(agent), record: rec, dryRun: dryRun,
		line:   func(format string, args ...any) { tr.lines = append(tr.lines, fmt.Sprintf(format, args...)) },
		refuse: func(path, reason string) { tr.refused = append(tr.refused, path+": "+reason) },
	}
}

// grant finds the home and grants access to it.
func (tr *tree) grant(rec *record, dryRun bool) {
	tr.t.Helper()
	homes, _ := pm2home.Find(pm2home.Search{Root: tr.root, More: []string{tr.home}})
	require.Len(tr.t, homes, 1)
	require.NoError(tr.t, tr.access(rec, dryRun).grantHome(&homes[0]))
}

// state returns the owners, modes and lists of everything.
func (tr *tree) state() string {
	tr.t.Helper()
	out, err := exec.Command("getfacl", "-R", "-n", "-p", "-t", tr.root).CombinedOutput()
	require.NoError(tr.t, err, "%s", out)
	return string(out)
}

func (tr *tree) reads(uid uint32, name string) bool {
	return numbered(uid).Check(filepath.Join(tr.user, name), asuser.Read) == nil
}

func TestGrantHome_GrantsOneUserAndIsRemoved(t *testing.T) {
	tr := newTree(t)
	before := tr.state()
	rec := &record{User: fmt.Sprint(agent)}

	tr.grant(&record{}, true)
	planned := tr.lines
	assert.Equal(t, before, tr.state(), "a dry run changes nothing")

	tr.grant(rec, false)
	assert.Empty(t, tr.refused)
	assert.Equal(t, planned, tr.lines, "a dry run shows what is done")
	user := fmt.Sprint(agent)
	assert.Equal(t, []string{
		"setfacl -m u:" + user + ":--x " + tr.user,
		"setfacl -m u:" + user + ":r-x " + tr.home,
		"setfacl -m u:" + user + ":r-- " + tr.home + "/dump.pm2",
		"setfacl -m u:" + user + ":r-x " + tr.home + "/logs",
		"setfacl -d -m u::rwx,g::---,o::---,u:" + user + ":r-x " + tr.home + "/logs",
		"setfacl -m u:" + user + ":r-- " + tr.home + "/logs/web-out.log",
	}, tr.lines)
	assert.True(t, tr.reads(agent, ".pm2/logs/web-out.log"))
	assert.True(t, tr.reads(agent, ".pm2/dump.pm2"))
	assert.False(t, tr.reads(other, ".pm2/logs/web-out.log"), "another user has got no access")
	assert.False(t, tr.reads(agent, "."), "the folder of the user cannot be listed")

	// The printed commands do the same.
	granted := tr.state()
	for _, uid := range []string{"new-out.log", "new-error.log"} {
		out, err := exec.Command("setpriv", "--reuid", fmt.Sprint(owner), "--regid", fmt.Sprint(owner), "--clear-groups", "sh", "-c", "umask 022; echo x > "+filepath.Join(tr.home, "logs", uid)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	assert.True(t, tr.reads(agent, ".pm2/logs/new-out.log"), "files of PM2 that are created later are readable")
	assert.False(t, tr.reads(other, ".pm2/logs/new-out.log"))

	tr.grant(rec, false)
	assert.Empty(t, tr.lines, "a second call changes nothing")

	left, err := tr.access(rec, false).removeAll()
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.False(t, tr.reads(agent, ".pm2/logs/web-out.log"))
	assert.False(t, tr.reads(agent, ".pm2/logs/new-out.log"))
	for _, name := range []string{"new-out.log", "new-error.log"} {
		require.NoError(t, os.Remove(filepath.Join(tr.home, "logs", name)))
	}
	assert.Equal(t, before, tr.state(), "everything is as it was")

	for _, line := range planned {
		out, err := exec.Command("sh", "-c", line).CombinedOutput()
		require.NoError(t, err, "%s: %s", line, out)
	}
	assert.Equal(t, granted, tr.state(), "the commands do what setup does")
}

func TestGrantHome_GivesFilesOfOthersNoAccess(t *testing.T) {
	for name, attack := range map[string]func(tr *tree, secret string){
		"link in logs": func(tr *tree, secret string) { tr.link(secret, ".pm2/logs/a.log") },
		"hard link in logs": func(tr *tree, secret string) {
			require.NoError(tr.t, os.Link(secret, filepath.Join(tr.home, "logs", "a.log")))
		},
		"link for dump":    func(tr *tree, secret string) { tr.remove(".pm2/dump.pm2"); tr.link(secret, ".pm2/dump.pm2") },
		"link for pm2.log": func(tr *tree, secret string) { tr.link(secret, ".pm2/pm2.log") },
		"link for logs":    func(tr *tree, secret string) { tr.remove(".pm2/logs"); tr.link(filepath.Dir(secret), ".pm2/logs") },
		"file of another":  func(tr *tree, _ string) { tr.file(".pm2/logs/a.log", other, 0o600) },
		"listed secret":    func(tr *tree, secret string) { tr.dump(secret) },
		"listed link":      func(tr *tree, secret string) { tr.link(secret, "out.log"); tr.dump(filepath.Join(tr.user, "out.log")) },
		"listed below a link": func(tr *tree, secret string) {
			tr.link(filepath.Dir(secret), "app")
			tr.dump(filepath.Join(tr.user, "app", filepath.Base(secret)))
		},
		"listed hard link": func(tr *tree, secret string) {
			require.NoError(tr.t, os.Link(secret, filepath.Join(tr.user, "out.log")))
			tr.dump(filepath.Join(tr.user, "out.log"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			secret := filepath.Join(tr.root, "secrets", "shadow")
			require.NoError(t, os.Mkdir(filepath.Dir(secret), 0o700))
			require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
			attack(tr, secret)
			facl := func() string {
				out, err := exec.Command("getfacl", "-n", "-p", "-c", secret, filepath.Dir(secret)).Output()
				require.NoError(t, err)
				return string(out)
			}
			before := facl()
			tr.grant(&record{}, false)
			assert.Equal(t, before, facl())
			assert.NotEmpty(t, tr.refused)
			assert.Error(t, numbered(agent).Check(secret, asuser.Read))
			if name == "file of another" {
				assert.False(t, tr.reads(agent, ".pm2/logs/a.log"))
			}
			if !strings.Contains(name, "for logs") {
				assert.True(t, tr.reads(agent, ".pm2/logs/web-out.log"), "the rest is granted")
			}
		})
	}
}

func (tr *tree) link(target, name string) {
	tr.t.Helper()
	path := filepath.Join(tr.user, name)
	require.NoError(tr.t, os.Symlink(target, path))
	require.NoError(tr.t, os.Lchown(path, owner, owner))
}

func (tr *tree) remove(name string) {
	tr.t.Helper()
	require.NoError(tr.t, os.RemoveAll(filepath.Join(tr.user, name)))
}

// dump makes PM2's list name a log file.
func (tr *tree) dump(path string) {
	tr.t.Helper()
	require.NoError(tr.t, os.WriteFile(filepath.Join(tr.home, "dump.pm2"), fmt.Appendf(nil, `[{"pm_out_log_path":%q,"pm_err_log_path":"/dev/null"}]`, path), 0o600))
}

func TestGrantHome_GrantsListedFilesOfTheOwner(t *testing.T) {
	tr := newTree(t)
	require.NoError(t, os.Mkdir(filepath.Join(tr.user, "app"), 0o700))
	require.NoError(t, os.Chown(filepath.Join(tr.user, "app"), owner, owner))
	tr.dump(tr.file("app/out.log", owner, 0o600))
	private := tr.file("app/private", owner, 0o600)
	tr.grant(&record{}, false)
	assert.True(t, tr.reads(agent, "app/out.log"))
	assert.Error(t, numbered(agent).Check(private, asuser.Read), "other files of the folder are closed")
}

// What a stricter umask kept from others is kept from them with a default list too.
func TestFuture_KeepsTheEffectOfTheUmask(t *testing.T) {
	for _, c := range []struct {
		name  string
		umask int         // of the daemon; -1: unknown
		file  os.FileMode // of the log files that exist
		want  string      // of a file that the user creates with umask 022
	}{
		{"open", 0o022, 0o644, "0644"},
		{"closed", 0o077, 0o644, "0640"}, // the group of the mode shows the mask
		{"group only", 0o027, 0o640, "0640"},
		{"unknown, open files", -1, 0o644, "0644"},
		{"unknown, closed files", -1, 0o600, "0640"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTree(t)
			require.NoError(t, os.Chmod(filepath.Join(tr.home, "logs"), 0o755))
			tr.file(".pm2/logs/web-out.log", owner, c.file)
			homes, _ := pm2home.Find(pm2home.Search{Root: tr.root, More: []string{tr.home}})
			require.Len(t, homes, 1)
			homes[0].Umask = c.umask
			require.NoError(t, tr.access(&record{}, false).grantHome(&homes[0]))
			path := filepath.Join(tr.home, "logs", "new.log")
			out, err := exec.Command("setpriv", "--reuid", fmt.Sprint(owner), "--regid", fmt.Sprint(owner), "--clear-groups", "sh", "-c", "umask 022; echo x > "+path).CombinedOutput()
			require.NoError(t, err, "%s", out)
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, c.want, fmt.Sprintf("%04o", info.Mode().Perm()))
			assert.True(t, tr.reads(agent, ".pm2/logs/new.log"))
		})
	}
}

// An owner who closes a folder with chmod afterwards closes it for the agent, and a further call opens it again
// for the agent alone.
func TestGrantHome_AfterChmod(t *testing.T) {
	tr := newTree(t)
	tr.grant(&record{}, false)
	require.NoError(t, os.Chmod(tr.user, 0o700))
	assert.False(t, tr.reads(agent, ".pm2/logs/web-out.log"))
	tr.grant(&record{}, false)
	assert.True(t, tr.reads(agent, ".pm2/logs/web-out.log"))
	assert.False(t, tr.reads(other, ".pm2/logs/web-out.log"))
}
