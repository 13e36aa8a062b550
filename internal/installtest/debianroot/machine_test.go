// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build linux

package debianroot

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMachine(t *testing.T) {
	m := New(t, Settings{})
	m.Write("/etc/marker", "written before the start", 0o640)
	assert.Equal(t, "640 root", m.Shell("stat -c '%a %U' /etc/marker | tr -d '\\n'"))
	_, err := m.Try("test", "-d", "/run/systemd/system")
	require.Error(t, err, "systemd does not run yet")
	m.Write("/etc/systemd/system/greeter.service", `[Service]
User=daemon
StateDirectory=greeter
LoadCredential=key:/etc/marker
MemoryMax=64M
NoNewPrivileges=true
ProtectSystem=strict
SystemCallFilter=@system-service
ExecStart=/bin/sh -c 'cp $CREDENTIALS_DIRECTORY/key /var/lib/greeter/copy; exec sleep infinity'
ExecStartPost=/bin/sh -c 'until test -s /var/lib/greeter/copy; do sleep 0.1; done'
[Install]
WantedBy=multi-user.target
`, 0o644)
	m.Run("systemctl", "enable", "greeter")

	m.Boot()
	assert.Equal(t, "active\n", m.Run("systemctl", "is-active", "greeter"))
	assert.Equal(t, "written before the start", m.Run("cat", "/var/lib/greeter/copy"))
	assert.Equal(t, "67108864\n", m.Run("systemctl", "show", "-p", "MemoryMax", "--value", "greeter"))
	assert.Contains(t, m.Shell("cat /proc/$(systemctl show -p MainPID --value greeter)/cgroup"), "/system.slice/greeter.service\n")
	links, err := m.Network("ip", "-o", "link")
	require.NoError(t, err)
	assert.Regexp(t, `^1: lo: <LOOPBACK,UP`, links, "systemd starts the machine's own loopback interface")

	m.Halt()
	left, err := filepath.Glob("/sys/fs/cgroup/*/otelcol-tenant-test-*")
	require.NoError(t, err)
	assert.Empty(t, own(left))
	assert.Equal(t, "written before the start", m.Run("cat", "/var/lib/greeter/copy"), "files remain")
	m.Boot()
	assert.Equal(t, "active\n", m.Run("systemctl", "is-active", "greeter"), "an enabled unit starts with the machine")
}

// own filters the control groups of this process's machines.
func own(groups []string) (mine []string) {
	for _, g := range groups {
		if ok, _ := filepath.Match("otelcol-tenant-test-"+strconv.Itoa(os.Getpid())+"-*", filepath.Base(g)); ok {
			mine = append(mine, g)
		}
	}
	return mine
}

func TestMachine_SharesFilesAndNothingElse(t *testing.T) {
	one, two := New(t, Settings{}), New(t, Settings{})
	file := filepath.Join(t.TempDir(), "note")
	require.NoError(t, os.WriteFile(file, []byte("shared"), 0o600))
	assert.Equal(t, "shared", one.Run("cat", one.Share(file)))
	one.Run("touch", "/etc/only-in-one")
	_, err := two.Try("test", "-e", "/etc/only-in-one")
	require.Error(t, err)
	_, err = two.Try("test", "-e", "/share/note")
	require.Error(t, err)
}
