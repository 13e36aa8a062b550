// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// injuries are kinds of damage to a file while the gateway is down. The tests of the store
// have a longer list.
var injuries = map[string]func([]byte) []byte{
	"random bytes":     func(b []byte) []byte { return scramble(b, 0) },
	"random pages":     func(b []byte) []byte { return scramble(b, 2*4096) },
	"headers only":     func(b []byte) []byte { return b[:2*4096] },
	"nothing":          func([]byte) []byte { return nil },
	"headers flipped":  func(b []byte) []byte { b[20] ^= 1; b[4096+20] ^= 1; return b },
	"page IDs flipped": flipIDs,
}

func scramble(b []byte, from int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	for i := from; i < len(b); i++ {
		b[i] = byte(r.Uint32())
	}
	return b
}

// flipIDs changes the ID in every page, which makes bbolt end the process.
func flipIDs(b []byte) []byte {
	for at := 2 * 4096; at < len(b); at += 4096 {
		b[at] ^= 0x40
	}
	return b
}

// TestDamagedQueueFiles kills a gateway with queued data, damages one of its files, and
// restarts it with the shipped configuration. It starts immediately, reports one fault, and
// delivers everything that was not only in that file.
func TestDamagedQueueFiles(t *testing.T) {
	t.Parallel()
	for name, injury := range injuries {
		for _, index := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/index=%t", name, index), func(t *testing.T) { damageAndRestart(t, index, injury) })
		}
	}
}

func damageAndRestart(t *testing.T, index bool, injury func([]byte) []byte) {
	backend := newPlace(t, true)
	reg := newRegistry(t)
	const tenants = 4
	var names, keys []string
	for i := range tenants {
		names = append(names, fmt.Sprintf("tenant-%d", i))
		reg.ctl("tenant", "create", names[i])
		_, key := reg.key(names[i])
		keys = append(keys, key)
	}
	free := addresses(t, 4)
	dir := t.TempDir()
	overlay := filepath.Join(dir, "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, fmt.Appendf(nil, `
exporters:
  tenant_routing:
    destinations: {fixed: {otlp_http: {endpoint: "%s/fixed/{tenant}", compression: gzip}}}
    routes: {logs: [fixed]}
    retry: {initial_interval: 50ms, max_interval: 200ms}
    circuit_breaker: {open: 200ms}
`, backend.url), 0o600))
	run := func() *collector {
		return start(t, map[string]string{
			"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": filepath.Join(dir, "state"),
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", overlay)
	}
	g := run()
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	sent := map[string]map[string]bool{} // by tenant
	for i, name := range names {
		sent[name] = map[string]bool{}
		for n := range 10 {
			req, bodies := numbered(name, false, n)
			require.NoError(t, postNumbered(context.Background(), client, free[1], keys[i], req))
			for _, b := range bodies {
				sent[name][b] = true
			}
		}
	}
	require.NoError(t, g.Kill())

	file, lost := laneFile(t, filepath.Join(dir, "state"), index, names)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, injury(data), 0o600))
	g = run()
	backend.mu.Lock()
	backend.busy = false
	backend.mu.Unlock()
	kept := map[string]bool{}
	for _, name := range names {
		for b := range sent[name] {
			if !lost[name] {
				kept[b] = true
			}
		}
	}
	require.NotEmpty(t, kept)
	require.Eventually(t, func() bool { return lacks(kept, "fixed", backend) == 0 }, 30*time.Second, 20*time.Millisecond,
		"what was not in the damaged file is missing")
	assert.Equal(t, "1", metricValue(t, free[3], "otelcol_exporter_tenant_routing_storage_faults"))
	assert.Empty(t, backend.misrouted())

	// A tenant that lost data continues, in a file that is used after the next start too.
	req, bodies := numbered(names[0], true, 1)
	require.NoError(t, postNumbered(context.Background(), client, free[1], keys[0], req))
	g.stop()
	g = run()
	again := map[string]bool{}
	for _, b := range bodies {
		again[b] = true
	}
	require.Eventually(t, func() bool { return lacks(again, "fixed", backend) == 0 }, 30*time.Second, 20*time.Millisecond)
	assert.Equal(t, "0", metricValue(t, free[3], "otelcol_exporter_tenant_routing_storage_faults"), "it is reported once")
	g.stop()
}

// laneFile returns the index, or the file with the first tenant's data, and the other
// tenants in that file.
func laneFile(t *testing.T, state string, index bool, names []string) (path string, holds map[string]bool) {
	t.Helper()
	if index {
		return filepath.Join(state, "exporter_tenant_routing__lanes_index"), nil
	}
	files, err := filepath.Glob(filepath.Join(state, "exporter_tenant_routing__lanes_[0-9]*"))
	require.NoError(t, err)
	for _, path := range files {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		if !bytes.Contains(data, []byte(names[0]+" grpc")) {
			continue
		}
		holds := map[string]bool{}
		for _, name := range names {
			holds[name] = bytes.Contains(data, []byte(name+" grpc"))
		}
		return path, holds
	}
	t.Fatal("the first tenant's data is in no file")
	return "", nil
}

func metricValue(t *testing.T, addr, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + `(?:_total)?(?:\{[^}]*\})? (\S+)$`).FindSubmatch(get(t, "http://"+addr+"/metrics"))
	require.NotNil(t, found, name)
	return string(found[1])
}
