// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// inForce bounds how long a change of the registry may take. The promise is one second; the
// bound allows for a machine that is busy with other tests.
const inForce = 3 * time.Second

// TestHotChanges creates a tenant, revokes a key, changes a route, and suspends and resumes
// a tenant while another tenant's data flows without a single failure.
func TestHotChanges(t *testing.T) {
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "innocent")
	_, innocentKey := reg.key("innocent")
	other := filepath.Join(t.TempDir(), "other")
	g := startGateway(t, reg, "--config", "yaml:exporters::tenant_routing::destinations::other::archive::directory: "+other)

	var sent, failed atomic.Int64
	quit := make(chan struct{})
	var traffic sync.WaitGroup
	traffic.Go(func() {
		c := newClients(t, g.grpc, g.http)
		for n := 0; ; n++ {
			select {
			case <-quit:
				return
			default:
			}
			if code := c.send(n, bearer(innocentKey), payload(tenant.Signal(n%3), 10, "innocent", "x")); code != 0 {
				failed.Add(1)
			}
			sent.Add(1)
		}
	})

	c := newClients(t, g.grpc, g.http)
	try := func(n int, key string) int {
		return c.send(n, bearer(key), payload(tenant.Logs, 1, "late", "innocent"))
	}
	// within measures from the end of the command that made the change.
	within := func(what string, changed func() bool) {
		t.Helper()
		began := time.Now()
		require.Eventually(t, changed, inForce, 5*time.Millisecond, what)
		t.Logf("%s: in force after %s", what, time.Since(began).Round(time.Millisecond))
	}

	reg.ctl("tenant", "create", "late")
	id, key := reg.key("late")
	within("tenant created", func() bool { return try(0, key) == 0 })

	reg.ctl("tenant", "update", "late", "--route", "logs=other")
	reader, got := archive.NewReader(other), map[string]int64{}
	within("route changed", func() bool {
		require.Equal(t, 0, try(0, key))
		require.NoError(t, reader.Poll(counting(t, got)))
		return got["late"] > 0
	})

	reg.ctl("tenant", "suspend", "late")
	within("tenant suspended", func() bool { return try(3, key) == 403 && try(0, key) == 7 })
	reg.ctl("tenant", "resume", "late")
	within("tenant resumed", func() bool { return try(0, key) == 0 })

	_, second := reg.key("late")
	within("second key made", func() bool { return try(0, second) == 0 })
	reg.ctl("key", "revoke", id)
	within("key revoked", func() bool { return try(3, key) == 401 && try(0, key) == 16 })
	assert.Equal(t, 0, try(0, second), "the other key goes on")

	close(quit)
	traffic.Wait()
	assert.NotZero(t, sent.Load())
	assert.Zero(t, failed.Load(), "requests of an innocent tenant failed")
	t.Logf("%d requests of the innocent tenant meanwhile", sent.Load())
	g.stop()
}

func bearer(key string) map[string]string { return map[string]string{"Authorization": "Bearer " + key} }
