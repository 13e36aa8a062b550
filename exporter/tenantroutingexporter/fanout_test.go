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

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Each destination of a tenant has its own fate, also across a restart: what one
// has taken it does not get again because a sibling has not.
func TestFanOut_NoDestinationStoresTwice(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored=%v", stored), func(t *testing.T) {
			good, down, picky := newServer(t), newServer(t), newServer(t)
			down.set(http.StatusServiceUnavailable, "")
			picky.set(http.StatusBadRequest, "")
			dir := t.TempDir()
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
			cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  good: {otlp_http: {endpoint: %q, compression: none}}
  down: {otlp_http: {endpoint: %q, compression: none}}
  picky: {otlp_http: {endpoint: %q, compression: none}}
  local: {archive: {directory: %q}}
routes: {logs: [good, down, picky, local]}
lane: {batch: {timeout: 0s}, concurrency: 1}
retry: {initial_interval: 20ms, max_interval: 20ms}
circuit_breaker: {failures: 5, open: 20ms}
`, good.URL, down.URL, picky.URL, dir))
			host := tenanttest.Host{registryID: registry}
			if stored {
				cfg.Storage = &storageID
				host[storageID] = newStorage(t, t.TempDir())
			}
			g := startGatewayWith(t, cfg, host, registry)
			want := []string{"/v1/logs 1", "/v1/logs 2", "/v1/logs 3"}
			for _, body := range []string{"1", "2", "3"} {
				require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", body)))
			}
			good.eventually(t, want...)
			require.Eventually(t, func() bool {
				_, calls := down.seen()
				return calls >= 5 && sum(t, g.tel, "dropped_records", "reason=refused", "destination=picky") == 3 &&
					sum(t, g.tel, "delivered_records", "destination=local") == 3
			}, 30*time.Second, time.Millisecond)
			assert.Equal(t, int64(3), sum(t, g.tel, "queued_records"), "only the one that is down has a queue")
			accepted := sum(t, g.tel, "accepted_records")
			assert.Equal(t, int64(12), accepted)
			assert.Equal(t, accepted, sum(t, g.tel, "delivered_records")+sum(t, g.tel, "queued_records")+sum(t, g.tel, "dropped_records"))
			if stored {
				g.stop()
				g = startGatewayWith(t, cfg, host, registry)
				assert.Equal(t, int64(3), sum(t, g.tel, "recovered_records"))
			}
			down.set(http.StatusOK, "")
			down.eventually(t, want...)
			g.stop()
			got, _ := good.seen()
			assert.Equal(t, want, got)
			assert.Equal(t, map[string][]string{"a": {"1", "2", "3"}}, archived(t, dir))
			_, calls := picky.seen()
			assert.LessOrEqual(t, calls, 5, "three, and what was merged of them")
		})
	}
}
