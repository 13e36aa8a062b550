// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// sink counts what a backend got: tenant/signal/header → records.
type sink struct {
	mu  sync.Mutex
	got map[string]int
}

func (s *sink) add(ctx context.Context, signal string, id string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	header := strings.Join(client.FromContext(ctx).Metadata.Get("x-scope-orgid"), ",")
	s.got[id+" "+signal+" as "+header] += n
}

func (s *sink) seen() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int)
	for k, n := range s.got {
		out[k] = n
	}
	return out
}

// otlpConfig returns the configuration of a real OTLP receiver on free ports.
func otlpConfig(tb testing.TB) (cfg *otlpreceiver.Config, grpcAddr, httpAddr string) {
	tb.Helper()
	grpcAddr, httpAddr = loopback.Address(tb), loopback.Address(tb)
	cfg = otlpreceiver.NewFactory().CreateDefaultConfig().(*otlpreceiver.Config)
	g := configgrpc.NewDefaultServerConfig()
	g.NetAddr = confignet.AddrConfig{Endpoint: grpcAddr, Transport: confignet.TransportTypeTCP}
	g.IncludeMetadata = true
	h := confighttp.NewDefaultServerConfig()
	h.NetAddr.Endpoint, h.IncludeMetadata = httpAddr, true
	cfg.Protocols.GRPC = configoptional.Some(g)
	cfg.Protocols.HTTP = configoptional.Some(otlpreceiver.HTTPConfig{ServerConfig: h, TracesURLPath: "/v1/traces", MetricsURLPath: "/v1/metrics", LogsURLPath: "/v1/logs"})
	return cfg, grpcAddr, httpAddr
}

func startSink(tb testing.TB) (s *sink, grpcAddr, httpAddr string) {
	tb.Helper()
	s = &sink{got: make(map[string]int)}
	cfg, grpcAddr, httpAddr := otlpConfig(tb)
	f := otlpreceiver.NewFactory()
	set := receivertest.NewNopSettings(f.Type())
	ctx := context.Background()
	logs, err := consumer.NewLogs(func(ctx context.Context, ld plog.Logs) error {
		for _, r := range ld.ResourceLogs().All() {
			v, _ := r.Resource().Attributes().Get(tenant.AttributeKey)
			s.add(ctx, "logs", v.Str(), 1)
		}
		return nil
	})
	require.NoError(tb, err)
	metrics, err := consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		for _, r := range md.ResourceMetrics().All() {
			v, _ := r.Resource().Attributes().Get(tenant.AttributeKey)
			s.add(ctx, "metrics", v.Str(), 1)
		}
		return nil
	})
	require.NoError(tb, err)
	traces, err := consumer.NewTraces(func(ctx context.Context, td ptrace.Traces) error {
		for _, r := range td.ResourceSpans().All() {
			v, _ := r.Resource().Attributes().Get(tenant.AttributeKey)
			s.add(ctx, "traces", v.Str(), 1)
		}
		return nil
	})
	require.NoError(tb, err)
	lr, err := f.CreateLogs(ctx, set, cfg, logs)
	require.NoError(tb, err)
	mr, err := f.CreateMetrics(ctx, set, cfg, metrics)
	require.NoError(tb, err)
	tr, err := f.CreateTraces(ctx, set, cfg, traces)
	require.NoError(tb, err)
	for _, c := range []component.Component{lr, mr, tr} {
		require.NoError(tb, c.Start(ctx, componenttest.NewNopHost()))
		tb.Cleanup(func() { assert.NoError(tb, c.Shutdown(ctx)) })
	}
	return s, grpcAddr, httpAddr
}

func metricsOf(id string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	return md
}

func tracesOf(id string) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("s")
	return td
}

func TestOTLP_BothProtocolsAllSignalsWithTheTenantsOwnHeaders(t *testing.T) {
	s, grpcAddr, httpAddr := startSink(t)
	registry := tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "tenant-a", Vars: map[string]string{"grpc": grpcAddr}},
		&tenant.Tenant{ID: "tenant-b", Vars: map[string]string{"grpc": grpcAddr}})
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  http: {otlp_http: {endpoint: "http://%s", headers: {X-Scope-OrgID: "http-{tenant}"}}}
  json: {otlp_http: {endpoint: "http://%[1]s", encoding: json, compression: zstd, headers: {X-Scope-OrgID: "json-{tenant}"}}}
  grpc: {allow_private_endpoints: [127.0.0.0/8], otlp_grpc: {endpoint: "{vars.grpc}", tls: {insecure: true}, headers: {X-Scope-OrgID: "grpc-{tenant}"}}}
routes: {logs: [http, grpc, json], metrics: [http, grpc, json], traces: [http, grpc, json]}
lane: {batch: {timeout: 20ms}}
`, httpAddr), registry)
	ctx := context.Background()
	want := make(map[string]int)
	for _, id := range []string{"tenant-a", "tenant-b"} {
		for range 3 {
			require.NoError(t, g.logs.ConsumeLogs(ctx, logsOf(id, "x", "y")))
			require.NoError(t, g.metrics.ConsumeMetrics(ctx, metricsOf(id)))
			require.NoError(t, g.traces.ConsumeTraces(ctx, tracesOf(id)))
		}
		for _, via := range []string{"http", "grpc", "json"} {
			want[id+" logs as "+via+"-"+id] = 6
			want[id+" metrics as "+via+"-"+id] = 3
			want[id+" traces as "+via+"-"+id] = 3
		}
	}
	assert.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, s.seen()) }, 10*time.Second, 20*time.Millisecond)
}

// contractFactory makes an exporter for upstream's contract check, which stamps
// no tenant, has a host without extensions, and looks at the receiver as soon as
// an exporter has taken data. So the exporter it makes stamps a tenant, brings
// its host, and returns when its lanes are empty.
func contractFactory(t *testing.T, registry *tenanttest.Registry) exporter.Factory {
	inner := NewFactory()
	configure := func(set *exporter.Settings) func() {
		tel := componenttest.NewTelemetry()
		t.Cleanup(func() { assert.NoError(t, tel.Shutdown(context.Background())) })
		set.TelemetrySettings = tel.NewTelemetrySettings()
		return func() {
			require.Eventually(t, func() bool { return sum(t, tel, "queued_records") == 0 }, 10*time.Second, time.Millisecond)
		}
	}
	host := tenanttest.Host{registryID: registry}
	return exporter.NewFactory(inner.Type(), inner.CreateDefaultConfig,
		exporter.WithLogs(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			done := configure(&set)
			e, err := inner.CreateLogs(ctx, set, cfg)
			return &contractLogs{e, host, done}, err
		}, component.StabilityLevelAlpha),
		exporter.WithMetrics(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
			done := configure(&set)
			e, err := inner.CreateMetrics(ctx, set, cfg)
			return &contractMetrics{e, host, done}, err
		}, component.StabilityLevelAlpha),
		exporter.WithTraces(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
			done := configure(&set)
			e, err := inner.CreateTraces(ctx, set, cfg)
			return &contractTraces{e, host, done}, err
		}, component.StabilityLevelAlpha))
}

type contractLogs struct {
	exporter.Logs
	host component.Host
	done func()
}

func (c *contractLogs) Start(ctx context.Context, _ component.Host) error {
	return c.Logs.Start(ctx, c.host)
}

func (c *contractLogs) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	for _, r := range ld.ResourceLogs().All() {
		r.Resource().Attributes().PutStr(tenant.AttributeKey, "tenant-a")
	}
	defer c.done()
	return c.Logs.ConsumeLogs(ctx, ld)
}

type contractMetrics struct {
	exporter.Metrics
	host component.Host
	done func()
}

func (c *contractMetrics) Start(ctx context.Context, _ component.Host) error {
	return c.Metrics.Start(ctx, c.host)
}

func (c *contractMetrics) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	for _, r := range md.ResourceMetrics().All() {
		r.Resource().Attributes().PutStr(tenant.AttributeKey, "tenant-a")
	}
	defer c.done()
	return c.Metrics.ConsumeMetrics(ctx, md)
}

type contractTraces struct {
	exporter.Traces
	host component.Host
	done func()
}

func (c *contractTraces) Start(ctx context.Context, _ component.Host) error {
	return c.Traces.Start(ctx, c.host)
}

func (c *contractTraces) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	for _, r := range td.ResourceSpans().All() {
		r.Resource().Attributes().PutStr(tenant.AttributeKey, "tenant-a")
	}
	defer c.done()
	return c.Traces.ConsumeTraces(ctx, td)
}

func TestConsumeContract(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		for _, signal := range []pipeline.Signal{pipeline.SignalLogs, pipeline.SignalMetrics, pipeline.SignalTraces} {
			t.Run(protocol+"/"+signal.String(), func(t *testing.T) {
				receiver, grpcAddr, httpAddr := otlpConfig(t)
				destination := fmt.Sprintf("otlp_http: {endpoint: 'http://%s'}", httpAddr)
				if protocol == "grpc" {
					destination = fmt.Sprintf("otlp_grpc: {endpoint: '%s', tls: {insecure: true}}", grpcAddr)
				}
				// The check sends each request once, so the receiver counts them.
				cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {d: {%s}}
routes: {logs: [d], metrics: [d], traces: [d]}
lane: {batch: {max_bytes: 1, timeout: 0s}}
retry: {initial_interval: 1ms, max_interval: 1ms}
circuit_breaker: {failures: 1000, open: 1ms}
`, destination))
				exportertest.CheckConsumeContract(exportertest.CheckConsumeContractParams{
					T:                    t,
					NumberOfTestElements: 10,
					Signal:               signal,
					ExporterFactory:      contractFactory(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a"})),
					ExporterConfig:       cfg,
					ReceiverFactory:      otlpreceiver.NewFactory(),
					ReceiverConfig:       receiver,
				})
			})
		}
	}
}
