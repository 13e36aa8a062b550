// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedlog"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// NewFactory returns the factory of the tenant_routing exporter.
func NewFactory() exporter.Factory {
	f := &factory{shared: newSharedMap()}
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithLogs(f.createLogs, metadata.LogsStability),
		exporter.WithMetrics(f.createMetrics, metadata.MetricsStability),
		exporter.WithTraces(f.createTraces, metadata.TracesStability),
	)
}

// factory creates exporters. Those of one configuration share a router.
type factory struct{ shared *sharedMap }

func options(h *handle) []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithStart(h.Start),
		exporterhelper.WithShutdown(h.Shutdown),
		// Accepting is quick. Destinations have timeouts of their own.
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
	}
}

// guarded converts a panic of consume to a rejection.
func guarded[T any](r *router, signal tenant.Signal, consume func(context.Context, T) error) func(context.Context, T) error {
	return func(ctx context.Context, data T) (err error) {
		defer func() {
			if recovery.Is(err) {
				err = r.reject(ctx, signal, rejection.Of(rejection.Panic))
			}
		}()
		defer r.recovery.Catch("accepting "+signal.String(), &err)
		return consume(ctx, data)
	}
}

func (f *factory) createLogs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	set.Logger = sharedlog.Logger(safetext.Logger(set.Logger))
	h := f.shared.get(cfg.(*Config), set)
	return exporterhelper.NewLogs(ctx, quiet(set), cfg, guarded(h.router, tenant.Logs, h.router.consumeLogs), options(h)...)
}

func (f *factory) createMetrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	set.Logger = sharedlog.Logger(safetext.Logger(set.Logger))
	h := f.shared.get(cfg.(*Config), set)
	return exporterhelper.NewMetrics(ctx, quiet(set), cfg, guarded(h.router, tenant.Metrics, h.router.consumeMetrics), options(h)...)
}

func (f *factory) createTraces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	set.Logger = sharedlog.Logger(safetext.Logger(set.Logger))
	h := f.shared.get(cfg.(*Config), set)
	return exporterhelper.NewTraces(ctx, quiet(set), cfg, guarded(h.router, tenant.Traces, h.router.consumeTraces), options(h)...)
}

// quiet keeps the helper from logging every rejection. Each is counted and returned to the client, and a
// flood of requests must not flood the log.
func quiet(set exporter.Settings) exporter.Settings {
	set.Logger = set.Logger.WithOptions(zap.IncreaseLevel(zapcore.DPanicLevel))
	return set
}
