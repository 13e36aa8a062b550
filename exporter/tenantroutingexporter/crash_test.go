// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

const (
	crashDirEnv   = "ROUTING_CRASH_DIR" // set in the child only
	crashURLEnv   = "ROUTING_CRASH_URL"
	crashDrainEnv = "ROUTING_CRASH_DRAIN"
	crashFilesEnv = "ROUTING_CRASH_FILES" // folder of the archive
	crashKillsEnv = "ROUTING_CRASH_KILLS" // how often TestCrash kills; 8 if not set
)

// TestCrashChild is the process that TestCrash kills; by itself it does nothing.
// It accepts records and writes down, one line each, which were accepted.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDirEnv)
	if dir == "" {
		return
	}
	ids := []string{"tenant-a", "tenant-b", "tenant-c", "tenant-d"}
	var list []*tenant.Tenant
	for _, id := range ids {
		list = append(list, &tenant.Tenant{ID: tenant.ID(id)})
	}
	cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
destinations:
  local: {archive: {directory: %q, max_file_bytes: 64KiB}}
  remote: {otlp_http: {endpoint: %q, timeout: 1s, compression: none}}
routes: {logs: [local, remote]}
lane: {batch: {timeout: 5ms}}
retry: {initial_interval: 20ms, max_interval: 50ms}
circuit_breaker: {failures: 5, open: 50ms}
max_memory_bytes: 32KiB
`, os.Getenv(crashFilesEnv), os.Getenv(crashURLEnv)))
	registry := tenanttest.NewRegistry(t, list...)
	host := tenanttest.Host{registryID: registry, storageID: newStorage(t, filepath.Join(dir, "queue"))}
	g := startGatewayWith(t, cfg, host, registry)
	if os.Getenv(crashDrainEnv) != "" {
		require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 60*time.Second, 10*time.Millisecond)
		g.stop()
		return
	}
	for _, id := range ids {
		go func() {
			for n := 0; ; n++ {
				body := fmt.Sprintf("%s-%d-%d-%s", id, os.Getpid(), n, strings.Repeat("x", rand.IntN(2000)))
				if g.logs.ConsumeLogs(context.Background(), logsOf(id, body)) == nil {
					fmt.Fprintf(os.Stderr, "accepted %s %s\n", id, body)
				}
			}
		}()
	}
	select {}
}

// flapping is a backend that is down now and then.
type flapping struct {
	mu  sync.Mutex
	got map[string]int
}

func (f *flapping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if time.Now().UnixMilli()/100%3 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	req := plogotlp.NewExportRequest()
	if req.UnmarshalProto(body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rl := range req.Logs().ResourceLogs().All() {
		id, _ := rl.Resource().Attributes().Get(tenant.AttributeKey)
		for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
			f.got[id.Str()+" "+lr.Body().Str()]++
		}
	}
}

// Kills lose no accepted data, deliver none to another tenant's destination, and leave no
// incomplete line.
func TestCrash(t *testing.T) {
	kills := 8
	if text := os.Getenv(crashKillsEnv); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		kills = n
	}
	testCrash(t, t.TempDir(), kills)
}

// testCrash keeps the queue in dir.
func testCrash(t *testing.T, dir string, kills int) {
	t.Helper()
	files := t.TempDir()
	backend := &flapping{got: make(map[string]int)}
	s := httptest.NewServer(backend)
	defer s.Close()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "queue"), 0o700))
	child := func(extra ...string) *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		c.Env = append(append(os.Environ(), crashDirEnv+"="+dir, crashURLEnv+"="+s.URL, crashFilesEnv+"="+files), extra...)
		return c
	}
	accepted := make(map[string]bool)
	for range kills {
		c := child()
		out, err := c.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		lines := make(chan string, 1024)
		go func() {
			defer close(lines)
			for scanner := bufio.NewScanner(out); scanner.Scan(); {
				lines <- scanner.Text()
			}
		}()
		first := true
		for line := range lines {
			if text, ok := strings.CutPrefix(line, "accepted "); ok {
				accepted[text] = true
				if first {
					first = false
					time.AfterFunc(time.Duration(20+rand.IntN(300))*time.Millisecond, func() { _ = c.Process.Kill() })
				}
			}
		}
		require.Error(t, c.Wait(), "it was killed")
		require.False(t, first, "it must have accepted something")
	}
	out, err := child(crashDrainEnv + "=1").CombinedOutput()
	require.NoError(t, err, "%s", out)

	archive := make(map[string]int)
	for id, bodies := range archived(t, files) {
		for _, body := range bodies {
			assert.True(t, strings.HasPrefix(body, id+"-"), "in another tenant's folder: %.40s", body)
			archive[id+" "+body]++
		}
	}
	duplicates := 0
	for _, where := range []map[string]int{archive, backend.got} {
		missing := 0
		for text := range accepted {
			if where[text] == 0 {
				missing++
			}
		}
		assert.Zero(t, missing, "of %d accepted records", len(accepted))
		for _, n := range where {
			duplicates += n - 1
		}
	}
	t.Logf("%d kills, %d accepted records, %d duplicates at two destinations", kills, len(accepted), duplicates)
}
