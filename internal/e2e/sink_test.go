// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// sink is a backend: a real OTLP receiver in the test process that keeps what it receives.
type sink struct {
	logs    consumertest.LogsSink
	metrics consumertest.MetricsSink
	traces  consumertest.TracesSink
	grpc    string // address
	http    string // address
}

func newSink(t *testing.T) *sink {
	t.Helper()
	free := addresses(t, 2)
	s := &sink{grpc: free[0], http: free[1]}
	factory := otlpreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	g := configgrpc.NewDefaultServerConfig()
	g.NetAddr.Endpoint, g.NetAddr.Transport = s.grpc, "tcp"
	cfg.Protocols.GRPC = configoptional.Some(g)
	h := *cfg.Protocols.HTTP.GetOrInsertDefault()
	h.ServerConfig.NetAddr.Endpoint = s.http
	cfg.Protocols.HTTP = configoptional.Some(h)
	set := receivertest.NewNopSettings(factory.Type())
	logs, err := factory.CreateLogs(t.Context(), set, cfg, &s.logs)
	require.NoError(t, err)
	metrics, err := factory.CreateMetrics(t.Context(), set, cfg, &s.metrics)
	require.NoError(t, err)
	traces, err := factory.CreateTraces(t.Context(), set, cfg, &s.traces)
	require.NoError(t, err)
	host := componenttest.NewNopHost()
	require.NoError(t, logs.Start(t.Context(), host))
	require.NoError(t, metrics.Start(t.Context(), host))
	require.NoError(t, traces.Start(t.Context(), host))
	t.Cleanup(func() {
		ctx := t.Context()
		_ = logs.Shutdown(ctx)
		_ = metrics.Shutdown(ctx)
		_ = traces.Shutdown(ctx)
	})
	return s
}
