package tenantotlpreceiver

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedlog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/tenantotlpreceiver/internal/metadata"
)

// NewFactory returns the factory of the tenant_otlp receiver.
func NewFactory() receiver.Factory {
	f := &factory{receivers: make(map[*Config]*sharedReceiver)}
	return receiver.NewFactory(metadata.Type, createDefaultConfig,
		receiver.WithLogs(f.createLogs, metadata.LogsStability),
		receiver.WithMetrics(f.createMetrics, metadata.MetricsStability),
		receiver.WithTraces(f.createTraces, metadata.TracesStability))
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

	http := confighttp.NewDefaultServerConfig()
	http.NetAddr.Endpoint = "localhost:4318"
	http.MaxRequestBodySize = defaultBodySize
	http.ReadHeaderTimeout = defaultHeaderTimeout
	http.WriteTimeout = defaultWriteTimeout
	http.IdleTimeout = defaultIdleTimeout

	return &Config{
		Guard: component.MustNewID("request_guard"),
		Protocols: Protocols{
			GRPC: configoptional.Default(grpc),
			HTTP: configoptional.Default(HTTPConfig{
				ServerConfig:   http,
				TracesURLPath:  "/v1/traces",
				MetricsURLPath: "/v1/metrics",
				LogsURLPath:    "/v1/logs",
			}),
		},
	}
}

func (f *factory) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	set.Logger = sharedlog.Logger(safetext.Logger(set.Logger))
	r, err := f.receiver(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	r.add(newLogs(next))
	return r, nil
}

func (f *factory) createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	set.Logger = sharedlog.Logger(safetext.Logger(set.Logger))
	r, err := f.receiver(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	r.add(newMetrics(next))
	return r, nil
}

func (f *factory) createTraces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
	set.Logger = sharedlog.Logger(safetext.Logger(set.Logger))
	r, err := f.receiver(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	r.add(newTraces(next))
	return r, nil
}
