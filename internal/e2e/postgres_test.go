// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// dbGateway is the shipped gateway with its registry in a database.
type dbGateway struct {
	*collector
	*clients
	health string
	start  func()
}

func startDBGateway(t *testing.T, dsn string) *dbGateway {
	t.Helper()
	free := loopback.Addresses(t, 4)
	env := map[string]string{
		"DATA_DIR": filepath.Join(t.TempDir(), "data"), "STATE_DIR": filepath.Join(t.TempDir(), "state"), "TENANTS_DSN": dsn,
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
	}
	g := &dbGateway{health: free[2]}
	g.start = func() {
		t.Helper()
		g.collector = start(t, env, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"),
			"--config", "yaml:extensions::tenant_registry::file::path: ''",
			"--config", "yaml:extensions::tenant_registry::postgres::dsn: ${env:TENANTS_DSN}")
		g.clients = newClients(t, free[0], free[1])
	}
	g.start()
	return g
}

// say waits until the gateway's health has this status.
func (g *dbGateway) say(t *testing.T, want string) (last health) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, last, _ = askHealth(t, g.health)
		return last.Status == want
	}, 30*time.Second, 20*time.Millisecond, "want %s", want)
	return last
}

// TestPostgres_KilledUnderLoad has two gateways on one database with read-only access. The
// database is killed and restarted under load, one gateway starts while it is down, and
// keys are revoked. No valid key is ever rejected, and no revoked key accepted.
func TestPostgres_KilledUnderLoad(t *testing.T) {
	built(t, "otelcol-tenant")
	db := pgtest.Start(t)
	name := db.NewDatabase()
	t.Setenv("TENANTCTL_AUDIT_KEY", filepath.Join(t.TempDir(), "audit.key"))
	reg := &registry{t: t, path: db.DSN(name)}
	reg.ctl("tenant", "create", "steady")
	reg.ctl("tenant", "create", "changing")
	_, steady := reg.key("steady")
	gateways := []*dbGateway{startDBGateway(t, db.NewReader(name)), nil}
	gateways[1] = startDBGateway(t, db.DSNOf("reader_"+name, name))
	for _, g := range gateways {
		assert.Equal(t, "postgres", g.say(t, "ok").Registries["tenant_registry"].Source)
	}
	logs := func() any { return payload(tenant.Logs, 1, "steady", "x") }

	var sent, failed atomic.Int64
	quit := make(chan struct{})
	var load sync.WaitGroup
	unload := sync.OnceFunc(func() {
		close(quit)
		load.Wait()
	})
	t.Cleanup(unload)
	first := gateways[0]
	load.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-quit:
				return
			default:
			}
			sent.Add(1)
			if code := first.send(n, bearer(steady), logs()); code != 0 {
				failed.Add(1)
				t.Errorf("a good key was answered %d", code)
				return
			}
		}
	})

	for round := range 2 {
		id, changing := reg.key("changing")
		accepts := func(g *dbGateway, n int, want int) func() bool {
			return func() bool { return g.send(n, bearer(changing), logs()) == want }
		}
		for _, g := range gateways {
			require.Eventually(t, accepts(g, 0, 0), inForce, 5*time.Millisecond)
		}
		db.Kill()
		for _, g := range gateways {
			h := g.say(t, "degraded")
			assert.Equal(t, "unavailable", h.Registries["tenant_registry"].Failure.Class)
			assert.Zero(t, g.send(3, bearer(changing), logs()), "what was good stays good")
		}
		if round == 1 { // a start from the snapshot
			gateways[1].stop()
			gateways[1].start()
			assert.Equal(t, "snapshot", gateways[1].say(t, "degraded").Registries["tenant_registry"].Source)
			assert.Zero(t, gateways[1].send(3, bearer(steady), logs()))
		}
		db.Restart()
		reg.ctl("key", "revoke", id)
		revoked := time.Now()
		for _, g := range gateways {
			require.Eventually(t, accepts(g, 3, http.StatusUnauthorized), 2*inForce, 5*time.Millisecond)
			t.Logf("revoked everywhere after %v", time.Since(revoked).Round(time.Millisecond))
			for range 20 {
				require.True(t, accepts(g, 0, int(codes.Unauthenticated))(), "once refused it stays refused")
			}
			assert.Equal(t, "postgres", g.say(t, "ok").Registries["tenant_registry"].Source)
		}
	}
	unload()
	assert.Zero(t, failed.Load())
	assert.Greater(t, sent.Load(), int64(100))
	t.Logf("%d requests meanwhile", sent.Load())
	for _, g := range gateways {
		assert.NotContains(t, g.Output(), pgtest.Password)
		g.stop()
	}
}
