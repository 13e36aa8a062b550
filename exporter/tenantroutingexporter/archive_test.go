// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func TestArchive_EveryTenantInItsOwnFiles(t *testing.T) {
	dir := t.TempDir()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a"}, &tenant.Tenant{ID: "tenant-b"})
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {local: {archive: {directory: %q}}}
routes: {logs: [local], metrics: [local], traces: [local]}
lane: {batch: {timeout: 10ms}}
`, dir), registry)
	ld := logsOf("tenant-a", "a1", "a2")
	addLog(ld, "tenant-b", "b1")
	addLog(ld, "tenant-a", "a3")
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), ld))
	want := map[string][]string{"tenant-a": {"a1", "a2", "a3"}, "tenant-b": {"b1"}}
	assert.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, archived(t, dir)) }, 30*time.Second, 10*time.Millisecond)
}

func TestMemoryLanes_AreDeliveredAtShutdown(t *testing.T) {
	dir := t.TempDir()
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {local: {archive: {directory: %q}}}
routes: {logs: [local]}
lane: {batch: {timeout: 1h}}
`, dir), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a"}))
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("tenant-a", "a1")))
	g.stop()
	assert.Equal(t, map[string][]string{"tenant-a": {"a1"}}, archived(t, dir))
}

func TestStorageLanes_SurviveARestart(t *testing.T) {
	dir, queue := t.TempDir(), t.TempDir()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a"})
	config := fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
destinations: {local: {archive: {directory: %q}}}
routes: {logs: [local]}
lane: {batch: {timeout: 1h}}
`, dir)
	cfg := parseConfig(t, config)
	host := tenanttest.Host{registryID: registry, storageID: newStorage(t, queue)}
	g := startGatewayWith(t, cfg, host, registry)
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("tenant-a", "a1")))
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("tenant-a", "a2")))
	g.stop()
	require.Empty(t, archived(t, dir))

	cfg.Lane.Batch.Timeout = time.Millisecond
	g = startGatewayWith(t, cfg, host, registry)
	want := map[string][]string{"tenant-a": {"a1", "a2"}}
	assert.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, archived(t, dir)) }, 30*time.Second, 10*time.Millisecond)
	g.stop()

	g = startGatewayWith(t, cfg, host, registry)
	g.stop()
	assert.Equal(t, want, archived(t, dir), "what was delivered is not delivered again")
}
