// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// firstRound matches the lines that applications write first.
var firstRound = regexp.MustCompile(` 0 (out|err)$`)

// TestPM2FilesLive runs applications in a real PM2 whose files are outside of its home and
// do not contain their names. The agent gives each line the name and the stream from PM2.
// Then a reload excludes files: nothing more of them arrives until they are included again.
func TestPM2FilesLive(t *testing.T) {
	t.Parallel()
	p := newPM2(t)
	files, more := filepath.Join(p.truth, "files"), filepath.Join(p.truth, "more")
	require.NoError(t, os.Mkdir(files, 0o755))
	require.NoError(t, os.Mkdir(more, 0o755))
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg, inOrder()...)
	overlay := filepath.Join(t.TempDir(), "overlay.yaml")
	configure := func(exclude string) {
		require.NoError(t, os.WriteFile(overlay, []byte("receivers: {pm2: {exclude: ["+exclude+"]}}\n"), 0o600))
	}
	configure("")
	a := startAgent(t, g, reg, "shop", p.home, append(exact(), "--config", overlay)...)
	ready := func() int { return strings.Count(a.Output(), "Everything is ready") }
	reload := func(exclude string) {
		before := ready()
		configure(exclude)
		require.NoError(t, a.Signal(syscall.SIGHUP))
		require.Eventually(t, func() bool { return ready() > before }, 60*time.Second, 20*time.Millisecond, "the new configuration is not in force")
	}
	p.run("start", "files.config.js")

	reader := archive.NewReader(g.data)
	got := map[string]int{}
	poll := func() {
		require.NoError(t, reader.Poll(archive.Handler{Logs: func(_, _ string, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				name, _ := rl.Resource().Attributes().Get("service.name")
				process := "none"
				if _, has := rl.Resource().Attributes().Get("pm2.process.id"); has {
					process = "one" // PM2 numbers processes in the order of their start
				}
				numbered := process
				for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
					process = numbered
					stream, _ := rec.Attributes().Get("log.iostream")
					if firstRound.MatchString(rec.Body().Str()) && !strings.HasPrefix(name.Str(), "shop") {
						process = "one" // the agent waits for PM2 only briefly when a file is new
					}
					got[fmt.Sprintf("%s | %s | %s | %s", rec.Body().Str(), name.Str(), process, stream.Str())]++
				}
			}
			return nil
		}}))
	}
	want := map[string]int{}
	says := func(round int, names ...string) {
		for _, name := range names {
			for i := range map[string]int{"shop out": 1, "api-error-2": 1, "web": 2, "private": 1}[name] {
				for short, stream := range map[string]string{"out": "stdout", "err": "stderr"} {
					want[fmt.Sprintf("%s %d %d %s | %s | one | %s", name, i, round, short, name, stream)] = 1
				}
			}
		}
	}
	await := func(what string) {
		t.Helper()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		deadline := time.Now().Add(60 * time.Second)
		for poll(); !maps.Equal(want, got) && time.Now().Before(deadline); poll() {
			<-tick.C
		}
		assert.Equal(t, want, got, what)
	}
	again := func(round int) {
		require.NoError(t, os.WriteFile(filepath.Join(more, strconv.Itoa(round)), nil, 0o600))
	}
	all := []string{"shop out", "api-error-2", "web", "private"}
	says(0, all...)
	await("what the applications say first")

	reload(files + "/private*")
	again(1)
	says(1, all[:3]...)
	await("private is excluded")
	reload(files + "/private*") // the exclusion survives several reloads
	again(2)
	says(2, all[:3]...)
	await("private is still excluded")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Second); maps.Equal(want, got) && time.Now().Before(end); <-tick.C {
		poll()
	}
	assert.Equal(t, want, got, "lines of an excluded file arrived")

	reload("")
	says(1, "private")
	says(2, "private")
	again(3)
	says(3, all...)
	await("private is included again")
}
