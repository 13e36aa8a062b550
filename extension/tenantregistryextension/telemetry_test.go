package tenantregistryextension

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadatatest"
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
	metadatatest.AssertEqualExtensionTenantRegistryLoads(t, f.tel, []metricdata.DataPoint[int64]{point(1, attribute.String("outcome", "loaded"))}, noTime)
	assert.InDelta(t, time.Now().Unix(), f.gauge("otelcol_extension_tenant_registry_last_load"), 60)
	assert.Less(t, f.gauge("otelcol_extension_tenant_registry_age"), 5.0)

	require.NoError(t, os.Remove(f.path))
	require.Eventually(t, func() bool { return len(f.errorsLogged()) == 1 }, inForceWithin, time.Millisecond)
	metadatatest.AssertEqualExtensionTenantRegistrySourceOk(t, f.tel, []metricdata.DataPoint[int64]{point(0)}, noTime)
	metadatatest.AssertEqualExtensionTenantRegistryLoads(t, f.tel, []metricdata.DataPoint[int64]{
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
