// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/attack"
)

// maxGrowth bounds the memory that an attack may cost above the memory at rest.
const maxGrowth = 256 << 20

// size scales the attacks: far above the limits, and small enough for the race detector.
// The hostile soak test sends requests that would end a process that decodes them.
var size = attack.Size{Levels: 300_000, Elements: 1_500_000, Bomb: 40 << 20, Connections: 48, Stall: 1500 * time.Millisecond}

// memory reads the memory of a process from /proc.
type memory struct{ pid int }

var statusLine = regexp.MustCompile(`(?m)^(VmRSS|VmHWM):\s+(\d+) kB`)

// read returns the resident memory and its peak since the last reset, in bytes.
func (m memory) read(t *testing.T) (now, peak int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	require.NoError(t, err, "the process has ended")
	for _, found := range statusLine.FindAllSubmatch(text, -1) {
		kib, err := strconv.ParseInt(string(found[2]), 10, 64)
		require.NoError(t, err)
		if string(found[1]) == "VmRSS" {
			now = kib << 10
		} else {
			peak = kib << 10
		}
	}
	return now, peak
}

// reset sets the peak to the current memory.
func (m memory) reset(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.pid), []byte("5"), 0))
}

// honest continuously sends small requests of several tenants and records the acknowledged
// ones. Every answer except success is a fault.
type honest struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
	sent   atomic.Int64

	mu     sync.Mutex
	acked  map[string]map[string]bool // by tenant
	faults []string
}

func newHonest(t *testing.T, addr string, keys map[string]string) *honest {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	h := &honest{cancel: cancel, acked: map[string]map[string]bool{}}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: len(keys)}}
	for name, key := range keys {
		h.acked[name] = map[string]bool{}
		h.work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%s/%d", name, n)
				answer := postLog(ctx, client, addr, key, id)
				if ctx.Err() != nil {
					return
				}
				h.note(name, id, answer)
				pause(ctx, 10*time.Millisecond)
			}
		})
	}
	t.Cleanup(func() {
		h.stop()
		client.CloseIdleConnections()
	})
	return h
}

func postLog(ctx context.Context, client *http.Client, addr, key, body string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/logs", bytes.NewReader(attack.Log(body)))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprintf("%d %s", resp.StatusCode, text)
	}
	return ""
}

func (h *honest) note(name, id, answer string) {
	h.sent.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if answer == "" {
		h.acked[name][id] = true
	} else {
		h.faults = append(h.faults, name+": "+answer)
	}
}

// takeFaults returns the faults since the last call.
func (h *honest) takeFaults() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	faults := h.faults
	h.faults = nil
	return faults
}

func (h *honest) stop() {
	h.cancel()
	h.work.Wait()
}

// TestAttacks_Gateway sends every attack to the shipped gateway, from a tenant with a key
// and from clients without one. The process survives with bounded memory, requests over a
// limit are rejected, and other tenants are not affected.
func TestAttacks_Gateway(t *testing.T) {
	reg := newRegistry(t)
	keys := map[string]string{}
	for _, name := range []string{"attacker", "quiet-1", "quiet-2", "quiet-3"} {
		reg.ctl("tenant", "create", name)
		_, keys[name] = reg.key(name)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	free := addresses(t, 4)
	g := start(t, map[string]string{
		"TENANTS_FILE": reg.path, "DATA_DIR": data, "STATE_DIR": filepath.Join(dir, "state"),
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"))
	attacker := attack.Target{HTTP: free[1], GRPC: free[0], Key: keys["attacker"]}
	delete(keys, "attacker")
	h := newHonest(t, free[1], keys)
	require.Eventually(t, func() bool { return h.sent.Load() > 50 }, 30*time.Second, time.Millisecond)
	mem := memory{g.Pid()}
	rest, _ := mem.read(t)
	for _, a := range attack.All(size) {
		t.Run(a.Name, func(t *testing.T) {
			mem.reset(t)
			before := h.sent.Load()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			answer, err := a.Run(ctx, attacker)
			for tries := 1; a.Refused && err != nil && tries < 4; tries++ {
				answer, err = a.Run(ctx, attacker) // rejected in the middle of the body, so the answer may be lost with the connection
			}
			select {
			case <-g.Done():
				t.Fatalf("the gateway has ended:\n%s", g.Tail(4000))
			default:
			}
			_, peak := mem.read(t)
			t.Logf("answer %q (%v), peak memory %d MiB above rest", answer, err, (peak-rest)>>20)
			assert.Less(t, peak-rest, int64(maxGrowth), "peak memory above rest")
			if a.Refused {
				assert.NoError(t, err, "the caller must get an answer")
				assert.True(t, attack.Answered(answer), answer)
				assert.False(t, attack.Accepted(answer), "accepted: %s", answer)
			}
			require.Eventually(t, func() bool { return h.sent.Load() > before+20 }, 30*time.Second, time.Millisecond,
				"other tenants are not served")
			assert.Empty(t, h.takeFaults(), "refusals of other tenants")
		})
	}
	resp, err := http.Get("http://" + free[2] + "/health")
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	h.stop()
	stored := map[string]map[string]bool{}
	files := archive.NewReader(data)
	require.Eventually(t, func() bool {
		require.NoError(t, files.Poll(archive.Handler{Logs: func(tenant, _ string, ld plog.Logs) error {
			if stored[tenant] == nil {
				stored[tenant] = map[string]bool{}
			}
			for _, rl := range ld.ResourceLogs().All() {
				for _, sl := range rl.ScopeLogs().All() {
					for _, r := range sl.LogRecords().All() {
						stored[tenant][r.Body().AsString()] = true
					}
				}
			}
			return nil
		}}))
		for name, acked := range h.acked {
			for id := range acked {
				if !stored[name][id] {
					return false
				}
			}
		}
		return true
	}, time.Minute, 100*time.Millisecond, "acknowledged records are not stored")
	g.stop()
	assert.NotContains(t, g.Output(), "panic")
	for name, acked := range h.acked {
		for other := range stored {
			if other != name {
				for id := range acked {
					assert.False(t, stored[other][id], "%s is stored as %s", id, other)
				}
			}
		}
	}
}

// TestAttacks_Agent sends the attacks of a local program to the shipped agent while its
// gateway is down. The agent survives with bounded memory. After a kill it starts with its
// stored data and delivers it.
func TestAttacks_Agent(t *testing.T) {
	e := newEdge(t)
	away := addresses(t, 1)[0]
	set := e.settings(away)
	c := start(t, set.Env, set.Args...)
	target := attack.Target{HTTP: set.Env["OTLP_HTTP_ENDPOINT"], GRPC: set.Env["OTLP_GRPC_ENDPOINT"]}
	mem := memory{c.Pid()}
	rest, _ := mem.read(t)
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	for _, a := range attack.All(size) {
		if a.Anonymous {
			continue // a local program needs no key
		}
		t.Run(a.Name, func(t *testing.T) {
			mem.reset(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			answer, err := a.Run(ctx, target)
			for tries := 1; a.Refused && err != nil && tries < 4; tries++ {
				answer, err = a.Run(ctx, target) // as in TestAttacks_Gateway
			}
			select {
			case <-c.Done():
				t.Fatalf("the agent has ended:\n%s", c.Tail(4000))
			default:
			}
			_, peak := mem.read(t)
			t.Logf("answer %q (%v), peak memory %d MiB above rest", answer, err, (peak-rest)>>20)
			assert.Less(t, peak-rest, int64(maxGrowth), "peak memory above rest")
			if a.Refused {
				assert.NoError(t, err, "the caller must get an answer")
				assert.True(t, attack.Answered(answer), answer)
				assert.False(t, attack.Accepted(answer), "accepted: %s", answer)
			}
			require.Eventually(t, func() bool {
				return postLog(t.Context(), client, target.HTTP, "", a.Name) == ""
			}, 30*time.Second, 50*time.Millisecond, "applications are not served")
		})
	}
	require.NoError(t, c.Kill())
	e.sink = newSink(t)
	again := e.start(e.sink.http)
	require.Eventually(t, func() bool {
		arrived := 0
		for _, ld := range e.sink.logs.AllLogs() {
			arrived += ld.LogRecordCount()
		}
		return arrived > 100
	}, 60*time.Second, 50*time.Millisecond, "what the agent stored is not delivered")
	again.stop()
}
