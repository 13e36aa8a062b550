// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// fewFiles is the limit of open files of the gateway in this test.
const fewFiles = 256

// silence is a flood of connections that send nothing. It replaces each connection that the
// gateway closes.
type silence struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
	held   atomic.Int64 // open connections, as seen by the client
	closed atomic.Int64 // closed by the gateway, in total
}

func newSilence(t *testing.T, connections int, addresses ...string) *silence {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &silence{cancel: cancel}
	for _, addr := range addresses {
		for range connections {
			s.work.Go(func() {
				for ctx.Err() == nil {
					s.one(ctx, addr)
					pause(ctx, 200*time.Millisecond)
				}
			})
		}
	}
	t.Cleanup(s.stop)
	return s
}

func (s *silence) one(ctx context.Context, addr string) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return // the gateway is down
	}
	s.held.Add(1)
	defer s.held.Add(-1)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
	if ctx.Err() == nil {
		s.closed.Add(1)
	}
}

func (s *silence) stop() {
	s.cancel()
	s.work.Wait()
}

// fresh requests a page over a new connection.
func fresh(ctx context.Context, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// stored polls an archive and returns the bodies of each tenant's records.
func stored(t *testing.T, files *archive.Reader, into map[string]map[string]bool) {
	t.Helper()
	require.NoError(t, files.Poll(archive.Handler{Logs: func(tenant, _ string, ld plog.Logs) error {
		if into[tenant] == nil {
			into[tenant] = map[string]bool{}
		}
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					into[tenant][r.Body().AsString()] = true
				}
			}
		}
		return nil
	}}))
}

// TestFewFiles_OfTheShippedGateway gives the gateway 256 file descriptors. Clients without
// a key continuously open more connections than that to its ports and its health endpoint.
// Tenants send, health and metrics answer, and keys are created. After a kill the gateway
// starts under the same flood, and no acknowledged data is lost.
func TestFewFiles_OfTheShippedGateway(t *testing.T) {
	reg := newRegistry(t)
	names := []string{"tenant-0", "tenant-1", "tenant-2"}
	keys := make([]string, len(names))
	for i, name := range names {
		reg.ctl("tenant", "create", name)
		_, keys[i] = reg.key(name)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	free := addresses(t, 4)
	run := func() *collector {
		return startAs(t, process.Settings{
			Path: "/bin/sh",
			Args: []string{
				"-c", "ulimit -n " + strconv.Itoa(fewFiles) + ` && exec "$0" "$@"`,
				built(t, "otelcol-tenant"), "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"),
			},
			Env: map[string]string{
				"TENANTS_FILE": reg.path, "DATA_DIR": data, "STATE_DIR": filepath.Join(dir, "state"),
				"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
			},
		})
	}
	g := run()
	l := newCrashLoad(t, free[0], free[1], names, keys)
	flood := newSilence(t, 250, free[0], free[1], free[2])
	check := func() {
		t.Helper()
		closed := flood.closed.Load()
		require.Eventually(t, func() bool { return flood.closed.Load() > closed+500 }, 30*time.Second, time.Millisecond,
			"the flood does not fill the gateway")
		before, overGRPC := l.count(), l.overGRPC()
		require.Eventually(t, func() bool { return l.count()-l.overGRPC() > before-overGRPC+50 && l.overGRPC() > overGRPC+50 },
			30*time.Second, time.Millisecond, "tenants are not served over both protocols")
		for _, url := range []string{"http://" + free[2] + "/health", "http://" + free[3] + "/metrics"} {
			require.Eventually(t, func() bool { // the flood can be faster
				status, err := fresh(t.Context(), url)
				return err == nil && status == http.StatusOK
			}, 30*time.Second, 10*time.Millisecond, "%s does not answer", url)
		}
		_, key := reg.key(names[0])
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		require.Eventually(t, func() bool { return postLog(t.Context(), client, free[1], key, names[0]+" with a new key") == "" },
			30*time.Second, 20*time.Millisecond, "a key that was made during the flood is not in force")
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.Pid()))
		require.NoError(t, err)
		assert.LessOrEqual(t, len(open), fewFiles)
		t.Logf("%d files open, %d connections of the flood held, %d closed, %d records acknowledged",
			len(open), flood.held.Load(), flood.closed.Load(), l.count())
	}
	check()
	require.NoError(t, g.Kill())
	g = run()
	check()
	assert.NotContains(t, g.Output(), "too many open files")
	l.stop()
	flood.stop()
	accepted, got := l.result(), map[string]map[string]bool{}
	files := archive.NewReader(data)
	require.Eventually(t, func() bool {
		stored(t, files, got)
		for body := range accepted {
			var name string
			_, err := fmt.Sscan(body, &name)
			require.NoError(t, err)
			if !got[name][body] {
				return false
			}
		}
		return true
	}, time.Minute, 100*time.Millisecond, "acknowledged records are not stored")
	g.stop()
}
