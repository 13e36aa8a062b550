// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadatatest"
)

var registryID = component.MustNewID("tenant_registry")

// started returns a started processor of signal for cfg, with registry as the
// tenant registry, and the telemetry it writes to.
func started(tb testing.TB, cfg *Config, signal tenant.Signal, registry *tenanttest.Registry) (*tenantProcessor, *componenttest.Telemetry) {
	tb.Helper()
	require.NoError(tb, cfg.Validate())
	telemetry := componenttest.NewTelemetry()
	tb.Cleanup(func() { require.NoError(tb, telemetry.Shutdown(context.Background())) })
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	p, err := newFactory().create(set, cfg, signal)
	require.NoError(tb, err)
	host := tenanttest.Host{}
	if registry != nil {
		host[registryID] = registry
	}
	require.NoError(tb, p.start(context.Background(), host))
	tb.Cleanup(func() { require.NoError(tb, p.shutdown(context.Background())) })
	return p, telemetry
}

func authConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Source = SourceAuth
	return cfg
}

func edgeConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.BusinessID = "tenant-a"
	cfg.Detect = []Detection{}
	return cfg
}

// caller returns a context in which a key of tenant id with scopes was accepted.
func caller(id tenant.ID, scopes ...tenant.Signal) context.Context {
	return tenant.NewContext(context.Background(), tenant.NewIdentity(id, "k0000000", tenant.NewSignals(scopes...)))
}

func TestProcessor_ErrorNamesTheMissingRegistry(t *testing.T) {
	p, err := newFactory().create(nopSettings(), authConfig(), tenant.Logs)
	require.NoError(t, err)
	require.ErrorContains(t, p.start(context.Background(), tenanttest.Host{}), `extension "tenant_registry" is not configured`)
	require.NoError(t, p.shutdown(context.Background()))
}

func nopSettings() processor.Settings { return processortest.NewNopSettings(metadata.Type) }

func TestSeverity_CountsUnknownValues(t *testing.T) {
	odd := oneLog()
	odd.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetSeverityText("Custom")

	p, telemetry := started(t, edgeConfig(), tenant.Logs, nil)
	_, err := p.processLogs(context.Background(), odd)
	require.NoError(t, err)
	metadatatest.AssertEqualProcessorTenantUnknownSeverities(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())

	cfg := edgeConfig()
	cfg.Severity = SeverityKeep
	p, _ = started(t, cfg, tenant.Logs, nil)
	kept := oneLog()
	kept.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetSeverityText("WARNING")
	kept, err = p.processLogs(context.Background(), kept)
	require.NoError(t, err)
	assert.Equal(t, "WARNING", kept.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SeverityText())
}
