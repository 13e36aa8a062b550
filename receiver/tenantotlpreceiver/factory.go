// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedlog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/tenantotlpreceiver/internal/metadata"
)

// NewFactory returns the factory of the tenant_otlp receiver.
func NewFactory() receiver.Factory {
	f := &factory{receivers: sharedcomponent.NewMap[*Config, *otlpReceiver](sharedcomponent.StopWithFirst)}
	return receiver.NewFactory(metadata.Type, createDefaultConfig,
		receiver.WithLogs(f.createLogs, metadata.LogsStability),
		receiver.WithMetrics(f.createMetrics, metadata.MetricsStability),
		receiver.WithTraces(f.createTraces, metadata.TracesStability))
}

// factory creates one receiver for all signals of a configuration, because they share its
// ports.
type factory struct {
	receivers *sharedcomponent.Map[*Config, *otlpReceiver]
}

// create returns a handle of the receiver of cfg, which also serves s.
func (f *factory) create(set receiver.Settings, cfg *Config, s *service) (*sharedcomponent.Handle[*otlpReceiver], error) {
	set.Logger = sharedlog.Logger(safetext.Logger(set.Logger))
	h, err := f.receivers.Get(cfg, func() (*otlpReceiver, error) { return newReceiver(set, cfg) })
	if err != nil {
		return nil, err
	}
	h.Component().add(s)
	return h, nil
}

func createDefaultConfig() component.Config {
	grpc := configgrpc.NewDefaultServerConfig()
	grpc.NetAddr.Endpoint = "localhost:4317"
	grpc.MaxConcurrentStreams = defaultStreams
	server := configgrpc.NewDefaultKeepaliveServerParameters()
	server.MaxConnectionIdle = 5 * time.Minute
	server.Time = time.Minute
	server.Timeout = 20 * time.Second
	keepalive := configgrpc.NewDefaultKeepaliveServerConfig()
	keepalive.ServerParameters = configoptional.Some(server)
	grpc.Keepalive = configoptional.Some(keepalive)

	return &Config{
		Guard: component.MustNewID("request_guard"),
		Protocols: Protocols{
			GRPC: configoptional.Default(grpc),
			HTTP: configoptional.Default(HTTPConfig{
				ServerConfig:   guardedhttp.NewDefaultConfig("localhost:4318"),
				TracesURLPath:  "/v1/traces",
				MetricsURLPath: "/v1/metrics",
				LogsURLPath:    "/v1/logs",
			}),
		},
	}
}

func (f *factory) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	return f.create(set, cfg.(*Config), newLogs(next))
}

func (f *factory) createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	return f.create(set, cfg.(*Config), newMetrics(next))
}

func (f *factory) createTraces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
	return f.create(set, cfg.(*Config), newTraces(next))
}
