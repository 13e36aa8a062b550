// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package redistest starts a Redis server for tests.
package redistest

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

// Server is a redis-server process that a test stops and starts.
type Server struct {
	t    *testing.T
	Addr string
	cmd  *exec.Cmd
}

// Start starts a server. It skips the test if there is no redis-server on this machine, unless
// REQUIRE_REAL=1 is set.
func Start(t *testing.T) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("redis-server is not installed")
		}
		t.Skip("redis-server is not installed; .ci/run installs it")
	}
	r := &Server{t: t, Addr: loopback.Address(t)}
	r.Start()
	t.Cleanup(r.Kill)
	return r
}

// Start starts the server again after [Server.Kill].
func (r *Server) Start() {
	r.t.Helper()
	_, port, err := net.SplitHostPort(r.Addr)
	require.NoError(r.t, err)
	r.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	require.NoError(r.t, r.cmd.Start())
	client := redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1})
	defer client.Close()
	require.Eventually(r.t, func() bool { return client.Ping(context.Background()).Err() == nil }, 20*time.Second, 10*time.Millisecond)
}

// Kill ends the server at once. Its data is lost.
func (r *Server) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

// Signal sends a signal to the server.
func (r *Server) Signal(s syscall.Signal) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(s))
}

// Copy returns a function that restores the present data, like a failover to a replica
// that lags behind.
func (r *Server) Copy() (restore func()) {
	r.t.Helper()
	ctx, client := context.Background(), redis.NewClient(&redis.Options{Addr: r.Addr})
	r.t.Cleanup(func() { _ = client.Close() })
	held := map[string]map[string]string{}
	for key := range strings.FieldsSeq(r.Keys()) {
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

// Keys returns the names of all keys, separated by spaces.
func (r *Server) Keys() string {
	r.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer client.Close()
	keys, err := client.Keys(context.Background(), "*").Result()
	require.NoError(r.t, err)
	return strings.Join(keys, " ")
}
