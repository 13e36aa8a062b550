// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// request returns 100 records of about 200 bytes in one resource.
func request(id string) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	rl.Resource().Attributes().PutStr("service.name", "checkout")
	sl := rl.ScopeLogs().AppendEmpty()
	for i := range 100 {
		lr := sl.LogRecords().AppendEmpty()
		lr.Body().SetStr("request handled with a body of about the length that such lines have in a web service")
		lr.Attributes().PutStr("http.route", "/api/v1/orders/{id}")
		lr.Attributes().PutInt("http.status_code", int64(200+i%5))
	}
	return ld
}

func tenants(n int) []*tenant.Tenant {
	out := make([]*tenant.Tenant, n)
	for i := range out {
		out[i] = &tenant.Tenant{ID: tenant.ID(fmt.Sprintf("tenant-%05d", i))}
	}
	return out
}

func benchRouter(b *testing.B, registry *tenanttest.Registry, url string, storage component.Component) *router {
	b.Helper()
	text := fmt.Sprintf(`
registry: tenant_registry
destinations: {d: {otlp_http: {endpoint: %q, compression: none, headers: {X-Scope-OrgID: "{tenant}"}}}}
routes: {logs: [d]}
lane: {max_bytes: 1GiB, concurrency: 1}
max_total_bytes: 100GiB
`, url)
	host := tenanttest.Host{registryID: registry}
	if storage != nil {
		text += "storage: file_storage\n"
		host[storageID] = storage
	}
	set := exportertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = componenttest.NewNopTelemetrySettings()
	r := newRouter(parseConfig(b, text), set)
	require.NoError(b, r.start(context.Background(), host))
	b.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.NoError(b, r.shutdown(ctx))
	})
	return r
}

func discard(b *testing.B) string {
	b.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(s.Close)
	return s.URL
}

// BenchmarkConsume accepts and delivers, over loopback, requests of 100 records.
func BenchmarkConsume(b *testing.B) {
	for _, n := range []int{10, 10000} {
		for _, stored := range []bool{false, true} {
			b.Run(fmt.Sprintf("tenants=%d/storage=%v", n, stored), func(b *testing.B) {
				list := tenants(n)
				registry := tenanttest.NewRegistry(b, list...)
				var storage component.Component
				if stored {
					storage = newStorage(b, b.TempDir())
				}
				r := benchRouter(b, registry, discard(b), storage)
				data := make([]plog.Logs, n)
				for i := range data {
					data[i] = request(string(list[i].ID))
				}
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if err := r.consumeLogs(context.Background(), data[i%n]); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// BenchmarkIdleTenant reports the memory of 10,000 tenants whose lanes are open and
// empty, per tenant.
func BenchmarkIdleTenant(b *testing.B) {
	const n = 10000
	list := tenants(n)
	registry := tenanttest.NewRegistry(b, list...)
	r := benchRouter(b, registry, discard(b), nil)
	before, goroutines := heap(), runtime.NumGoroutine()
	for b.Loop() {
		for _, t := range list {
			require.NoError(b, r.consumeLogs(context.Background(), logsOf(string(t.ID), "x")))
		}
		for {
			done := true
			for _, st := range r.scheduler.Load().Observe() {
				done = done && st.QueuedRecords == 0
			}
			if done {
				break
			}
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(heap()-before)/n, "B/tenant")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
