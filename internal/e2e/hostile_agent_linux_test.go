// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memory returns the collector's memory in MiB without file pages (program, queue), which
// the system reclaims when it needs them.
func (c *collector) memory() int {
	c.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Pid()))
	require.NoError(c.t, err)
	_, rest, found := strings.Cut(string(status), "RssAnon:")
	require.True(c.t, found)
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(c.t, err)
	return kib / 1024
}

// Files that local users put into PM2's folders neither make the agent read forbidden files
// nor exhaust its memory. A regular application in the same folder is served.
func TestHostileAgent(t *testing.T) {
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "acme")
	g := startGateway(t, reg)
	home := t.TempDir()
	logs := filepath.Join(home, "logs")
	require.NoError(t, os.MkdirAll(logs, 0o755))
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("a secret of the agent's user\n"), 0o600))
	for name, target := range map[string]string{"shadow": "/etc/shadow", "environ": "/proc/self/environ", "zero": "/dev/zero", "loop": "loop-out.log"} {
		require.NoError(t, os.Symlink(target, filepath.Join(logs, name+"-out.log")))
	}
	if os.Getuid() == 0 {
		require.NoError(t, os.Link(secret, filepath.Join(logs, "hard-out.log")))
		require.NoError(t, os.Symlink(secret, filepath.Join(logs, "secret-out.log")))
	}
	a := startAgent(t, g, reg, "acme", home)
	rest := a.memory()
	const files, size = 30, 15 << 20
	for i := range files {
		f, err := os.Create(filepath.Join(logs, fmt.Sprintf("hole%d-out.log", i)))
		require.NoError(t, err)
		require.NoError(t, f.Truncate(64<<30))
		require.NoError(t, f.Close())
		if i < files/3 { // each sends this much to the gateway
			require.NoError(t, os.WriteFile(filepath.Join(logs, fmt.Sprintf("long%d-out.log", i)), []byte(strings.Repeat("x", size)), 0o600))
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(logs, "honest-out.log"), []byte("an honest line\n"), 0o600))

	archived := func() string {
		var all strings.Builder
		require.NoError(t, filepath.WalkDir(filepath.Join(g.data, "tenant=acme"), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return nil //nolint:nilerr // it does not exist yet
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		}))
		return all.String()
	}
	peak := 0
	sample := time.NewTicker(20 * time.Millisecond)
	defer sample.Stop()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); <-sample.C {
		peak = max(peak, a.memory())
	}
	t.Logf("memory: %d MiB at rest, %d MiB at most", rest, peak)
	// One long line at a time, its copy in the exporter, and garbage: 130 MiB. Without a
	// bound these files take more than 1 GiB, or 350 MiB if each reader keeps its last
	// line.
	assert.Less(t, peak, rest+256)
	text := archived()
	assert.Contains(t, text, "an honest line")
	for _, never := range []string{"root:", "a secret of", "TENANT_KEY"} {
		assert.NotContains(t, text, never)
	}

	response, err := http.Get("http://" + a.metrics + "/metrics") //nolint:noctx // of this machine
	require.NoError(t, err)
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^otelcol_receiver_pm2_skipped_files_total\{reason="not_regular"\} [1-9]`, string(metrics))
	a.stop()
}
