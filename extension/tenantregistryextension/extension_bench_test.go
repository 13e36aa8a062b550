// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
)

// manyTenants returns a registry of 10,000 tenants with five keys each.
func manyTenants() []byte {
	var b bytes.Buffer
	b.WriteString("tenants:\n")
	for n := range 10_000 {
		fmt.Fprintf(&b, "  - id: tenant-%05d\n    name: Tenant %[1]d\n    status: active\n    isolation: shared\n"+
			"    attributes: {plan: enterprise}\n    vars: {endpoint: \"signoz.tenant-%[1]d.example:4317\"}\n    routes: {logs: [signoz], traces: [signoz]}\n"+
			"    limits: {logs: {records_per_second: 5000, bytes_per_second: 5MiB}, daily_bytes: 20GiB}\n    keys:\n", n)
		for k := range 5 {
			fmt.Fprintf(&b, "      - {id: k%05d%d, sha256: %064x, scopes: [logs, metrics, traces], created_at: '2026-01-01T00:00:00Z', description: vm}\n", n, k, n*5+k+1)
		}
	}
	return b.Bytes()
}

// BenchmarkChange_OneOf10000Tenants takes the time from the change of a file to
// the moment the new snapshot is in force, including the wait for a stable file.
func BenchmarkChange_OneOf10000Tenants(b *testing.B) {
	data := manyTenants()
	cfg := createDefaultConfig().(*Config)
	cfg.File.Path = filepath.Join(b.TempDir(), "tenants.yaml")
	require.NoError(b, os.WriteFile(cfg.File.Path, data, 0o600))
	require.NoError(b, os.Chtimes(cfg.File.Path, time.Now(), time.Now().Add(-time.Minute)))
	ext, err := create(context.Background(), extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(b, err)
	begin := time.Now()
	require.NoError(b, ext.Start(context.Background(), componenttest.NewNopHost()))
	start := time.Since(begin)
	r := ext.(*registry)
	require.Equal(b, 10_000, r.Snapshot().Len())

	for n := 0; b.Loop(); n++ {
		name := fmt.Sprintf("Renamed %d", n)
		changed := bytes.Replace(data, []byte("name: Tenant 5000\n"), []byte("name: "+name+"\n"), 1)
		temp := cfg.File.Path + ".new"
		require.NoError(b, os.WriteFile(temp, changed, 0o600))
		require.NoError(b, os.Rename(temp, cfg.File.Path))
		for r.Snapshot().Tenant("tenant-05000").Name != name {
			time.Sleep(time.Millisecond) // less than what is measured
		}
	}
	b.ReportMetric(float64(start.Milliseconds()), "start-ms")
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	b.ReportMetric(float64(mem.HeapAlloc-uint64(len(data)))/(1<<20), "heap-MiB")
	require.NoError(b, ext.Shutdown(context.Background()))
}

// The README states what 10,000 tenants hold: 70 MiB. Twice that would be a fault.
func TestMemory_Of10000TenantsAnd50000Keys(t *testing.T) {
	f := newFixture(t)
	before := heap()
	f.replace(string(manyTenants()))
	f.start()
	require.Eventually(t, func() bool { s := f.reg.Snapshot(); return s != nil && s.Len() == 10_000 }, time.Minute, 10*time.Millisecond)
	keys := 0
	for range f.reg.Snapshot().Keys() {
		keys++
	}
	require.Equal(t, 50_000, keys)
	require.Less(t, int64(heap())-int64(before), int64(140<<20))
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkPostgres_ChangeOneOf10000Tenants takes the time from the commit of a
// change to the moment the new snapshot is in force.
func BenchmarkPostgres_ChangeOneOf10000Tenants(b *testing.B) {
	s := pgtest.Start(b)
	database := s.NewDatabase()
	admin, err := registrydb.ParseDSN(s.DSN(database))
	require.NoError(b, err)
	data := manyTenants()
	begin := time.Now()
	require.NoError(b, registrydb.Edit(b.Context(), admin, registrydb.Options{Create: true}, func(d *registryedit.Document) error { return d.Replace(data) }))
	imported := time.Since(begin)
	cfg := createDefaultConfig().(*Config)
	cfg.Postgres.DSN = configopaque.String(s.NewReader(database))
	ext, err := create(context.Background(), extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(b, err)
	begin = time.Now()
	require.NoError(b, ext.Start(context.Background(), componenttest.NewNopHost()))
	start := time.Since(begin)
	r := ext.(*registry)
	require.Equal(b, 10_000, r.Snapshot().Len())
	time.Sleep(time.Second) // it listens then, which nothing shows

	conn, err := pgx.Connect(b.Context(), s.DSN(database))
	require.NoError(b, err)
	for n := 0; b.Loop(); n++ {
		name := fmt.Sprintf("Renamed %d", n)
		_, err := conn.Exec(b.Context(), `update tenant_registry_tenants set document = regexp_replace(document, 'name: [^\n]*', $1) where id = 'tenant-05000'`, "name: "+name)
		require.NoError(b, err)
		for r.Snapshot().Tenant("tenant-05000").Name != name {
			time.Sleep(time.Millisecond) // less than what is measured
		}
	}
	b.ReportMetric(float64(start.Milliseconds()), "start-ms")
	b.ReportMetric(float64(imported.Milliseconds()), "import-ms")
	require.NoError(b, conn.Close(b.Context()))
	require.NoError(b, ext.Shutdown(context.Background()))
}
