// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadatatest"
)

func TestTenantMetrics_ReportUseAndExcessOfRates(t *testing.T) {
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10, BytesPerSecond: 1 << 20})
	limits.Quotas[tenant.Traces] = tenant.Quota{DailyRecords: 1}
	registry := limited(t, limits)
	cfg := authConfig()
	cfg.Metrics.Tenant = true
	p := startPipelines(t, cfg, tenanttest.Host{registryID: registry}, accept)
	rates := func(ofRecords float64) {
		t.Helper()
		attributes := func(unit string) attribute.Set {
			return attribute.NewSet(attribute.String("tenant", "tenant-a"), attribute.String("signal", "logs"), attribute.String("unit", unit))
		}
		var bytes float64
		got, err := p.telemetry.GetMetric("otelcol_processor_tenant_rate_use")
		require.NoError(t, err)
		for _, point := range got.Data.(metricdata.Gauge[float64]).DataPoints {
			if point.Attributes == attributes("bytes") {
				bytes = point.Value
			}
		}
		assert.Greater(t, bytes, 0.0)
		assert.Less(t, bytes, 0.01)
		metadatatest.AssertEqualProcessorTenantRateUse(t, p.telemetry, []metricdata.DataPoint[float64]{
			{Value: ofRecords, Attributes: attributes("records")}, {Value: bytes, Attributes: attributes("bytes")},
		}, metricdatatest.IgnoreTimestamp())
	}
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(5)))
	rates(0.5)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(10)))
	rates(1.5)
	require.Error(t, p.logs.ConsumeLogs(tenantA, manyLogs(7)))
	require.NoError(t, p.traces.ConsumeTraces(tenantA, oneSpan()))
	require.Error(t, p.traces.ConsumeTraces(tenantA, oneSpan()))
	rates(1.5)
	over := func(signal, reason string, n int64) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{Value: n, Attributes: attribute.NewSet(
			attribute.String("tenant", "tenant-a"), attribute.String("signal", signal), attribute.String("reason", reason))}
	}
	metadatatest.AssertEqualProcessorTenantLimitedRecords(t, p.telemetry, []metricdata.DataPoint[int64]{
		over("logs", "rate", 7), over("traces", "quota", 1),
	}, metricdatatest.IgnoreTimestamp())

	registry.Set(t, &tenant.Tenant{ID: "tenant-b"})
	for _, name := range []string{"rate_use", "limited_records", "quota_use"} {
		_, err := p.telemetry.GetMetric("otelcol_processor_tenant_" + name)
		assert.Error(t, err, "a tenant that is gone takes its series along")
	}
}

func TestTenantMetrics_AreOffByDefault(t *testing.T) {
	p := startPipelines(t, authConfig(), tenanttest.Host{registryID: limited(t, tenant.Limits{DailyRecords: 10})}, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(9)))
	require.Error(t, p.logs.ConsumeLogs(tenantA, manyLogs(9)))
	for _, name := range []string{"rate_use", "limited_records", "quota_use"} {
		_, err := p.telemetry.GetMetric("otelcol_processor_tenant_" + name)
		assert.Error(t, err, name)
	}
	metadatatest.AssertEqualProcessorTenantQuotaWarnings(t, p.telemetry, []metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
}

func TestTenantMetrics_AcceptTheDeprecatedSpelling(t *testing.T) {
	cfg := authConfig()
	cfg.Limits.TenantMetrics = true
	p := startPipelines(t, cfg, tenanttest.Host{registryID: limited(t, tenant.Limits{DailyRecords: 10})}, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(9)))
	_, err := p.telemetry.GetMetric("otelcol_processor_tenant_quota_use")
	require.NoError(t, err)
	assert.Equal(t, 1, p.log.FilterMessageSnippet(`"limits::tenant_metrics" is deprecated`).Len())
}
