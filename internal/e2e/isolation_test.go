// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// gateway is the shipped gateway configuration, running.
type gateway struct {
	*collector
	grpc, http, data string
}

func startGateway(t *testing.T, reg *registry, args ...string) *gateway {
	t.Helper()
	free := addresses(t, 4)
	g := &gateway{grpc: free[0], http: free[1], data: filepath.Join(t.TempDir(), "data")}
	g.collector = start(t, map[string]string{
		"TENANTS_FILE": reg.path, "DATA_DIR": g.data, "STATE_DIR": filepath.Join(t.TempDir(), "state"),
		"OTLP_GRPC_ENDPOINT": g.grpc, "OTLP_HTTP_ENDPOINT": g.http,
		"HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
	}, append([]string{"--config", filepath.Join(root, "distributions", "gateway", "config.yaml")}, args...)...)
	return g
}

// origin is the attribute that states with which tenant's key a record was sent. Nothing in
// the pipeline changes it.
const origin = "test.origin"

// TestIsolation sends 100,000 records of 50 tenants in all three signals over gRPC and
// HTTP. Every payload names another tenant on resource, scope and record. Some requests
// also name another tenant in a header and must be rejected. Every record arrives at the
// tenant of its key and nowhere else.
func TestIsolation(t *testing.T) { eachWay(t, testIsolation) }

func testIsolation(t *testing.T) {
	const tenants, records, perRequest = 50, 100_000, 50
	reg := newRegistry(t)
	keys := make([]string, tenants)
	names := make([]string, tenants)
	for i := range tenants {
		names[i] = fmt.Sprintf("tenant-%02d", i)
		reg.ctl("tenant", "create", names[i])
		_, keys[i] = reg.key(names[i])
	}
	g := startGateway(t, reg)

	var accepted, refused [tenants]atomic.Int64
	var work sync.WaitGroup
	requests := make(chan int)
	for range 8 {
		work.Go(func() {
			c := newClients(t, g.grpc, g.http)
			rnd := rand.New(rand.NewPCG(1, rand.Uint64()))
			for n := range requests {
				i := n % tenants
				other := names[(i+1+rnd.IntN(tenants-1))%tenants]
				headers := map[string]string{"Authorization": "Bearer " + keys[i]}
				forged := n/tenants%5 == 4
				if forged {
					headers[[]string{"x-business-id", "X-Scope-OrgID", "X-BUSINESS-ID"}[rnd.IntN(3)]] = other
				} else if n%3 == 0 {
					headers["x-business-id"] = names[i] // its own tenant is allowed
				}
				code := c.send(n, headers, payload(tenant.Signal(n%3), perRequest, names[i], other))
				switch {
				case forged && code == refusedCode(n):
					refused[i].Add(perRequest)
				case !forged && code == 0:
					accepted[i].Add(perRequest)
				default:
					t.Errorf("request %d (forged: %t) was answered %d", n, forged, code)
				}
			}
		})
	}
	for n := range records / perRequest {
		requests <- n
	}
	close(requests)
	work.Wait()
	require.False(t, t.Failed())

	got := map[string]int64{}
	reader := archive.NewReader(g.data)
	want := int64(0)
	total := int64(0)
	for i := range tenants {
		want += accepted[i].Load()
		total += accepted[i].Load() + refused[i].Load()
		assert.NotZero(t, refused[i].Load())
	}
	require.EqualValues(t, records, total)
	require.Eventually(t, func() bool {
		require.NoError(t, reader.Poll(counting(t, got)))
		sum := int64(0)
		for _, n := range got {
			sum += n
		}
		return sum >= want
	}, time.Minute, 100*time.Millisecond)
	g.stop()
	require.NoError(t, reader.Poll(counting(t, got)))
	for i, name := range names {
		assert.Equal(t, accepted[i].Load(), got[name], name)
	}
	t.Logf("%d records sent, %d in the right archive, %d refused", total, want, total-want)
}

// counting counts the archive by tenant, and fails the test for every resource, scope or
// record that does not belong to the folder's tenant.
func counting(t *testing.T, got map[string]int64) archive.Handler {
	own := func(id string, m pcommon.Map, must bool) {
		v, ok := m.Get(tenant.AttributeKey)
		if !ok && must {
			t.Fatalf("a resource without a tenant in the archive of %s", id)
		}
		if ok && v.AsString() != id {
			t.Fatalf("%q in the archive of %s", v.AsString(), id)
		}
		n := 0
		for k := range m.All() {
			if k == tenant.AttributeKey {
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%d times %s in the archive of %s", n, tenant.AttributeKey, id)
		}
		if o, ok := m.Get(origin); ok && o.Str() != id {
			t.Fatalf("a record sent with the key of %s is in the archive of %s", o.Str(), id)
		}
	}
	return archive.Handler{
		Logs: func(id, _ string, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				own(id, rl.Resource().Attributes(), true)
				for _, sl := range rl.ScopeLogs().All() {
					own(id, sl.Scope().Attributes(), false)
					for _, r := range sl.LogRecords().All() {
						own(id, r.Attributes(), false)
						got[id]++
					}
				}
			}
			return nil
		},
		Metrics: func(id, _ string, md pmetric.Metrics) error {
			for _, rm := range md.ResourceMetrics().All() {
				own(id, rm.Resource().Attributes(), true)
				for _, sm := range rm.ScopeMetrics().All() {
					own(id, sm.Scope().Attributes(), false)
					for _, m := range sm.Metrics().All() {
						for _, p := range m.Sum().DataPoints().All() {
							own(id, p.Attributes(), false)
							got[id]++
						}
					}
				}
			}
			return nil
		},
		Traces: func(id, _ string, td ptrace.Traces) error {
			for _, rs := range td.ResourceSpans().All() {
				own(id, rs.Resource().Attributes(), true)
				for _, ss := range rs.ScopeSpans().All() {
					own(id, ss.Scope().Attributes(), false)
					for _, s := range ss.Spans().All() {
						own(id, s.Attributes(), false)
						got[id]++
					}
				}
			}
			return nil
		},
	}
}
