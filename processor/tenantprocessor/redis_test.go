package tenantprocessor

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

// realRedis is a redis-server of the test's own, which it stops and starts.
type realRedis struct {
	t    *testing.T
	addr string
	cmd  *exec.Cmd
}

// startRedis skips the test if there is no redis-server on this machine, unless
// REQUIRE_REAL=1 asks for the real thing.
func startRedis(t *testing.T) *realRedis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("redis-server is not installed")
		}
		t.Skip("redis-server is not installed; .ci/run installs it")
	}
	r := &realRedis{t: t, addr: loopback.Address(t)}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *realRedis) start() {
	r.t.Helper()
	_, port, err := net.SplitHostPort(r.addr)
	require.NoError(r.t, err)
	r.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	require.NoError(r.t, r.cmd.Start())
	client := redis.NewClient(&redis.Options{Addr: r.addr, MaxRetries: -1})
	defer client.Close()
	require.Eventually(r.t, func() bool { return client.Ping(context.Background()).Err() == nil }, 20*time.Second, 10*time.Millisecond)
}

// kill ends the server at once. What it held is lost.
func (r *realRedis) kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

func (r *realRedis) signal(s syscall.Signal) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(s))
}

// copy returns a function that brings back what Redis holds now, as a fail-over to a
// replica does that lags behind.
func (r *realRedis) copy() (restore func()) {
	r.t.Helper()
	ctx, client := context.Background(), redis.NewClient(&redis.Options{Addr: r.addr})
	r.t.Cleanup(func() { _ = client.Close() })
	held := map[string]map[string]string{}
	for key := range strings.FieldsSeq(r.keys()) {
		fields, err := client.HGetAll(ctx, key).Result()
		require.NoError(r.t, err)
		held[key] = fields
	}
	return func() {
		require.NoError(r.t, client.FlushDB(ctx).Err())
		for key, fields := range held {
			require.NoError(r.t, client.HSet(ctx, key, fields).Err())
		}
	}
}

// keys returns what Redis holds.
func (r *realRedis) keys() string {
	r.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: r.addr})
	defer client.Close()
	keys, err := client.Keys(context.Background(), "*").Result()
	require.NoError(r.t, err)
	return strings.Join(keys, " ")
}
