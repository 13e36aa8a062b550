// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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

// arrivals is a backend that notes when each record came.
type arrivals struct {
	mu sync.Mutex
	at map[string]time.Time // by tenant and body
}

func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	req := plogotlp.NewExportRequest()
	if req.UnmarshalProto(body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, rl := range req.Logs().ResourceLogs().All() {
		id, _ := rl.Resource().Attributes().Get(tenant.AttributeKey)
		a.at[id.Str()+" "+rl.ScopeLogs().At(0).LogRecords().At(0).Body().Str()] = now
	}
}

func p99(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)*99/100]
}

// isolation runs well-behaved tenants, with four faulty ones if faulty is true, and
// returns how long acceptance and delivery took for the well-behaved tenants.
func isolation(t *testing.T, faulty, stored bool) (accept, deliver []time.Duration) {
	t.Helper()
	const innocents, rounds = 96, 10
	good := &arrivals{at: make(map[string]time.Time)}
	goodServer := httptest.NewServer(good)
	defer goodServer.Close()
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer hangs.Close()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer busy.Close()

	var list []*tenant.Tenant
	add := func(id, url string) {
		list = append(list, &tenant.Tenant{ID: tenant.ID(id), Vars: map[string]string{"url": url}})
	}
	for i := range innocents {
		add(fmt.Sprintf("innocent-%02d", i), goodServer.URL)
	}
	add("hangs", hangs.URL)
	add("refuses", "http://127.0.0.1:1")
	add("busy", busy.URL)
	add("floods", goodServer.URL)
	registry := tenanttest.NewRegistry(t, list...)
	cfg := parseConfig(t, `
registry: tenant_registry
allow_private_endpoints: [127.0.0.0/8]
destinations: {d: {otlp_http: {endpoint: "{vars.url}", timeout: 5s, compression: none}}}
routes: {logs: [d]}
lane: {max_bytes: 1MiB, batch: {timeout: 20ms}}
max_total_bytes: 64MiB
`)
	host := tenanttest.Host{registryID: registry}
	if stored {
		cfg.Storage = &storageID
		host[storageID] = newStorage(t, t.TempDir())
	}
	g := startGatewayWith(t, cfg, host, registry)
	ctx, cancel := context.WithCancel(context.Background())
	var faults sync.WaitGroup
	if faulty {
		for _, id := range []string{"hangs", "refuses", "busy", "floods"} {
			faults.Go(func() {
				pause := 10 * time.Millisecond
				if id == "floods" {
					pause = time.Millisecond
				}
				ld := logsOf(id, strings.Repeat("x", 20_000))
				for ctx.Err() == nil {
					_ = g.logs.ConsumeLogs(ctx, ld) // a full lane rejects; that is its tenant's own
					time.Sleep(pause)               // the rate of a client
				}
			})
		}
	}
	sent := make(map[string]time.Time)
	for round := range rounds {
		for i := range innocents {
			id, body := fmt.Sprintf("innocent-%02d", i), fmt.Sprint(round)
			begin := time.Now()
			require.NoError(t, g.logs.ConsumeLogs(ctx, logsOf(id, body)), "data of other tenants is accepted")
			accept = append(accept, time.Since(begin))
			sent[id+" "+body] = begin
			time.Sleep(time.Millisecond) // the rate of a client
		}
	}
	require.Eventually(t, func() bool {
		good.mu.Lock()
		defer good.mu.Unlock()
		for key := range sent {
			if good.at[key].IsZero() {
				return false
			}
		}
		return true
	}, 10*time.Second, 5*time.Millisecond, "everything of the innocent arrives")
	cancel()
	faults.Wait()
	g.stop()
	good.mu.Lock()
	defer good.mu.Unlock()
	for key, begin := range sent {
		deliver = append(deliver, good.at[key].Sub(begin))
	}
	return accept, deliver
}

func TestIsolation_FaultsOfSomeTenantsDoNotAffectOthers(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored=%v", stored), func(t *testing.T) {
			quietAccept, quietDeliver := isolation(t, false, stored)
			accept, deliver := isolation(t, true, stored)
			t.Logf("p99 accept %v quiet, %v with faults; p99 deliver %v quiet, %v with faults",
				p99(quietAccept), p99(accept), p99(quietDeliver), p99(deliver))
			// A shared worker pool would take at least the 5 s of one hanging call. How
			// near both are is for make bench-isolation, which has the machine for itself.
			assert.Less(t, p99(accept), p99(quietAccept)+2*time.Second)
			assert.Less(t, p99(deliver), p99(quietDeliver)+2*time.Second)
		})
	}
}
