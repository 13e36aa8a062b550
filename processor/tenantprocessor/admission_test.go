// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func testRegistry(tb testing.TB) *tenanttest.Registry {
	tb.Helper()
	return tenanttest.NewRegistry(tb,
		&tenant.Tenant{ID: "tenant-a", Attributes: map[string]string{"plan": "enterprise", "business_id": "tenant-b"}},
		&tenant.Tenant{ID: "suspended", Status: tenant.StatusSuspended},
		&tenant.Tenant{ID: "deleted", Status: tenant.StatusDeleted},
	)
}

func oneLog() plog.Logs {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("hello")
	return ld
}

func TestAdmission_MatchesTheTableOfRejections(t *testing.T) {
	forged := client.NewContext(context.Background(), client.Info{
		Metadata: client.NewMetadata(map[string][]string{tenant.MetadataKey: {"tenant-a"}}),
	})
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		reason string
		code   codes.Code
		text   string
	}{
		{"no authentication", context.Background(), "no_identity", codes.Unauthenticated, "the request has no authenticated tenant"},
		{"only forged metadata", forged, "no_identity", codes.Unauthenticated, "the request has no authenticated tenant"},
		{"suspended", caller("suspended", tenant.Logs), "suspended", codes.PermissionDenied, "the tenant is suspended"},
		{"deleted", caller("deleted", tenant.Logs), "unknown_tenant", codes.Unauthenticated, "the tenant does not exist"},
		{"gone since", caller("tenant-z", tenant.Logs), "unknown_tenant", codes.Unauthenticated, "the tenant does not exist"},
		{"other scopes", caller("tenant-a", tenant.Metrics, tenant.Traces), "scope", codes.PermissionDenied, "the API key may not send logs"},
		{"no scopes", caller("tenant-a"), "scope", codes.PermissionDenied, "the API key may not send logs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, telemetry := started(t, authConfig(), tenant.Logs, testRegistry(t))
			_, err := p.processLogs(tt.ctx, oneLog())
			require.Error(t, err)
			assert.Equal(t, tt.code, status.Code(err))
			assert.Equal(t, tt.text, err.Error())
			assert.Equal(t, tt.text, status.Convert(err).Message())
			assert.True(t, consumererror.IsPermanent(err), "receivers other than OTLP go by this")
			telemetrytest.AssertCounted(t, telemetry, "otelcol_processor_tenant_refused_records", []metricdata.DataPoint[int64]{
				{Value: 1, Attributes: attribute.NewSet(attribute.String("reason", tt.reason))},
			}, metricdatatest.IgnoreTimestamp())
		})
	}
}

func TestAdmission_IsRetryableWhileNoRegistryHasLoaded(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"authenticator could not decide": tenant.NewContext(context.Background(), tenant.Undecided()),
		"registry went away since":       caller("tenant-a", tenant.Logs),
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := started(t, authConfig(), tenant.Logs, &tenanttest.Registry{})
			const notLoadedDelay = 4 * time.Second
			delays := map[time.Duration]bool{}
			for range 200 {
				_, err := p.processLogs(ctx, oneLog())
				require.Equal(t, codes.Unavailable, status.Code(err))
				assert.False(t, consumererror.IsPermanent(err))
				delays[retryDelay(t, err)] = true
			}
			assert.Greater(t, len(delays), 150, "delays are spread")
			for delay := range delays {
				assert.GreaterOrEqual(t, delay, notLoadedDelay/2)
				assert.GreaterOrEqual(t, delay, time.Second)
				assert.LessOrEqual(t, delay, notLoadedDelay*3/2)
			}
		})
	}
}

func retryDelay(t *testing.T, err error) time.Duration {
	t.Helper()
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	require.Fail(t, "no RetryInfo", "%v", err)
	return 0
}

func TestAdmission_FollowsTheRegistry(t *testing.T) {
	registry := testRegistry(t)
	p, _ := started(t, authConfig(), tenant.Logs, registry)
	ctx := caller("tenant-a", tenant.Logs)
	_, err := p.processLogs(ctx, oneLog())
	require.NoError(t, err)

	registry.Set(t, &tenant.Tenant{ID: "tenant-a", Status: tenant.StatusSuspended})
	_, err = p.processLogs(ctx, oneLog())
	require.Equal(t, codes.PermissionDenied, status.Code(err))

	registry.Set(t, &tenant.Tenant{ID: "tenant-a", Attributes: map[string]string{"plan": "basic"}})
	ld, err := p.processLogs(ctx, oneLog())
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"business_id": "tenant-a", "plan": "basic"},
		ld.ResourceLogs().At(0).Resource().Attributes().AsRaw())
}

func TestAdmission_ConfiguredTenantUsesTheRegistryIfThereIsOne(t *testing.T) {
	p, _ := started(t, edgeConfig(), tenant.Logs, nil)
	_, err := p.processLogs(context.Background(), oneLog())
	require.NoError(t, err)

	cfg := edgeConfig()
	cfg.Registry = &registryID
	cfg.BusinessID = "suspended"
	p, _ = started(t, cfg, tenant.Logs, testRegistry(t))
	_, err = p.processLogs(context.Background(), oneLog())
	assert.Equal(t, codes.PermissionDenied, status.Code(err))
}

func TestAdmission_AcceptsEmptyData(t *testing.T) {
	p, _ := started(t, authConfig(), tenant.Logs, testRegistry(t))
	ld, err := p.processLogs(caller("tenant-a", tenant.Logs), plog.NewLogs())
	require.NoError(t, err)
	assert.Equal(t, 0, ld.ResourceLogs().Len())
}
