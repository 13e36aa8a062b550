// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestAccounting sends E2E_ROUTING_RECORDS (100,000) records of E2E_ROUTING_TENANTS (200)
// tenants, in all signals and over both protocols, to two destinations each, while the
// registry changes: backends move, routes are reordered, tenants get names, attributes and
// keys, and tenants are added. Every record arrives at both of its destinations exactly
// once and at no other tenant's. At each observation, accepted + recovered = delivered +
// queued + dead-lettered + dropped.
func TestAccounting(t *testing.T) { eachWay(t, testAccounting) }

func testAccounting(t *testing.T) {
	tenants := fromEnv(t, "E2E_ROUTING_TENANTS", 200)
	records := fromEnv(t, "E2E_ROUTING_RECORDS", 100_000)
	const perRequest = 50
	// One tenant in fifty has a second destination that rejects its traces permanently.
	name := func(i int) string { return fmt.Sprintf("tenant-%04d", i) }
	refuses := map[string]bool{}
	for i := 49; i < tenants; i += 50 {
		refuses[name(i)] = true
	}
	l := &ledger{got: map[entry]int{}, refuse: func(e entry) bool {
		return e.destination == "second" && e.signal == tenant.Traces && refuses[e.tenant]
	}}
	servers := []string{l.backend(t), l.backend(t)}
	reg := newRegistry(t)
	keys := fillRegistry(t, reg.path, tenants, name, servers[0])

	free := addresses(t, 4)
	dir := t.TempDir()
	overlay := filepath.Join(dir, "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(`
exporters:
  tenant_routing:
    allow_private_endpoints: [127.0.0.0/8]
    destinations:
      first: {otlp_http: {endpoint: "{vars.backend}/first/{tenant}", compression: none}}
      second: {otlp_http: {endpoint: "{vars.backend}/second/{tenant}", compression: none}}
    routes: {logs: [first, second], metrics: [first, second], traces: [first, second]}
    retry: {initial_interval: 50ms, max_interval: 200ms}
    dead_letter: {directory: "`+filepath.Join(dir, "dead-letters")+`"}
`), 0o600))
	g := start(t, map[string]string{
		"TENANTS_FILE": reg.path, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": filepath.Join(dir, "state"),
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", overlay)

	quit := make(chan struct{})
	var changes, observations int
	var background sync.WaitGroup
	background.Go(func() {
		for ; ; changes++ {
			select {
			case <-quit:
				return
			default:
				changeRegistry(reg, changes, name(changes*37%tenants), servers)
			}
		}
	})
	background.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-time.After(100 * time.Millisecond):
				observations++
				requireBalance(t, accounts(t, free[3]))
			}
		}
	})
	sent := sendMany(t, free[0], free[1], records/perRequest, perRequest, name, keys)
	close(quit)
	background.Wait()
	require.False(t, t.Failed())

	want, total, dead := map[entry]int{}, 0, 0
	for e, n := range sent {
		total += n
		for _, destination := range []string{"first", "second"} {
			at := entry{destination, e.tenant, e.signal}
			if l.refuse(at) {
				dead += n
			} else {
				want[at] = n
			}
		}
	}
	require.Equal(t, records/perRequest*perRequest, total, "every request is accepted")
	require.Eventually(t, func() bool {
		queued := 0
		for _, a := range accounts(t, free[3]) {
			queued += a.queued
		}
		return queued == 0
	}, 2*time.Minute, 50*time.Millisecond, "what is accepted is not delivered")

	l.mu.Lock()
	defer l.mu.Unlock()
	assert.Empty(t, l.foreign)
	assert.Equal(t, want, l.got)
	final := accounts(t, free[3])
	requireBalance(t, final)
	var sum account
	for _, a := range final {
		sum.accepted += a.accepted
		sum.delivered += a.delivered
		sum.deadLettered += a.deadLettered
		sum.dropped += a.dropped
	}
	assert.Equal(t, account{accepted: 2 * total, delivered: 2*total - dead, deadLettered: dead}, sum)
	assert.Positive(t, dead)
	assert.Positive(t, changes)
	g.stop()
	t.Logf("%d records of %d tenants to two destinations each: %d delivered, %d dead letters, %d misrouted; %d registry changes, %d answers 503, %d observations in balance",
		total, tenants, sum.delivered, sum.deadLettered, len(l.foreign), changes, l.busy, observations+1)
}

func requireBalance(t *testing.T, all map[string]account) {
	t.Helper()
	for key, a := range all {
		assert.Equal(t, a.accepted+a.recovered, a.delivered+a.queued+a.deadLettered+a.dropped, "%s: %+v", key, a)
	}
}

// fillRegistry writes the whole registry, because one tenantctl call per tenant is slow.
func fillRegistry(t *testing.T, path string, tenants int, name func(int) string, backend string) (keys []string) {
	t.Helper()
	list := make([]*tenant.Tenant, tenants)
	for i := range list {
		key, id := apikey.New()
		keys = append(keys, key)
		list[i] = &tenant.Tenant{
			ID: tenant.ID(name(i)), Status: tenant.StatusActive, Isolation: tenant.IsolationShared,
			Vars: map[string]string{"backend": backend},
			Keys: []*tenant.Key{{
				ID: id, Digest: apikey.Digest(key), Scopes: tenant.NewSignals(tenant.AllSignals()...),
				CreatedAt: time.Now().UTC().Truncate(time.Second),
			}},
		}
	}
	data, err := registryfile.Format(list)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return keys
}

// changeRegistry makes one change that must not lose, duplicate or misroute data.
func changeRegistry(reg *registry, n int, id string, servers []string) {
	switch n % 6 {
	case 0, 3:
		reg.ctl("tenant", "update", id, "--var", "backend="+servers[n/3%2])
	case 1:
		signal := tenant.Signal(n % 3).String()
		reg.ctl("tenant", "update", id, "--route", signal+"="+[]string{"second,first", "first,second"}[n/6%2])
	case 2:
		reg.ctl("tenant", "update", id, "--attribute", fmt.Sprintf("plan=p%d", n))
	case 4:
		reg.key(id)
	case 5:
		other := fmt.Sprintf("other-%d", n)
		reg.ctl("tenant", "create", other)
		reg.ctl("tenant", "suspend", other)
	}
}

// sendMany sends requests of all signals, alternating between the tenants' keys, and
// returns the accepted records by tenant and signal.
func sendMany(t *testing.T, grpcAddr, httpAddr string, requests, perRequest int, name func(int) string, keys []string) map[entry]int {
	t.Helper()
	var mu sync.Mutex
	sent := map[entry]int{}
	var next atomic.Int64
	var work sync.WaitGroup
	for range 6 {
		work.Go(func() {
			c := newClients(t, grpcAddr, httpAddr)
			for n := int(next.Add(1) - 1); n < requests; n = int(next.Add(1) - 1) {
				id, key := name(n%len(keys)), keys[n%len(keys)]
				signal := tenant.Signal((n + n/len(keys)) % 3)
				forged := strings.Replace(id, "tenant-0", "tenant-1", 1)
				if code := c.send(n, bearer(key), payload(signal, perRequest, id, forged)); code != 0 {
					t.Errorf("request %d of %s was answered %d", n, id, code)
					continue
				}
				mu.Lock()
				sent[entry{tenant: id, signal: signal}] += perRequest
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return sent
}
