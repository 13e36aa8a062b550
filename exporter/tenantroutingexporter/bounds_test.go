// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func filesTaken(t *testing.T, dir string) (sum int64) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, path := range paths {
		sum += diskspace.Taken(path)
	}
	return sum
}

// A tenant that sends as many tiny requests as it can to a backend that is dead takes
// at most what the bounds allow, in memory and on the disk.
func TestBounds_HoldForTinyRequests(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		keys         string
		storage      bool
		memory, disk int64 // what all tenants may take
		rule         string
	}{
		"lane::max_bytes in memory": {"lane: {max_bytes: 8MiB}", false, 8 * mib, 0, "lane::max_bytes"},
		"max_total_bytes in memory": {"lane: {max_bytes: 16MiB}, max_total_bytes: 16MiB", false, 16 * mib, 0, "max_total_bytes"},
		"lane::max_bytes":           {"lane: {max_bytes: 8MiB}", true, 8 * mib, 8 * mib, "lane::max_bytes"},
		"max_total_bytes":           {"lane: {max_bytes: 12MiB}, max_total_bytes: 12MiB", true, 12 * mib, 12 * mib, "max_total_bytes"},
		"max_memory_bytes":          {"max_memory_bytes: 1MiB", true, 16 * mib, 64 * mib, "max_memory_bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			text := `{registry: tenant_registry, destinations: {dead: {otlp_http: {endpoint: "http://127.0.0.1:1", compression: none}}}, routes: {logs: [dead]}, retry: {initial_interval: 10m, max_interval: 10m}, ` + c.keys
			dir := t.TempDir()
			host := tenanttest.Host{}
			if c.storage {
				text += ", storage: file_storage"
				host[storageID] = newStorage(t, dir)
			}
			text = strings.Replace(text, "lane: {", "lane: {batch: {max_bytes: 1MiB, timeout: 1s}, ", 1) + "}"
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
			host[registryID] = registry
			// Without exporterhelper, whose spans tests keep.
			set := exportertest.NewNopSettings(metadata.Type)
			set.ID = component.NewID(metadata.Type)
			r := newRouter(parseConfig(t, text), set)
			require.NoError(t, r.start(t.Context(), host))
			defer func() { assert.NoError(t, r.shutdown(context.Background())) }()
			require.NoError(t, r.consumeLogs(t.Context(), logsOf("b", "first")))
			memory, disk := liveHeap(), filesTaken(t, dir)
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					for range 100_000 {
						if err := r.consumeLogs(context.Background(), logsOf("a", "")); err != nil {
							assert.Equal(t, codes.ResourceExhausted, status.Code(err))
							assert.ErrorContains(t, err, c.rule)
							return
						}
					}
					assert.Fail(t, "nothing is rejected")
				})
			}
			wg.Wait()
			memory, disk = liveHeap()-memory, filesTaken(t, dir)-disk
			n := int64(0)
			for _, st := range r.scheduler.Load().Observe() {
				n += st.QueuedRecords
			}
			t.Logf("%d requests, %d bytes of memory each, %d of the disk each", n, memory/n, disk/n)
			assert.Greater(t, n, int64(5000), "it must have come far")
			assert.Less(t, float64(memory), 1.5*float64(c.memory))
			if c.storage {
				assert.Less(t, float64(disk), 1.5*float64(c.disk))
			}
			require.NoError(t, r.consumeLogs(t.Context(), logsOf("b", fmt.Sprint(n))), "others go on")
		})
	}
}
