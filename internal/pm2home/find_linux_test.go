// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2home

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree is a machine in a folder, with processes in its own /proc.
type tree struct {
	t    *testing.T
	root string
	pids int
}

func newTree(t *testing.T) *tree {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can create files of other users")
	}
	root, err := os.MkdirTemp("/tmp", "homes") //nolint:usetesting // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	tr := &tree{t: t, root: root, pids: 100}
	for _, dir := range []string{"/home", "/root", "/proc", "/etc"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("app:x:4242:4242::/srv/app:/bin/sh\nbroken\nnone:x:1:1::/nonexistent:/bin/false\n"), 0o644))
	return tr
}

// home creates a home of PM2 with a log file.
func (tr *tree) home(path string, uid int) string {
	tr.t.Helper()
	full := filepath.Join(tr.root, path)
	require.NoError(tr.t, os.MkdirAll(filepath.Join(full, "logs"), 0o755))
	require.NoError(tr.t, os.WriteFile(filepath.Join(full, "logs", "app-out.log"), nil, 0o600))
	for _, p := range []string{full, filepath.Join(full, "logs"), filepath.Join(full, "logs", "app-out.log")} {
		require.NoError(tr.t, os.Lchown(p, uid, uid))
	}
	return full
}

// process adds a process.
func (tr *tree) process(uid int, title, environ string) int {
	tr.t.Helper()
	tr.pids++
	dir := filepath.Join(tr.root, "proc", fmt.Sprint(tr.pids))
	require.NoError(tr.t, os.Mkdir(dir, 0o755))
	for name, text := range map[string]string{"cmdline": title, "environ": environ, "exe": "", "status": fmt.Sprintf("Name:\tx\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\nUmask:\t0027\n", uid)} {
		require.NoError(tr.t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	require.NoError(tr.t, os.Symlink(tr.root, filepath.Join(dir, "root")))
	require.NoError(tr.t, os.Chown(dir, uid, uid))
	return tr.pids
}

func (tr *tree) find(more ...string) ([]Home, []Skipped) {
	for i := range more {
		more[i] = filepath.Join(tr.root, more[i])
	}
	return Find(Search{Root: tr.root, More: more})
}

func TestFind_FindsHomesOfAllUsers(t *testing.T) {
	tr := newTree(t)
	tr.home("/home/shop/.pm2", 1001)
	tr.home("/root/.pm2", 0)
	tr.home("/srv/app/.pm2", 4242) // the home folder of a user in /etc/passwd
	tr.home("/opt/pm2", 1002)
	tr.home("/opt/by environment", 1003)
	tr.home("/opt/named", 1004)
	require.NoError(t, os.MkdirAll(filepath.Join(tr.root, "/home/unused/.pm2"), 0o755))
	daemon := tr.process(1002, "PM2 v6.0.13: God Daemon (/opt/pm2)\x00\x00\x00", "")
	tr.process(1003, "node\x00app.js\x00", "A=b\x00PM2_HOME=/opt/by environment\x00")
	listener, err := net.Listen("unix", filepath.Join(tr.root, "/opt/pm2/rpc.sock"))
	require.NoError(t, err)
	defer listener.Close()
	require.NoError(t, os.WriteFile(filepath.Join(tr.root, "/opt/pm2/dump.pm2"), []byte(`[
		{"pm_out_log_path":"/var/log/app.log","pm_err_log_path":"`+tr.root+`/opt/pm2/logs/app-out.log","pm_log_path":"relative"},
		{"pm_out_log_path":"/dev/null","pm_err_log_path":7}]`), 0o600))
	require.NoError(t, os.Chown(filepath.Join(tr.root, "/opt/pm2/dump.pm2"), 1002, 1002))

	homes, skipped := tr.find("/opt/named", "/opt/absent")
	var paths []string
	for _, h := range homes {
		paths = append(paths, strings.TrimPrefix(h.Path, tr.root))
		assert.Equal(t, []string{"app-out.log"}, h.Logs, h.Path)
	}
	assert.Equal(t, []string{"/home/shop/.pm2", "/opt/by environment", "/opt/named", "/opt/pm2", "/root/.pm2", "/srv/app/.pm2"}, paths)
	running := homes[3]
	assert.Equal(t, daemon, running.Daemon)
	assert.Equal(t, 0o027, running.Umask)
	assert.True(t, running.Socket)
	assert.True(t, running.Dump)
	assert.Equal(t, []string{"/var/log/app.log"}, running.Listed)
	assert.EqualValues(t, 1002, running.Owner)
	assert.Equal(t, "1002", running.User)
	assert.True(t, homes[2].Named)
	assert.Equal(t, -1, homes[0].Umask)
	assert.Equal(t, []Skipped{{filepath.Join(tr.root, "/opt/absent"), filepath.Join(tr.root, "/opt/absent") + ": no such file or directory", 0}}, skipped)
}

// Every user may start a process with any title and environment, and create links and folders.
func TestFind_DoesNotBelieveHostileUsers(t *testing.T) {
	tr := newTree(t)
	victim := tr.home("/home/victim/private", 1001)
	tr.process(1666, "PM2 v6.0.13: God Daemon (/home/victim/private)", "")
	tr.process(1666, "node", "PM2_HOME=/home/victim/private\x00")
	tr.process(1666, "PM2 v6.0.13: God Daemon (relative)", "")
	require.NoError(t, os.MkdirAll(filepath.Join(tr.root, "/home/mallory"), 0o755))
	require.NoError(t, os.Chown(filepath.Join(tr.root, "/home/mallory"), 1666, 1666))
	require.NoError(t, os.Symlink(victim, filepath.Join(tr.root, "/home/mallory/.pm2")))
	require.NoError(t, os.Lchown(filepath.Join(tr.root, "/home/mallory/.pm2"), 1666, 1666))

	homes, skipped := tr.find()
	assert.Empty(t, homes)
	require.Len(t, skipped, 2)
	assert.Contains(t, skipped[0].Reason, "is a link that another user than root can replace")
	assert.Contains(t, skipped[1].Reason, "belongs to another user than the process that names it")

	// A process of another user, such as the agent, does not make a home of a user unusable.
	tr.home("/home/frank/.pm2", 1668)
	tr.process(1666, "otelcol-tenant", "PM2_HOME=/home/frank/.pm2\x00")
	homes, skipped = tr.find("/home/frank/.pm2")
	require.Len(t, homes, 1)
	assert.Len(t, skipped, 2, "none is added")

	// A link in place of the logs.
	home := tr.home("/home/eve/.pm2", 1667)
	require.NoError(t, os.RemoveAll(filepath.Join(home, "logs")))
	require.NoError(t, os.Symlink(filepath.Join(victim, "logs"), filepath.Join(home, "logs")))
	require.NoError(t, os.Lchown(filepath.Join(home, "logs"), 1667, 1667))
	homes, _ = tr.find("/home/eve/.pm2")
	require.Len(t, homes, 2)
	assert.Contains(t, homes[0].LogsFault, "is a link")
	assert.Empty(t, homes[0].Logs)
}

func TestFind_IsBounded(t *testing.T) {
	tr := newTree(t)
	for i := range Max + 3 {
		tr.home(fmt.Sprintf("/home/u%d/.pm2", i), 1001)
	}
	homes, skipped := tr.find()
	assert.Len(t, homes, Max)
	assert.Len(t, skipped, 3)
}

// A program that is set-user-ID, such as su, has root's identity and the title of who starts it. A process of
// root in a container names paths of the container.
func TestFind_DoesNotBelieveProgramsWithAnothersIdentity(t *testing.T) {
	for name, change := range map[string]func(tr *tree, dir string) error{
		"set-user-ID": func(_ *tree, dir string) error { return os.Chmod(filepath.Join(dir, "exe"), os.ModeSetuid|0o755) },
		"other real user": func(_ *tree, dir string) error {
			return os.WriteFile(filepath.Join(dir, "status"), []byte("Uid:\t1666\t0\t0\t0\n"), 0o600)
		},
		"container": func(tr *tree, dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "root")), os.Symlink(filepath.Join(tr.root, "srv"), filepath.Join(dir, "root")))
		},
		"unknown program": func(_ *tree, dir string) error { return os.Remove(filepath.Join(dir, "exe")) },
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tr.home("/srv/secret", 0)
			tr.home("/home/victim/private", 1001)
			for _, pid := range []int{
				tr.process(0, "PM2 v6.0.13: God Daemon (/srv/secret)", ""),
				tr.process(0, "su", "PM2_HOME=/home/victim/private\x00"),
			} {
				require.NoError(t, change(tr, filepath.Join(tr.root, "proc", fmt.Sprint(pid))))
			}
			homes, skipped := tr.find()
			assert.Empty(t, homes)
			assert.Empty(t, skipped)
		})
	}
}

// A user with many homes does not displace those of others.
func TestFind_OneUserDoesNotUseUpTheHomes(t *testing.T) {
	tr := newTree(t)
	for i := range 3 * Max {
		path := fmt.Sprintf("/home/mallory/%d", i)
		tr.home(path, 1666)
		tr.process(1666, fmt.Sprintf("PM2 v6.0.13: God Daemon (%s)", path), "")
		tr.process(1666, "node", "PM2_HOME="+path+"x\x00")
	}
	homes, skipped := tr.find()
	assert.Len(t, homes, maxOfUser)
	assert.Empty(t, skipped)

	for i := range Max {
		tr.home(fmt.Sprintf("/home/u%d/.pm2", i), 2000+i)
		tr.process(2000+i, fmt.Sprintf("PM2 v6.0.13: God Daemon (/home/u%d/.pm2)", i), "")
	}
	homes, _ = tr.find()
	require.Len(t, homes, Max)
	mallorys := 0
	for _, h := range homes {
		if h.Owner == 1666 {
			mallorys++
		}
	}
	assert.Equal(t, 1, mallorys)
}
