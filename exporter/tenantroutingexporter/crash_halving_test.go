// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

const crashHalvingEnv = "ROUTING_CRASH_HALVING" // folder; set in the child only

// TestCrashHalvingChild is the process that TestCrash_WhileHalving kills; by itself it
// does nothing.
func TestCrashHalvingChild(t *testing.T) {
	dir := os.Getenv(crashHalvingEnv)
	if dir == "" {
		return
	}
	cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
destinations: {d: {otlp_http: {endpoint: %q, timeout: 5s, compression: none}}}
routes: {logs: [d]}
lane: {batch: {timeout: 20ms, max_bytes: 2KiB}}
retry: {initial_interval: 20ms, max_interval: 50ms}
circuit_breaker: {failures: 5, open: 50ms}
max_memory_bytes: 4KiB
dead_letter: {directory: %q}
`, os.Getenv(crashURLEnv), filepath.Join(dir, "letters")))
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
	host := tenanttest.Host{registryID: registry, storageID: newStorage(t, filepath.Join(dir, "queue"))}
	g := startGatewayWith(t, cfg, host, registry)
	if os.Getenv(crashDrainEnv) != "" {
		require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 2*time.Minute, 10*time.Millisecond)
		g.stop()
		return
	}
	for _, id := range []string{"a", "b"} {
		go func() {
			for n := 0; ; n++ {
				names := make([]string, 1+rand.IntN(8))
				for i := range names {
					kind := "good"
					if rand.IntN(20) == 0 {
						kind = "bad"
					}
					names[i] = fmt.Sprintf("%s-%s-%d-%d-%d", kind, id, os.Getpid(), n, i)
				}
				if g.consumeNamed(tenant.Logs, id, names...) == nil {
					fmt.Fprintf(os.Stderr, "accepted %s\n", strings.Join(names, " "))
				}
				time.Sleep(10 * time.Millisecond) // the rate of a client
			}
		}()
	}
	select {}
}

// A process that is killed while it takes batches apart loses nothing: good records are
// delivered and bad ones are dead letters, and no good one is.
func TestCrash_WhileHalving(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "queue"), 0o700))
	backend := &strict{status: http.StatusBadRequest}
	backend.up.Store(true)
	s := httptest.NewServer(backend)
	defer s.Close()
	child := func(extra ...string) *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=^TestCrashHalvingChild$")
		c.Env = append(append(os.Environ(), crashHalvingEnv+"="+dir, crashURLEnv+"="+s.URL), extra...)
		return c
	}
	accepted := make(map[string]bool)
	for range 6 {
		c := child()
		out, err := c.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		first := true
		for lines := bufio.NewScanner(out); lines.Scan(); {
			text, ok := strings.CutPrefix(lines.Text(), "accepted ")
			if !ok {
				continue
			}
			for _, name := range strings.Fields(text) {
				accepted[name] = true
			}
			if first {
				first = false
				time.AfterFunc(time.Duration(100+rand.IntN(400))*time.Millisecond, func() { _ = c.Process.Kill() })
			}
		}
		require.Error(t, c.Wait(), "it was killed")
		require.False(t, first, "it must have accepted something")
	}
	out, err := child(crashDrainEnv + "=1").CombinedOutput()
	require.NoError(t, err, "%s", out)

	got, dead := make(map[string]int), make(map[string]int)
	taken, _ := backend.taken()
	for _, name := range taken {
		got[name]++
	}
	names, _ := letters(t, filepath.Join(dir, "letters"))
	for _, name := range names {
		assert.True(t, strings.HasPrefix(name, "bad"), "a good record is a dead letter: %s", name)
		dead[name]++
	}
	bad := 0
	for name := range accepted {
		if strings.HasPrefix(name, "bad") {
			bad++
			assert.Positive(t, dead[name], name)
		} else {
			assert.Positive(t, got[name], name)
		}
	}
	require.Positive(t, bad)
	t.Logf("%d accepted records, %d of them bad; %d delivered and %d dead-lettered again", len(accepted), bad, len(taken)-len(got), len(names)-len(dead))
}
