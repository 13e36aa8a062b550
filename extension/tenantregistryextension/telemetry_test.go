// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
)

func point(n int64, attributes ...attribute.KeyValue) metricdata.DataPoint[int64] {
	return metricdata.DataPoint[int64]{Value: n, Attributes: attribute.NewSet(attributes...)}
}

func TestMetrics(t *testing.T) {
	f := newFixture(t)
	f.cfg.Snapshot = f.path + ".snapshot"
	f.replace(yamlOf("a", "b") + "  - {id: c, status: suspended}\n")
	f.start()
	noTime := metricdatatest.IgnoreTimestamp()
	source := func(name string) attribute.KeyValue { return attribute.String("source", name) }
	hash := attribute.String("hash", f.reg.Snapshot().Hash()[:12])
	metadatatest.AssertEqualExtensionTenantRegistryTenants(t, f.tel, []metricdata.DataPoint[int64]{
		point(2, attribute.String("status", "active")), point(1, attribute.String("status", "suspended")), point(0, attribute.String("status", "deleted")),
	}, noTime)
	metadatatest.AssertEqualExtensionTenantRegistryKeys(t, f.tel, []metricdata.DataPoint[int64]{point(2)}, noTime)
	metadatatest.AssertEqualExtensionTenantRegistryInfo(t, f.tel, []metricdata.DataPoint[int64]{point(1, hash, source("file"))}, noTime)
	metadatatest.AssertEqualExtensionTenantRegistrySourceOk(t, f.tel, []metricdata.DataPoint[int64]{point(1)}, noTime)
	telemetrytest.AssertCounted(t, f.tel, "otelcol_extension_tenant_registry_loads", []metricdata.DataPoint[int64]{point(1, attribute.String("outcome", "loaded"))}, noTime)
	assert.InDelta(t, time.Now().Unix(), f.gauge("otelcol_extension_tenant_registry_last_load_timestamp"), 60)
	assert.Less(t, f.gauge("otelcol_extension_tenant_registry_age"), 60.0)

	require.NoError(t, os.Remove(f.path))
	require.Eventually(t, func() bool { return f.reg.health().Failure != nil }, inForceWithin, time.Millisecond)
	assert.Len(t, f.errorsLogged(), 1)
	metadatatest.AssertEqualExtensionTenantRegistrySourceOk(t, f.tel, []metricdata.DataPoint[int64]{point(0)}, noTime)
	telemetrytest.AssertCounted(t, f.tel, "otelcol_extension_tenant_registry_loads", []metricdata.DataPoint[int64]{
		point(1, attribute.String("outcome", "loaded")), point(1, attribute.String("outcome", "refused")),
	}, noTime)
	f.reg.telemetry.now = func() time.Time { return time.Now().Add(time.Hour) }
	assert.InDelta(t, 3600, f.gauge("otelcol_extension_tenant_registry_age"), 60, "the age grows while the source is away")

	f.stop()
	require.NoError(t, f.tel.Shutdown(context.Background()))
	f.tel = newTelemetryOf(t)
	f.start()
	metadatatest.AssertEqualExtensionTenantRegistryInfo(t, f.tel, []metricdata.DataPoint[int64]{point(1, hash, source("snapshot"))}, noTime)
	assert.Less(t, f.gauge("otelcol_extension_tenant_registry_age"), 60.0, "the age of a copy is that of what it is a copy of")
}

func (f *fixture) gauge(name string) float64 {
	f.t.Helper()
	m, err := f.tel.GetMetric(name)
	require.NoError(f.t, err)
	points := m.Data.(metricdata.Gauge[float64]).DataPoints
	require.Len(f.t, points, 1)
	return points[0].Value
}

func TestMetrics_KeysNearExpiry(t *testing.T) {
	f := newFixture(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var keys strings.Builder
	n := 0
	key := func(fields string) {
		n++
		fmt.Fprintf(&keys, "      - {id: k%d, sha256: %064x, scopes: [logs]%s}\n", n, n, fields)
	}
	key("") // never ends
	key(", expires_at: 2026-01-01T12:00:00Z")
	key(", expires_at: 2026-01-02T00:00:00Z")
	key(", expires_at: 2026-01-05T00:00:00Z")
	key(", expires_at: 2026-01-20T00:00:00Z")
	key(", expires_at: 2026-03-01T00:00:00Z")
	key(", expires_at: 2025-12-31T00:00:00Z")                                   // has ended
	key(", expires_at: 2026-01-01T12:00:00Z, revoked_at: 2025-12-01T00:00:00Z") // is revoked
	key(", not_before: 2026-01-01T06:00:00Z, expires_at: 2026-01-01T12:00:00Z") // does not work yet
	f.replace("tenants:\n  - id: a\n    keys:\n" + keys.String() +
		fmt.Sprintf("  - id: b\n    status: suspended\n    keys:\n      - {id: kb, sha256: %064x, scopes: [logs], expires_at: 2026-01-01T12:00:00Z}\n", 999))
	f.start()
	require.Equal(t, "a b", f.ids())
	f.reg.telemetry.now = func() time.Time { return now }
	within := func(name string) attribute.KeyValue { return attribute.String("ends_within", name) }
	metadatatest.AssertEqualExtensionTenantRegistryKeysNearExpiry(t, f.tel, []metricdata.DataPoint[int64]{
		point(2, within("1d")), point(3, within("7d")), point(4, within("30d")),
	}, metricdatatest.IgnoreTimestamp())
}
