// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Stored data is compressed, or not, as an earlier configuration required. A later configuration
// delivers it.
func TestStorage_OutlivesAChangeOfCompression(t *testing.T) {
	const config = "registry: tenant_registry\nstorage: file_storage\nlane: {batch: {timeout: 0s}}\nroutes: {logs: [d]}\n" +
		"destinations: {d: {allow_private_endpoints: [127.0.0.0/8], otlp_http: {endpoint: \"{vars.url}\", compression: COMPRESSION}}}\n"
	large, small := strings.Repeat("order placed ", 5000), "small"
	for _, c := range []struct{ before, after string }{
		{"gzip", "gzip"}, {"gzip", "none"}, {"none", "gzip"}, {"zstd", "zstd"}, {"zstd", "gzip"}, {"gzip", "zstd"}, {"gzip, compression_params: {level: 9}", "gzip"},
	} {
		t.Run(c.before+" and "+c.after, func(t *testing.T) {
			s := newServer(t)
			dir := t.TempDir()
			start := func(compression, url string) *gateway {
				registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: map[string]string{"url": url}})
				host := tenanttest.Host{registryID: registry, storageID: newStorage(t, dir)}
				return startGatewayWith(t, parseConfig(t, strings.ReplaceAll(config, "COMPRESSION", compression)), host, registry)
			}
			g := start(c.before, "http://127.0.0.1:1")
			for _, body := range []string{large, small, large} {
				require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", body)))
			}
			g.stop()
			g = start(c.after, s.URL)
			require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 3 }, 30*time.Second, 5*time.Millisecond)
			got, _ := s.seen()
			assert.Equal(t, []string{"/v1/logs " + large, "/v1/logs " + small, "/v1/logs " + large}, got)
			assert.Zero(t, sum(t, g.tel, "storage_faults"))
		})
	}
}

// The collector's own receiver reads batches of payloads that were compressed one
// by one, mixed with such as were not.
func TestPrecompress_ACollectorReadsWhatIsSent(t *testing.T) {
	for _, compression := range []string{"gzip", "zstd", "gzip, compression_params: {level: 9}"} {
		t.Run(compression, func(t *testing.T) {
			s, _, addr := startSink(t)
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
			g := startGateway(t, "registry: tenant_registry\nlane: {batch: {timeout: 200ms}}\nroutes: {logs: [d, e]}\ndestinations:\n"+
				strings.ReplaceAll("  d: {otlp_http: {endpoint: \"http://ADDR\", compression: "+compression+", headers: {X-Scope-OrgID: d}}}\n"+
					"  e: {otlp_http: {endpoint: \"http://ADDR\", compression: "+compression+", headers: {X-Scope-OrgID: e}}}\n", "ADDR", addr), registry)
			bodies := []string{strings.Repeat("order placed ", 8000), "small", strings.Repeat("customer ", 9000), "small too", "and this"}
			for range 4 {
				for _, body := range bodies {
					require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", body)))
					require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("b", body, body)))
				}
			}
			want := map[string]int{"a logs as d": 20, "a logs as e": 20, "b logs as d": 40, "b logs as e": 40}
			assert.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, s.seen()) }, 30*time.Second, 5*time.Millisecond)
			assert.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 120 }, 30*time.Second, 5*time.Millisecond)
		})
	}
}
