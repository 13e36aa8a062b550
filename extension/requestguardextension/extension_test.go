// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	grpcmetadata "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var guardID = component.NewID(metadata.Type)

func startGuard(t *testing.T, cfg *Config, host tenanttest.Host) (*requestGuard, *componenttest.Telemetry) {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	ext, err := create(context.Background(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(context.Background(), host))
	t.Cleanup(func() {
		require.NoError(t, ext.Shutdown(context.Background()))
		require.NoError(t, telemetry.Shutdown(context.Background()))
	})
	return ext.(*requestGuard), telemetry
}

func TestExtension_RequiresItsRegistry(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Registry = &registryID
	ext, err := create(context.Background(), extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	err = ext.Start(context.Background(), tenanttest.Host{})
	require.ErrorContains(t, err, `"tenant_registry" is not configured`)
	require.NoError(t, ext.Shutdown(context.Background()))
}

// The log shows the limits in force, including those that follow from other settings.
func TestExtension_LogsTheLimitsInForce(t *testing.T) {
	for name, tt := range map[string]struct {
		memory, tenantMemory bytesize.Size
		want                 string
		warns                bool
	}{
		"memory alone":               {128 * bytesize.MiB, 0, "80MiB", false},
		"both":                       {128 * bytesize.MiB, 48 * bytesize.MiB, "48MiB", false},
		"tenant's within default":    {0, 8 * bytesize.MiB, "8MiB", false},
		"tenant's more than default": {0, bytesize.GiB, bytesize.Size(capacity.Most(guard.DefaultMemory(), int64(bytesize.GiB))).String(), true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			cfg.Memory, cfg.Tenant.Memory = tt.memory, tt.tenantMemory
			require.NoError(t, confmap.Validate(cfg))
			core, logs := observer.New(zap.InfoLevel)
			set := extensiontest.NewNopSettings(metadata.Type)
			set.Logger = zap.New(core)
			ext, err := create(context.Background(), set, cfg)
			require.NoError(t, err)
			require.NoError(t, ext.Start(context.Background(), tenanttest.Host{}))
			require.NoError(t, ext.Shutdown(context.Background()))
			lines := logs.FilterMessage("Requests in flight are bounded").All()
			require.Len(t, lines, 1)
			assert.Equal(t, tt.want, lines[0].ContextMap()["tenant::memory"])
			assert.Equal(t, tt.warns, logs.FilterMessageSnippet("set `memory` too").Len() == 1)
		})
	}
}

func TestExtension_RejectsTenantsThatTheRegistryHasSuspended(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Registry = &registryID
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a"})
	e, telemetry := startGuard(t, cfg, tenanttest.Host{registryID: registry})
	ctx := tenant.NewContext(context.Background(), tenant.NewIdentity("tenant-a", "k", tenant.NewSignals(tenant.Logs)))
	r, err := e.Guard().Admit(ctx, tenant.Logs)
	require.NoError(t, err)
	metadatatest.AssertEqualExtensionRequestGuardInFlightRequests(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	r.Release()
	registry.Set(t, &tenant.Tenant{ID: "tenant-a", Status: tenant.StatusSuspended})
	_, err = e.Guard().Admit(ctx, tenant.Logs)
	assert.Equal(t, http.StatusForbidden, rejection.From(err).HTTPStatus())
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_request_guard_rejected_requests", []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(attribute.String("protocol", "http"), attribute.String("reason", "suspended"))},
	}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualExtensionRequestGuardInFlightMemory(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: 0}}, metricdatatest.IgnoreTimestamp())
}

func TestExtension_MetricReasonsAreThoseOfThePackages(t *testing.T) {
	yaml := documented(t)
	for why := rejection.None + 1; int(why) < rejection.NumReasons; why++ {
		assert.Contains(t, yaml, why.String())
	}
	for why := guard.RejectedTotal; why <= guard.RejectedFirstRequest; why++ {
		assert.Contains(t, yaml, why.String())
	}
}

// otlp is an upstream receiver behind the middleware.
type otlp struct {
	http, grpc string
	consume    func(plog.Logs) error
}

func startOTLP(t *testing.T, e *requestGuard) *otlp {
	t.Helper()
	o := &otlp{http: loopback.Address(t), grpc: loopback.Address(t), consume: func(plog.Logs) error { return nil }}
	next, err := consumer.NewLogs(func(_ context.Context, ld plog.Logs) error { return o.consume(ld) })
	require.NoError(t, err)
	factory := otlpreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	overGRPC, overHTTP := cfg.Protocols.GRPC.GetOrInsertDefault(), cfg.Protocols.HTTP.GetOrInsertDefault()
	overGRPC.NetAddr.Endpoint, overHTTP.ServerConfig.NetAddr.Endpoint = o.grpc, o.http
	middlewares := []configmiddleware.Config{{ID: guardID}}
	overGRPC.Middlewares, overHTTP.ServerConfig.Middlewares = middlewares, middlewares
	overHTTP.ServerConfig.CompressionAlgorithms = []string{}
	recv, err := factory.CreateLogs(context.Background(), receivertest.NewNopSettings(factory.Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, recv.Start(context.Background(), tenanttest.Host{guardID: e}))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		require.NoError(t, recv.Shutdown(context.Background()))
	})
	return o
}

func (o *otlp) post(t *testing.T, body []byte, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+o.http+"/v1/logs", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp
}

func logs(levels int) plogotlp.ExportRequest {
	ld := plog.NewLogs()
	v := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	for range levels {
		v = v.SetEmptySlice().AppendEmpty()
	}
	return plogotlp.NewExportRequestFromLogs(ld)
}

func TestMiddleware_GuardsAnUpstreamReceiver(t *testing.T) {
	e, telemetry := startGuard(t, createDefaultConfig().(*Config), tenanttest.Host{})
	o := startOTLP(t, e)
	var seen int
	o.consume = func(ld plog.Logs) error { seen += ld.LogRecordCount(); return nil }
	good, err := logs(64).MarshalProto()
	require.NoError(t, err)
	deep, err := logs(65).MarshalProto()
	require.NoError(t, err)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err = z.Write(good)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	json := []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}`)

	assert.Equal(t, http.StatusOK, o.post(t, good).StatusCode)
	assert.Equal(t, http.StatusOK, o.post(t, zipped.Bytes(), "Content-Encoding", "X-GZIP").StatusCode)
	assert.Equal(t, http.StatusOK, o.post(t, json, "Content-Type", "application/json; charset=utf-8").StatusCode)
	assert.Equal(t, 3, seen)
	assert.Equal(t, http.StatusRequestEntityTooLarge, o.post(t, deep).StatusCode)
	assert.Equal(t, http.StatusBadRequest, o.post(t, append(json, json...), "Content-Type", "application/json").StatusCode)
	assert.Equal(t, http.StatusUnsupportedMediaType, o.post(t, good, "Content-Encoding", "br").StatusCode)

	conn, err := grpc.NewClient(o.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	client := plogotlp.NewGRPCClient(conn)
	_, err = client.Export(t.Context(), logs(64))
	require.NoError(t, err)
	assert.Equal(t, 4, seen)
	_, err = client.Export(t.Context(), logs(65))
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.ErrorContains(t, err, "deeper than 64")
	_, err = client.Export(grpcmetadata.AppendToOutgoingContext(t.Context(), "big", strings.Repeat("x", 20<<10)), logs(1))
	assert.Error(t, err, "a list of headers over 16 KiB")

	o.consume = func(plog.Logs) error { panic("in the pipeline") }
	_, err = client.Export(t.Context(), logs(1))
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.Equal(t, http.StatusInternalServerError, o.post(t, good).StatusCode)
	requests, held := e.guard.InFlight()
	assert.Zero(t, requests)
	assert.Zero(t, held)
	metadatatest.AssertEqualExtensionRequestGuardPanics(t, telemetry, []metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
}

func TestNotifyConfig_WarnsAndRejects(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	set := extensiontest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	ext, err := create(t.Context(), set, createDefaultConfig())
	require.NoError(t, err)
	watcher, ok := ext.(extensioncapabilities.ConfigWatcher)
	require.True(t, ok)
	conf := func(exporter string, processors ...any) *confmap.Conf {
		return confmap.NewFromStringMap(map[string]any{"service": map[string]any{
			"extensions": []any{set.ID.String()},
			"pipelines": map[string]any{"logs": map[string]any{
				"receivers": []any{"otlp"}, "processors": processors, "exporters": []any{exporter},
			}},
		}})
	}
	require.NoError(t, watcher.NotifyConfig(t.Context(), conf("debug", "tenant")))
	assert.NotZero(t, logged.Len())
	assert.ErrorContains(t, watcher.NotifyConfig(t.Context(), conf("tenant_routing", "tenant", "batch")), "batch between tenant and tenant_routing")
}

// brittle is a codec that panics.
type brittle struct{ encoding.CodecV2 }

func (brittle) Unmarshal(mem.BufferSlice, any) error { panic("in the decoder") }

func TestCodec_PanicIsARejection(t *testing.T) {
	g := guard.New(guard.Settings{})
	err := codec{CodecV2: brittle{}, guard: g}.Unmarshal(nil, new(int))
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.EqualValues(t, 1, g.Stats().Panics())
}
