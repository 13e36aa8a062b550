// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// guardExtension has a guard, as the request_guard extension.
type guardExtension struct {
	component.StartFunc
	component.ShutdownFunc
	guard *guard.Guard
}

func (e guardExtension) Guard() *guard.Guard { return e.guard }

var guardID = component.MustNewID("request_guard")

// offer does with a request of n log records what a receiver does before it decodes.
func offer(ctx context.Context, t *testing.T, g *guard.Guard, n int) (read bool, err error) {
	t.Helper()
	request, err := g.Admit(ctx, tenant.Logs)
	if err != nil {
		return false, err
	}
	defer request.Release()
	raw, err := plogotlp.NewExportRequestFromLogs(manyLogs(n)).MarshalProto()
	require.NoError(t, err)
	req := httptest.NewRequest(http.MethodPost, "/v1/logs", strings.NewReader(string(raw)))
	body, err := request.ReadBody(httptest.NewRecorder(), req, guard.BodyLimits{})
	require.NoError(t, err)
	_, err = request.Check(false, body)
	return true, err
}

func TestPeek_RejectsALimitedTenantBeforeItsRequestIsReadOrDecoded(t *testing.T) {
	g := guard.New(guard.Settings{})
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10})
	limits.Quotas[tenant.Logs].DailyRecords = 1100
	registry := limited(t, limits)
	host := tenanttest.Host{registryID: registry, guardID: guardExtension{guard: g}}
	p := startPipelines(t, authConfig(), host, accept)

	_, err := offer(tenantA, t, g, 1000)
	require.NoError(t, err, "nothing was charged yet")
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1000)))
	read, err := offer(tenantA, t, g, 7)
	assert.False(t, read)
	require.Error(t, err)
	charged := p.logs.ConsumeLogs(tenantA, manyLogs(7))
	assert.Equal(t, charged.Error(), err.Error(), "the same text")
	assert.Equal(t, rejection.Rate, rejection.From(err).Reason())
	assert.InDelta(t, time.Minute.Seconds(), retryDelay(t, err).Seconds(), 30)

	_, err = offer(tenantB, t, g, 1000)
	require.NoError(t, err, "other tenants")

	limits = tenant.Limits{}
	limits.Quotas[tenant.Logs].DailyRecords = 1100
	registry.Set(t, &tenant.Tenant{ID: "tenant-a", Limits: limits}, &tenant.Tenant{ID: "tenant-b"})
	read, err = offer(tenantA, t, g, 101)
	assert.True(t, read, "how many there are shows in the body")
	require.Error(t, err)
	assert.Equal(t, "over the daily quota of 1100 log records", err.Error())
	assert.Equal(t, rejection.Quota, rejection.From(err).Reason())
	_, err = offer(tenantA, t, g, 100)
	require.NoError(t, err)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(100)), "to ask has charged nothing")
	read, err = offer(tenantA, t, g, 1)
	assert.False(t, read, "used up")
	require.Error(t, err)
	telemetrytest.AssertCounted(t, p.telemetry, "otelcol_processor_tenant_refused_records", []metricdata.DataPoint[int64]{
		{Value: 7, Attributes: attribute.NewSet(attribute.String("reason", "rate"))},
		{Value: 101, Attributes: attribute.NewSet(attribute.String("reason", "quota"))},
	}, metricdatatest.IgnoreTimestamp())

	p.stop(t)
	_, err = offer(tenantA, t, g, 1)
	require.NoError(t, err, "a processor that was shut down is not called")
}

func TestPeek_AcceptsOverWarningLimits(t *testing.T) {
	g := guard.New(guard.Settings{})
	cfg := authConfig()
	cfg.Limits.Mode = LimitsWarn
	host := tenanttest.Host{
		registryID: limited(t, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10})), guardID: guardExtension{guard: g},
	}
	p := startPipelines(t, cfg, host, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1000)))
	_, err := offer(tenantA, t, g, 7)
	require.NoError(t, err)
}
