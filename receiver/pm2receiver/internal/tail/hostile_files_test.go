// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package tail

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/unprivileged"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
)

const secret = "a secret of root's\n"

// A collector of root's reads nothing for a user that the user could not have written
// there himself.
func TestHostile_RootReadsForTheOwnerOfTheFolder(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files to others")
	}
	const user, other = 65534, 65533
	h := newHome(t)
	outside := t.TempDir()
	secrets, private, public := filepath.Join(outside, "shadow"), filepath.Join(outside, "private"), filepath.Join(outside, "public")
	file := func(path string, owner int, mode fs.FileMode, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		require.NoError(t, os.Chown(path, owner, owner))
	}
	link := func(target, name string, owner int) {
		require.NoError(t, os.Symlink(target, h.path(name)))
		require.NoError(t, os.Lchown(h.path(name), owner, owner))
	}
	file(secrets, 0, 0o640, secret)
	file(public, 0, 0o644, secret)
	file(private, other, 0o600, secret)
	own := filepath.Join(outside, "own.log")
	file(own, user, 0o600, "own, linked\n")
	require.NoError(t, os.Mkdir(filepath.Join(outside, "dir"), 0o755))
	file(filepath.Join(outside, "dir", "a-out.log"), 0, 0o644, secret)

	want := map[admit.Reason]int{}
	refused := func(reason admit.Reason) { want[reason]++ }
	for i, owner := range []int{user, 0} {
		for name, target := range map[string]string{"shadow": secrets, "public": public, "private": private, "over": "shadow0-out.log"} {
			link(target, fmt.Sprintf("%s%d-out.log", name, i), owner)
			refused(admit.LinkTarget)
		}
	}
	for name, target := range map[string]string{"environ": "/proc/self/environ", "maps": "/proc/self/maps", "zero": "/dev/zero", "null": "/dev/null"} {
		link(target, name+"-out.log", user)
		refused(admit.NotRegular)
	}
	require.NoError(t, os.Link(secrets, h.path("hard-out.log")))
	require.NoError(t, os.Link(public, h.path("hardpublic-out.log")))
	require.NoError(t, os.Link(private, h.path("hardprivate-out.log")))
	file(h.path("kept-out.log"), 0, 0o600, secret)
	file(h.path("others-out.log"), other, 0o640, secret)
	for range 5 {
		refused(admit.OtherOwner)
	}
	require.NoError(t, syscall.Mkfifo(h.path("pipe-out.log"), 0o666))
	refused(admit.NotRegular)
	// Copies and moved files of a log that is read come another way.
	file(h.path("plain-out.log"), user, 0o600, "plain\n")
	link(secrets, "plain-out__2026-11-21_00-00-00.log", user)
	refused(admit.LinkTarget)
	for name, target := range map[string]string{"loop": "loop-out.log", "dir": ".", "gone": "missing"} {
		link(target, name+"-out.log", user) // no files at all
	}
	link(own, "linked-out.log", user)
	file(h.path("logrotate-out.log"), 0, 0o644, "made by logrotate\n")
	h.daemon = h.path("pm2.log")
	link(secrets, "pm2.log", user)
	refused(admit.LinkTarget)
	require.NoError(t, os.Chown(h.dir, user, user))

	h.start()
	h.eventually("own, linked\nplain\nmade by logrotate")
	link(private, "plain-out.log.1", user)
	link(public, "plain-out__2026-11-22_00-00-00.log.gz", user)
	for range 2 {
		refused(admit.LinkTarget)
	}
	require.Eventually(t, func() bool { return h.meter.skips()[admit.LinkTarget] >= want[admit.LinkTarget] }, waitFor, tick)
	h.eventually("own, linked\nplain\nmade by logrotate")
	assert.Equal(t, want, h.meter.skips())
	h.stop()

	// The folder itself is a link of the user's.
	elsewhere := newHome(t)
	at := filepath.Join(h.dir, "logs")
	require.NoError(t, os.Symlink(filepath.Join(outside, "dir"), at))
	require.NoError(t, os.Lchown(at, user, user))
	elsewhere.include = []string{filepath.Join(at, "*.log")}
	elsewhere.start()
	require.Eventually(t, func() bool { return elsewhere.meter.skips()[admit.LinkTarget] == 1 }, waitFor, tick)
	elsewhere.waitForPolls()
	assert.Empty(t, elsewhere.got())
}

// A collector without rights of root's is not made to read what its own user may read
// and PM2's may not.
func TestHostile_UserWithoutRights(t *testing.T) {
	if unprivileged.Rerun(t) {
		return
	}
	h := newHome(t)
	require.NoError(t, os.Symlink("/etc/passwd", h.path("passwd-out.log")))
	require.NoError(t, os.Symlink("/proc/self/environ", h.path("environ-out.log")))
	target := filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.WriteFile(target, []byte("linked\n"), 0o600))
	require.NoError(t, os.Symlink(target, h.path("linked-out.log")))
	h.write("plain-out.log", "plain\n")
	h.start()
	h.eventually("plain\nlinked")
	assert.Equal(t, map[admit.Reason]int{admit.LinkTarget: 1, admit.NotRegular: 1}, h.meter.skips())
}

// A log that is read is exchanged for something else while the reader runs.
func TestHostile_LogIsExchanged(t *testing.T) {
	for name, exchange := range map[string]func(path string) error{
		"link to a file of a kernel's": func(path string) error { return os.Symlink("/proc/self/environ", path) },
		"pipe":                         func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":                       func(path string) error { return os.Mkdir(path, 0o700) },
		"link to itself":               func(path string) error { return os.Symlink(path, path) },
		"device":                       func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.start()
			h.write("a-out.log", numbered("a", 1, 10))
			h.eventually(numbered("a", 1, 10))
			require.NoError(t, os.Rename(h.path("a-out.log"), h.path("kept")))
			require.NoError(t, exchange(h.path("a-out.log")))
			for range 5 {
				h.waitForPolls()
				h.advance(scanInterval)
			}
			h.write("b-out.log", numbered("b", 1, 10))
			h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
			require.NoError(t, os.Remove(h.path("a-out.log")))
			require.NoError(t, os.Rename(h.path("kept"), h.path("a-out.log")))
			h.write("a-out.log", numbered("a", 11, 20))
			h.eventually(numbered("a", 1, 20), numbered("b", 1, 10))
			assert.Less(t, h.logs.Len(), 10)
		})
	}
}

// The log folder is exchanged for a file, and for a link to nothing.
func TestHostile_FolderIsExchanged(t *testing.T) {
	h := newHome(t)
	logs, kept := h.path("logs"), h.path("kept")
	h.include = []string{filepath.Join(logs, "*.log")}
	require.NoError(t, os.Mkdir(logs, 0o755))
	h.write("logs/a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	for _, exchange := range []func() error{
		func() error { return os.WriteFile(logs, []byte("a file"), 0o600) },
		func() error { return os.Symlink("missing", logs) },
		func() error { return os.Symlink("logs", logs) },
		func() error { return syscall.Mkfifo(logs, 0o600) },
	} {
		require.NoError(t, os.Rename(logs, kept))
		require.NoError(t, exchange())
		for range 3 {
			h.waitForPolls()
			h.advance(scanInterval)
		}
		require.NoError(t, os.Remove(logs))
		require.NoError(t, os.Rename(kept, logs))
	}
	h.write("logs/a-out.log", numbered("a", 11, 20))
	h.eventually(numbered("a", 1, 20))
	assert.Less(t, h.logs.Len(), 20)
}

// What the reader's own process writes is not read, from the start or later.
func TestHostile_OwnFilesAreNotRead(t *testing.T) {
	h := newHome(t)
	h.own = admit.NewOwn(func(name string) string {
		return map[string]string{"pm_id": "0", "pm_err_log_path": h.path("agent-error.log")}[name]
	})
	h.write("agent-error.log", "what PM2 writes of the reader\n")
	h.write("agent-error__2026-11-21_00-00-00.log", "the same, rotated\n")
	queue, err := os.OpenFile(h.path("queue-out.log"), os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	defer queue.Close()
	_, err = queue.WriteString("the queue\n")
	require.NoError(t, err)
	require.NoError(t, os.Symlink("queue-out.log", h.path("link-out.log")))
	h.write("a-out.log", numbered("a", 1, 10))
	h.write("later-out.log", "not yet\n")
	h.start()
	h.eventually(numbered("a", 1, 10), "not yet")
	assert.Equal(t, map[admit.Reason]int{admit.OwnFile: 3}, h.meter.skips())

	later, err := os.OpenFile(h.path("later-out.log"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	defer later.Close()
	require.Eventually(t, func() bool {
		h.advance(scanInterval)
		return h.meter.skips()[admit.OwnFile] == 4
	}, waitFor, tick)
	h.waitForPolls()
	_, err = later.WriteString("forever\n")
	require.NoError(t, err)
	h.write("a-out.log", numbered("a", 11, 20))
	h.eventually(numbered("a", 1, 20), "not yet")
}

func TestSkippedFiles_AreBounded(t *testing.T) {
	h := newHome(t)
	set := h.settings()
	k := &skippedFiles{meter: set.Meter, logger: set.Logger, now: set.Now, known: map[string]admit.Reason{}}
	for i := range 3 * maxSkipped {
		k.add(&admit.Refusal{Reason: admit.LinkTarget, Path: fmt.Sprintf("/logs/%d.log", i)})
		assert.LessOrEqual(t, len(k.known), maxSkipped)
	}
	assert.Equal(t, 3*maxSkipped, h.meter.skips()[admit.LinkTarget])
	assert.Equal(t, maxSkippedLogs+1, h.logs.Len())
	h.advance(skippedLogPeriod)
	k.add(&admit.Refusal{Reason: admit.LinkTarget, Path: "/logs/again.log"})
	assert.Equal(t, maxSkippedLogs+2, h.logs.Len())
	assert.False(t, k.add(nil))
	assert.False(t, k.add(os.ErrNotExist))
}
