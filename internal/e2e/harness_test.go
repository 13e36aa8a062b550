// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// root is the root of the source tree, relative to this package.
const root = "../.."

// missing ends a test because software is missing. It skips on a developer's machine and
// fails with REQUIRE_REAL=1.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_REAL") == "1" {
		t.Fatalf("REQUIRE_REAL=1 and there is no %s", what)
	}
	t.Skipf("there is no %s", what)
}

// built returns the absolute path of a binary of make build.
func built(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "_build", name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		missing(t, "_build/"+name+" (run make build)")
	}
	return path
}

// collector is a running collector of a test.
type collector struct {
	*process.Process
	t *testing.T
}

// start runs the built collector with these arguments and environment, waits until it is
// ready, and stops it when the test ends.
func start(t *testing.T, env map[string]string, args ...string) *collector {
	t.Helper()
	return startAs(t, process.Settings{Path: built(t, "otelcol-tenant"), Args: args, Env: env})
}

// startAs is start for settings that do not run the collector directly.
func startAs(t *testing.T, set process.Settings) *collector {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	set.Ready = "Everything is ready"
	set.Env = wayOf(set.Env)
	p, err := process.Start(ctx, set)
	require.NoError(t, err)
	c := &collector{Process: p, t: t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("output of pid %d:\n%s", p.Pid(), p.Tail(6000))
		}
		_ = p.Kill()
	})
	return c
}

// stop stops the collector regularly and requires exit status 0.
func (c *collector) stop() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(c.t, c.Stop(ctx), c.Tail(4000))
}

// addresses returns n free loopback addresses.
func addresses(t *testing.T, n int) []string {
	t.Helper()
	return loopback.Addresses(t, n)
}

// registry is a registry file that a test changes with tenantctl, like an operator.
type registry struct {
	t    *testing.T
	path string
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	return &registry{t: t, path: filepath.Join(t.TempDir(), "tenants.yaml")}
}

// ctl runs tenantctl and returns its output.
func (r *registry) ctl(args ...string) string {
	r.t.Helper()
	cmd := exec.Command(built(r.t, "tenantctl"), append([]string{"--registry", r.path, "-o", "json"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(r.t, err, "tenantctl %v: %s", args, stderr.String())
	return string(out)
}

// key creates a key for the tenant and returns its ID and text.
func (r *registry) key(tenant string, args ...string) (id, key string) {
	r.t.Helper()
	var made struct{ ID, Key string }
	out := r.ctl(append([]string{"key", "create", tenant}, args...)...)
	require.NoError(r.t, json.Unmarshal([]byte(out), &made), out)
	require.NotEmpty(r.t, made.Key, out)
	return made.ID, made.Key
}
