// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Archives and dead letters leave storage_reserve free, as queues do: their lanes wait.
func TestReserve_OfArchivesAndDeadLetters(t *testing.T) {
	server := newServer(t)
	server.set(http.StatusBadRequest, "")
	for destination, reason := range map[string]string{"local": "disk_full", "remote": "dead_letter"} {
		for _, reserve := range []string{"1", "1000000TiB"} {
			t.Run(destination+", reserve "+reserve, func(t *testing.T) {
				set := exportertest.NewNopSettings(metadata.Type)
				set.ID = component.NewID(metadata.Type)
				r := newRouter(parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {local: {archive: {directory: %q}}, remote: {otlp_http: {endpoint: %q}}}
routes: {logs: [%s]}
dead_letter: {directory: %q}
storage_reserve: %s
lane: {batch: {timeout: 1ms}}
shutdown_timeout: 1ms
`, t.TempDir(), server.URL, destination, t.TempDir(), reserve)), set)
				require.NoError(t, r.start(t.Context(), tenanttest.Host{registryID: tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})}))
				defer func() { assert.NoError(t, r.shutdown(context.Background())) }()
				require.NoError(t, r.consumeLogs(t.Context(), logsOf("a", "one")))
				assert.EventuallyWithT(t, func(c *assert.CollectT) {
					for key, st := range r.scheduler.Load().Observe() {
						waits := st.Attempts[reason] > 0 && st.QueuedRecords == 1
						gone := st.QueuedRecords == 0 && st.Attempts[reason] == 0
						assert.Equal(c, lane.StatsKey{Destination: destination}, key)
						assert.Equal(c, reserve != "1", waits)
						assert.Equal(c, reserve == "1", gone)
					}
				}, 30*time.Second, 10*time.Millisecond)
			})
		}
	}
}
