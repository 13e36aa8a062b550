// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pm2 is a real PM2 daemon with its own home.
type pm2 struct {
	t     *testing.T
	dir   string // the npm project
	home  string
	truth string // where the applications record what they write
	web   string // the web application's address
	cwd   string // the working directory of commands, below apps
	env   map[string]string
}

// in returns the same PM2 for a command in another working directory, and with for one with
// additional environment variables.
func (p *pm2) in(dir string) *pm2 {
	other := *p
	other.cwd = dir
	return &other
}

func (p *pm2) with(env map[string]string) *pm2 {
	other := *p
	other.env = env
	return &other
}

// longestSocket bounds the path of a unix socket. PM2 creates several in its home.
const longestSocket = 107

func newPM2(t *testing.T) *pm2 {
	t.Helper()
	p := &pm2{t: t, dir: nodeProject(t), truth: t.TempDir(), web: addresses(t, 1)[0]}
	short, err := os.MkdirTemp("/tmp", "pm2-") //nolint:usetesting // the test's folder name is too long for PM2's sockets
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(short)) })
	p.home = filepath.Join(short, "h")
	require.Less(t, len(filepath.Join(p.home, "interactor.sock")), longestSocket)
	require.NoError(t, os.Mkdir(p.home, 0o700))
	t.Cleanup(p.kill)
	return p
}

// run runs the pm2 command.
func (p *pm2) run(args ...string) {
	p.t.Helper()
	env := map[string]string{
		"HOME": p.home, "PM2_HOME": p.home, "TRUTH_DIR": p.truth, "TZ": "UTC", "PORT": port(p.web),
		"PM2_DISABLE_VERSION_CHECK": "true", "PM2_NO_INTERACTION": "true", "PM2_DISCRETE_MODE": "true",
	}
	maps.Copy(env, p.env)
	program(p.t, filepath.Join(p.dir, "apps", p.cwd), env, "node", append([]string{filepath.Join(p.dir, "node_modules", "pm2", "bin", "pm2")}, args...)...)
}

// pids returns the daemon's process and those that it started.
func (p *pm2) pids() []int {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.home, "pids", "*.pid"))
	require.NoError(p.t, err)
	var pids []int
	for _, file := range append(files, filepath.Join(p.home, "pm2.pid")) {
		raw, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(p.t, err)
		if len(raw) == 0 {
			continue // PM2 is writing the file of a process that it restarts
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		require.NoError(p.t, err, file)
		pids = append(pids, pid)
	}
	return pids
}

// kill stops the daemon and its processes and waits until they have exited. It may be
// called again.
func (p *pm2) kill() {
	p.t.Helper()
	if _, err := os.Stat(filepath.Join(p.home, "pm2.pid")); err != nil {
		return
	}
	pids := p.pids()
	defer func() {
		for _, pid := range pids {
			if running(pid) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}()
	p.run("kill")
	assert.Eventually(p.t, func() bool {
		for _, pid := range pids {
			if running(pid) {
				return false
			}
		}
		return true
	}, 10*time.Second, 50*time.Millisecond, "pm2 kill left processes of %v", pids)
}

// running reports whether the process exists and is not a zombie.
func running(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// visit requests a path from the web application.
func (p *pm2) visit(path string) error {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.web+path, http.NoBody)
	if err != nil {
		return err
	}
	req.Close = true // distributes requests over the processes
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
