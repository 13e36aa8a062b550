// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// control is the folder of a sandbox that the test shares with it.
const control = "/run/docs"

// sourceTree is the source tree in a sandbox. Changes of it are lost with the sandbox.
const sourceTree = "/run/src"

// initVariable holds the initSettings of a process that becomes process 1 of a sandbox.
const initVariable = "OTELCOL_TENANT_DOCS_SANDBOX"

// initSettings describe a sandbox to its process 1. Paths are those of the machine.
type initSettings struct {
	Scratch string // an empty folder for the layers of the sandbox
	Control string // the shared folder, with the file substitute
	Source  string // the source tree
	Keep    []string
}

// sandbox is a shell as root in namespaces of its own: it sees the files of the machine, and
// its changes are lost at its end. Its network is a loopback interface, so that the ports of
// the documents are free. Its processes end with it.
type sandbox struct {
	dir    string // control, outside
	stdin  io.Writer
	status *bufio.Reader
	count  int
	end    func() // ends its processes; may be called twice
}

// newSandbox starts a sandbox.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root: documents are executed as root, in namespaces")
	}
	s := &sandbox{dir: t.TempDir()}
	scratch := t.TempDir()
	source, err := filepath.Abs(root)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	raw, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "substitute"), raw, 0o755))

	set, err := json.Marshal(initSettings{Scratch: scratch, Control: s.dir, Source: source, Keep: caches(t)})
	require.NoError(t, err)
	statusRead, statusWrite, err := os.Pipe()
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(s.dir, "init.log"))
	require.NoError(t, err)
	defer log.Close()
	cmd := exec.Command(self)
	cmd.Env = []string{
		initVariable + "=" + string(set),
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:" + programs(), "HOME=/root", "USER=root", "LOGNAME=root", "LANG=C.UTF-8", "TERM=dumb",
		"GOFLAGS=-mod=mod -trimpath -buildvcs=false", "GOPROXY=off", "GOCACHE=" + sourceCache("build"), "GOMODCACHE=" + sourceCache("mod"),
	}
	cmd.ExtraFiles = []*os.File{statusWrite}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true,
	}
	s.stdin, err = cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "namespaces")
	require.NoError(t, statusWrite.Close())
	s.status = bufio.NewReader(statusRead)
	s.end = func() {
		_ = cmd.Process.Kill() // process 1: the kernel ends the others
		_ = cmd.Wait()
		_ = statusRead.Close()
	}
	t.Cleanup(s.end)
	if _, err := s.run(t.Context(), "hostname machine"); err != nil {
		text, _ := os.ReadFile(log.Name())
		require.NoError(t, err, string(text))
	}
	return s
}

// programs returns the folders of programs that may be elsewhere than in the system's folders.
func programs() string {
	var folders []string
	for _, name := range []string{"go", "node", "caddy"} {
		if path, err := exec.LookPath(name); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	return strings.Join(folders, ":")
}

// sourceCache returns the path of one of Go's caches in a sandbox.
func sourceCache(name string) string { return "/run/gocache/" + name }

// caches returns Go's caches of this machine: for builds and for modules.
func caches(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

// run executes shell code in the session and returns its output. An error is that of the first
// command that failed; the session has then ended.
func (s *sandbox) run(ctx context.Context, code string) (string, error) {
	return s.execute(ctx, code, ". %s.sh </dev/null >%s.out 2>&1")
}

// try is run in a subshell: the session goes on after a failure, and keeps no variables.
func (s *sandbox) try(ctx context.Context, code string) (string, error) {
	return s.execute(ctx, code, "(. %s.sh) </dev/null >%s.out 2>&1")
}

// start executes shell code in the background, and returns once its output contains text.
func (s *sandbox) start(ctx context.Context, code, text string) (string, error) {
	name := strconv.Itoa(s.count)
	// The output file exists before the commands that the shell starts in the background.
	if _, err := s.execute(ctx, code, ": >%[2]s.out; (. %[1]s.sh) </dev/null >>%[2]s.out 2>&1 & true"); err != nil {
		return "", err
	}
	var out string
	for range time.Tick(20 * time.Millisecond) {
		raw, err := os.ReadFile(filepath.Join(s.dir, name+".out"))
		out = string(raw)
		switch {
		case err == nil && strings.Contains(out, text):
			return out, nil
		case ctx.Err() != nil:
			return out, fmt.Errorf("the output does not contain %q: %w", text, ctx.Err())
		}
	}
	return out, nil
}

// write writes a file in the sandbox, and keeps the owner and mode of one that exists.
func (s *sandbox) write(ctx context.Context, path, content string) error {
	name := fmt.Sprintf("file-%d", s.count)
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
		return err
	}
	out, err := s.try(ctx, fmt.Sprintf(`mkdir -p "$(dirname %[2]s)" && cat %[1]s/%[3]s > %[2]s`, control, path, name))
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (s *sandbox) execute(ctx context.Context, code, command string) (string, error) {
	name := strconv.Itoa(s.count)
	s.count++
	if err := os.WriteFile(filepath.Join(s.dir, name+".sh"), []byte("set -euo pipefail\n"+code), 0o644); err != nil {
		return "", err
	}
	path := control + "/" + name
	if _, err := fmt.Fprintf(s.stdin, "set +e; "+command+"; echo $? >&3\n", path, path); err != nil {
		return "", err
	}
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := s.status.ReadString('\n')
		done <- result{strings.TrimSpace(line), err}
	}()
	var err error
	select {
	case r := <-done:
		switch {
		case errors.Is(r.err, io.EOF):
			err = errors.New("a command failed")
		case r.err != nil:
			err = r.err
		case r.line != "0":
			err = exitError(r.line)
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	out, readErr := os.ReadFile(filepath.Join(s.dir, name+".out"))
	return string(out), errors.Join(err, readErr)
}

// exitError is the exit status of shell code that is not 0.
type exitError string

func (e exitError) Error() string { return "exit status " + string(e) }

// missing ends a test because software is missing. It skips on a developer's machine and
// fails with REQUIRE_REAL=1.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_REAL") == "1" {
		t.Fatalf("REQUIRE_REAL=1 and there is no %s", what)
	}
	t.Skipf("there is no %s", what)
}

// TestMain also is process 1 of a sandbox, and the programs that replace systemd's.
func TestMain(m *testing.M) {
	if raw := os.Getenv(initVariable); raw != "" {
		fmt.Fprintln(os.Stderr, "init:", becomeInit(raw))
		os.Exit(1)
	}
	switch name := filepath.Base(os.Args[0]); name {
	case "systemctl", "journalctl":
		if err := substitute(name, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			var exit exitCode
			if errors.As(err, &exit) {
				os.Exit(int(exit))
			}
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// becomeInit mounts the sandbox and executes its shell. It returns only with an error.
func becomeInit(raw string) error {
	var set initSettings
	if err := json.Unmarshal([]byte(raw), &set); err != nil {
		return err
	}
	if err := mountSandbox(set); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	if err := os.Chdir("/root"); err != nil {
		return err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, initVariable) })
	return unix.Exec("/bin/bash", []string{"bash", "--norc"}, env)
}

// mountSandbox makes a copy-on-write view of the machine's files. Folders of the test remain
// reachable below /run.
func mountSandbox(set initSettings) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("layers", set.Scratch, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("layers: %w", err)
	}
	overlay := func(lower, at string) error {
		layer := filepath.Join(set.Scratch, strings.ReplaceAll(strings.TrimPrefix(at, "/"), "/", "-"))
		for _, dir := range []string{layer + "/upper", layer + "/work"} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		info, err := os.Stat(lower)
		if err != nil {
			return err
		}
		if err := os.Chmod(layer+"/upper", info.Mode().Perm()); err != nil {
			return err
		}
		options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, layer, layer)
		if err := unix.Mount("overlay", at, "overlay", 0, options); err != nil {
			return fmt.Errorf("overlay of %s: %w", at, err)
		}
		return nil
	}
	// Everything that a later mount hides is mounted below the new /run first.
	run := filepath.Join(set.Scratch, "run")
	binds := map[string]string{set.Control: "docs"}
	for i, name := range []string{"build", "mod"} {
		binds[set.Keep[i]] = "gocache/" + name
	}
	if err := os.MkdirAll(run+"/src", 0o755); err != nil {
		return err
	}
	for from, name := range binds {
		to := filepath.Join(run, name)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind of %s: %w", from, err)
		}
	}
	if err := overlay(set.Source, run+"/src"); err != nil {
		return err
	}
	for _, dir := range []string{"/etc", "/usr", "/var", "/root", "/home", "/opt", "/srv"} {
		if err := overlay(dir, dir); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
	}
	if err := unix.Mount(run, "/run", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("/run: %w", err)
	}
	if err := unix.Mount("tmp", "/tmp", "tmpfs", 0, "mode=1777"); err != nil {
		return fmt.Errorf("/tmp: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	for _, program := range []string{"systemctl", "journalctl"} {
		at := "/usr/bin/" + program
		if err := os.WriteFile(at, nil, 0o755); err != nil { // in the overlay
			return err
		}
		if err := unix.Mount(control+"/substitute", at, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", program, err)
		}
	}
	if err := removeProduct(); err != nil {
		return err
	}
	return os.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost machine gateway.example otlp.example.com\n::1 localhost\n"), 0o644)
}

// removeProduct removes in the sandbox what an installation on this machine has left, so that
// documents begin on a machine without it.
func removeProduct() error {
	for _, pattern := range []string{
		"/etc/otelcol-tenant*", "/var/lib/otelcol-tenant*", "/usr/bin/otelcol-tenant", "/usr/bin/tenantctl",
		"/etc/systemd/system/otelcol-tenant*", "/usr/lib/systemd/system/otelcol-tenant*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// loopbackUp starts the loopback interface of a new network namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
