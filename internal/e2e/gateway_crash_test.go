// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fromEnv returns a number from an environment variable, for manual runs that are larger
// than those of CI.
func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// TestGatewayCrash kills the gateway (E2E_CRASH_KILLS times, by default 8) while tenants
// send over HTTP and gRPC and both of their backends stop and restart. Acknowledged data
// arrives at both, and nothing at another tenant's endpoint.
func TestGatewayCrash(t *testing.T) {
	kills := fromEnv(t, "E2E_CRASH_KILLS", 8)
	const tenants = 6
	reg := newRegistry(t)
	names, keys := make([]string, tenants), make([]string, tenants)
	for i := range tenants {
		names[i] = fmt.Sprintf("tenant-%d", i)
		reg.ctl("tenant", "create", names[i])
		_, keys[i] = reg.key(names[i])
	}
	first, second := newFlapping(t), newFlapping(t)
	free := addresses(t, 4)
	dir := t.TempDir()
	overlay := filepath.Join(dir, "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, fmt.Appendf(nil, `
exporters:
  tenant_routing:
    destinations:
      first: {otlp_http: {endpoint: "http://%s/{tenant}", compression: gzip, timeout: 500ms}}
      second: {otlp_http: {endpoint: "http://%s/{tenant}", compression: gzip, timeout: 500ms}}
    routes: {logs: [first, second]}
    lane: {batch: {timeout: 20ms}}
    retry: {initial_interval: 50ms, max_interval: 200ms}
    circuit_breaker: {open: 200ms}
    max_memory_bytes: 64KiB # most of what waits is read back from disk
`, first.addr, second.addr), 0o600))
	run := func() *collector {
		return start(t, map[string]string{
			"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": filepath.Join(dir, "state"),
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", overlay)
	}

	l := newCrashLoad(t, free[0], free[1], names, keys)
	for range kills {
		g := run()
		before := l.count()
		require.Eventually(t, func() bool { return l.count() > before }, 30*time.Second, time.Millisecond, "nothing is accepted")
		pause(t.Context(), time.Duration(rand.IntN(400))*time.Millisecond)
		require.NoError(t, g.Kill())
	}
	l.stop()
	accepted := l.result()
	g := run()
	require.Eventually(t, func() bool {
		a, _ := first.missing(accepted)
		b, _ := second.missing(accepted)
		return a == 0 && b == 0
	}, 2*time.Minute, 50*time.Millisecond, "acknowledged records are missing")
	g.stop()

	for i, f := range []*flapping{first, second} {
		missing, duplicates := f.missing(accepted)
		assert.Zero(t, missing)
		assert.Empty(t, f.foreign)
		t.Logf("backend %d: %d acknowledged records, %d missing, %d duplicates, %d at another tenant's; failures: %v",
			i+1, len(accepted), missing, duplicates, len(f.foreign), f.failures)
	}
	assert.Positive(t, l.overGRPC(), "acknowledged over gRPC")
	assert.Less(t, l.overGRPC(), len(accepted), "acknowledged over HTTP too")
	t.Logf("%d kills, %d of the acknowledged records over gRPC", kills, l.overGRPC())
}

// crashLoad continuously sends over both protocols to a gateway that is sometimes down, and
// records what was acknowledged.
type crashLoad struct {
	quit context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]bool
	grpc     int
}

func newCrashLoad(t *testing.T, grpcAddr, httpAddr string, names, keys []string) *crashLoad {
	t.Helper()
	return newCrashLoadOf(t, numbered, grpcAddr, httpAddr, names, keys)
}

// numbering makes a request with unique bodies.
type numbering func(name string, overGRPC bool, n int) (plogotlp.ExportRequest, []string)

func newCrashLoadOf(t *testing.T, next numbering, grpcAddr, httpAddr string, names, keys []string) *crashLoad {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &crashLoad{quit: cancel, accepted: map[string]bool{}}
	quick := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.5, MaxDelay: 100 * time.Millisecond}
	conn, err := grpc.NewClient(grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: time.Second}))
	require.NoError(t, err)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	for i, name := range names {
		for _, grpcToo := range []bool{false, true} {
			l.work.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					req, bodies := next(name, grpcToo, n)
					send := func() error { return postNumbered(ctx, client, httpAddr, keys[i], req) }
					if grpcToo {
						send = func() error { return exportNumbered(ctx, conn, keys[i], req) }
					}
					if send() != nil {
						pause(ctx, 5*time.Millisecond) // the gateway is down
						continue
					}
					l.accept(bodies, grpcToo)
				}
			})
		}
	}
	t.Cleanup(func() {
		l.stop()
		client.CloseIdleConnections()
		_ = conn.Close()
	})
	return l
}

func (l *crashLoad) stop() {
	l.quit()
	l.work.Wait()
}

func (l *crashLoad) accept(bodies []string, overGRPC bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range bodies {
		l.accepted[b] = true
	}
	if overGRPC {
		l.grpc += len(bodies)
	}
}

func (l *crashLoad) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

func (l *crashLoad) overGRPC() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grpc
}

func (l *crashLoad) result() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.accepted)
}

// numbered makes a request of a few records with unique bodies that claims to be another
// tenant's. One request in four is so large that the gateway compresses it on acceptance.
func numbered(name string, overGRPC bool, n int) (plogotlp.ExportRequest, []string) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(tenant.AttributeKey, "tenant-0")
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	bodies := make([]string, 1+rand.IntN(5))
	for i := range bodies {
		bodies[i] = fmt.Sprintf("%s grpc=%t %d.%d", name, overGRPC, n, i)
		r := records.AppendEmpty()
		r.Body().SetStr(bodies[i])
		padding := make([]byte, rand.IntN(2000))
		if n%4 == 0 && i == 0 {
			padding = bytes.Repeat([]byte(bodies[i]), 1500)
		}
		r.Attributes().PutEmptyBytes("padding").FromRaw(padding)
	}
	return plogotlp.NewExportRequestFromLogs(ld), bodies
}

func postNumbered(ctx context.Context, client *http.Client, addr, key string, r plogotlp.ExportRequest) error {
	body, err := r.MarshalProto()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/logs", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	// Only the status is the acknowledgment.
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

func exportNumbered(ctx context.Context, conn *grpc.ClientConn, key string, r plogotlp.ExportRequest) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := plogotlp.NewGRPCClient(conn).Export(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key), r)
	return err
}
