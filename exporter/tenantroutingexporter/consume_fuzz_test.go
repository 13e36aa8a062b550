// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// FuzzConsume gives any telemetry of two tenants to a router: it is converted, split,
// compressed, queued, sent as protobuf and JSON and written to files. Nothing panics,
// and every record that was accepted is delivered or counted as dropped.
func FuzzConsume(f *testing.F) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	f.Cleanup(server.Close)
	registry := tenanttest.NewRegistry(f, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
	set := exportertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = componenttest.NewNopTelemetrySettings()
	r := newRouter(parseConfig(f, fmt.Sprintf(`
registry: tenant_registry
destinations:
  plain: {archive: {directory: %q}}
  packed: {archive: {directory: %q, compression: zstd}}
  json: {otlp_http: {endpoint: %[3]q, encoding: json}, max_batch_bytes: 3000}
  total: {profile: prometheus, otlp_http: {endpoint: %[3]q}, max_batch_bytes: 500}
routes: {logs: [plain, json], metrics: [packed, json, total], traces: [packed, json]}
lane: {batch: {timeout: 0s}, max_bytes: 1MiB}
`, f.TempDir(), f.TempDir(), server.URL)), set)
	require.NoError(f, r.start(context.Background(), tenanttest.Host{registryID: registry}))
	f.Cleanup(func() { require.NoError(f, r.shutdown(context.Background())) })
	for n := range 9 {
		seed := make([]byte, 400)
		for i := range seed {
			seed[i] = byte((i + 1) * (2*n + 1))
		}
		f.Add(uint8(n), seed)
	}
	f.Fuzz(func(t *testing.T, s uint8, raw []byte) {
		signal := tenant.Signal(s % 3)
		data := pdatagen.New(raw).Request(signal)
		var err error
		switch signal {
		case tenant.Logs:
			ld, bad := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
			require.NoError(t, bad)
			for i, rl := range ld.ResourceLogs().All() {
				own(rl.Resource(), i)
			}
			err = guarded(r, signal, r.consumeLogs)(t.Context(), ld)
		case tenant.Metrics:
			md, bad := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
			require.NoError(t, bad)
			for i, rm := range md.ResourceMetrics().All() {
				own(rm.Resource(), i)
			}
			err = guarded(r, signal, r.consumeMetrics)(t.Context(), md)
		case tenant.Traces:
			td, bad := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
			require.NoError(t, bad)
			for i, rs := range td.ResourceSpans().All() {
				own(rs.Resource(), i)
			}
			err = guarded(r, signal, r.consumeTraces)(t.Context(), td)
		}
		if err != nil {
			require.Contains(t, []codes.Code{codes.InvalidArgument, codes.ResourceExhausted}, status.Code(err), err)
		}
		require.Eventually(t, func() bool { return balanced(r) }, 20*time.Second, 100*time.Microsecond)
		require.Zero(t, r.recovery.Count())
	})
}

// own makes a resource one of two tenants.
func own(res pcommon.Resource, i int) {
	res.Attributes().RemoveIf(func(key string, _ pcommon.Value) bool { return key == tenant.AttributeKey })
	res.Attributes().PutStr(tenant.AttributeKey, []string{"a", "b", "a"}[i%3])
}

// balanced reports whether nothing is queued and all accepted records are accounted for.
func balanced(r *router) bool {
	for _, st := range r.scheduler.Load().Observe() {
		left := st.Accepted - st.Delivered
		for _, n := range st.Dropped {
			left -= n
		}
		if left != 0 || st.QueuedRecords != 0 {
			return false
		}
	}
	return true
}
