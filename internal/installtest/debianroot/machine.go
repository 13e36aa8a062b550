// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build linux

package debianroot

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

//go:embed boot.sh
var bootScript []byte

//go:embed supervise.sh
var superviseScript []byte

// bootTimeout bounds the start of systemd, on a busy machine too.
const bootTimeout = 2 * time.Minute

// Settings of a machine. The zero value is a machine with a network of its own.
type Settings struct {
	// HostNetwork makes the machine use the network of the test, so that they reach each
	// other on loopback. Otherwise the machine has only its own loopback interface, where
	// every port is free.
	HostNetwork bool
}

// Machine is a clean Debian root. Its methods end the test if they fail. They are not safe
// for concurrent use.
type Machine struct {
	t                       testing.TB
	set                     Settings
	lower, writable, shared string
	boot, supervise         string

	stdin io.Closer // of the supervisor; nil: systemd does not run
	done  *exec.Cmd
	init  int // process ID of systemd, as this process sees it
	log   *os.File
}

// New returns a clean machine that ends with the test. systemd does not run before Boot.
func New(t testing.TB, set Settings) *Machine {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root, who can create namespaces")
	}
	for _, command := range []string{"mmdebstrap", "unshare", "nsenter", "pivot_root"} {
		if _, err := exec.LookPath(command); err != nil {
			missing(t, command+" (apt-get install mmdebstrap)")
		}
	}
	m := &Machine{t: t, set: set, writable: t.TempDir(), shared: t.TempDir()}
	var err error
	m.lower, err = image()
	require.NoError(t, err)
	scripts := t.TempDir()
	m.boot, m.supervise = filepath.Join(scripts, "boot.sh"), filepath.Join(scripts, "supervise.sh")
	require.NoError(t, os.WriteFile(m.boot, bootScript, 0o700))
	require.NoError(t, os.WriteFile(m.supervise, superviseScript, 0o700))
	t.Cleanup(m.Halt)
	return m
}

// missing ends a test because the machine lacks something.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_REAL") == "1" {
		t.Fatalf("REQUIRE_REAL=1 and there is no %s", what)
	}
	t.Skipf("there is no %s", what)
}

// Share copies a file of the test to the folder /share of the machine and returns its path
// there.
func (m *Machine) Share(path string) string {
	m.t.Helper()
	src, err := os.ReadFile(path)
	require.NoError(m.t, err)
	info, err := os.Stat(path)
	require.NoError(m.t, err)
	name := filepath.Base(path)
	require.NoError(m.t, os.WriteFile(filepath.Join(m.shared, name), src, info.Mode().Perm()|0o444))
	return "/share/" + name
}

// SharedFolder is the folder of the test that the machine sees as /share.
func (m *Machine) SharedFolder() string { return m.shared }

// Command returns a command that runs in the machine as root. Without systemd no two of them
// may run at the same time, and their background processes end with them.
func (m *Machine) Command(args ...string) *exec.Cmd {
	var outer []string
	if m.stdin != nil {
		outer = []string{"nsenter", "--target", strconv.Itoa(m.init), "--mount", "--pid", "--ipc", "--uts", "--net", "--cgroup", "--root", "--wd"}
	} else {
		outer = []string{"unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts"}
		if !m.set.HostNetwork {
			outer = append(outer, "--net")
		}
		outer = append(outer, m.boot, "run", m.lower, m.writable, m.shared)
	}
	outer = append(outer, args...)
	cmd := exec.Command(outer[0], outer[1:]...)
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
		"DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",
	}
	return cmd
}

// Try runs a command in the machine as root and returns its output, standard error included.
func (m *Machine) Try(args ...string) (string, error) {
	out, err := m.Command(args...).CombinedOutput()
	return string(out), err
}

// Run is Try for a command that must succeed.
func (m *Machine) Run(args ...string) string {
	m.t.Helper()
	out, err := m.Try(args...)
	require.NoError(m.t, err, "%q in the machine:\n%s", args, out)
	return out
}

// Shell is Run for a script of /bin/sh, which ends at the first failure.
func (m *Machine) Shell(script string) string {
	m.t.Helper()
	return m.Run("sh", "-ec", script)
}

// Write writes a file of root with these permissions, and its folders.
func (m *Machine) Write(path, content string, mode os.FileMode) {
	m.t.Helper()
	cmd := m.Command("sh", "-ec", `mkdir -p "$(dirname "$1")"; umask 077; cat >"$1"; chmod "$2" "$1"`, "write", path, fmt.Sprintf("%o", mode.Perm()))
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.CombinedOutput()
	require.NoError(m.t, err, "writing %s: %s", path, out)
}

// Network runs a command of the test's own system in the network of a machine with systemd,
// such as curl, and returns its standard output.
func (m *Machine) Network(args ...string) (string, error) {
	m.t.Helper()
	require.NotNil(m.t, m.stdin, "systemd does not run")
	var stderr bytes.Buffer
	cmd := exec.Command("nsenter", append([]string{"--target", strconv.Itoa(m.init), "--net"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%q: %w: %s", args, err, stderr.String())
	}
	return string(out), err
}

// Boot starts systemd and returns when it has started the units of multi-user.target. From
// then on commands run beside it.
func (m *Machine) Boot() {
	m.t.Helper()
	require.Nil(m.t, m.stdin, "systemd already runs")
	network := "private"
	if m.set.HostNetwork {
		network = "host"
	}
	group := fmt.Sprintf("otelcol-tenant-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	cmd := exec.Command("sh", m.supervise, group, network, m.boot, "systemd", m.lower, m.writable, m.shared)
	stdin, err := cmd.StdinPipe()
	require.NoError(m.t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(m.t, err)
	m.log, err = os.CreateTemp(m.t.TempDir(), "console")
	require.NoError(m.t, err)
	cmd.Stderr = m.log
	require.NoError(m.t, cmd.Start())
	m.stdin, m.done = stdin, cmd
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(m.t, err, "supervising systemd: %s", m.console())
	parent := strings.TrimSpace(line)

	m.wait("start of systemd", func() bool {
		children, err := os.ReadFile("/proc/" + parent + "/task/" + parent + "/children")
		if err != nil {
			return false
		}
		m.init, err = strconv.Atoi(strings.TrimSpace(string(children)))
		if err != nil {
			return false
		}
		_, err = os.Stat(fmt.Sprintf("/proc/%d/root/run/systemd/private", m.init))
		return err == nil
	})
	var state string
	m.wait("start of the units", func() bool {
		out, _ := m.Command("systemctl", "is-system-running", "--wait").Output() // fails while starting
		state = strings.TrimSpace(string(out))
		return state == "running" || state == "degraded"
	})
	if state == "degraded" {
		m.t.Logf("failed units: %s", m.Run("systemctl", "--failed", "--plain", "--no-legend"))
	}
}

// wait returns once the condition holds.
func (m *Machine) wait(what string, condition func() bool) {
	m.t.Helper()
	for end := time.Now().Add(bootTimeout); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("no %s within %s:\n%s", what, bootTimeout, m.console())
		}
	}
}

// console returns the messages of systemd and of the scripts that start it.
func (m *Machine) console() string {
	text, err := os.ReadFile(m.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Halt ends systemd and everything in the machine at once, as if the power failed. The files
// remain, so Boot starts the machine again. Halt does nothing if systemd does not run.
func (m *Machine) Halt() {
	m.t.Helper()
	if m.stdin == nil {
		return
	}
	_ = m.stdin.Close()
	err := m.done.Wait()
	require.NoError(m.t, err, m.console())
	require.NoError(m.t, m.log.Close())
	m.stdin, m.done, m.init = nil, nil, 0
}
