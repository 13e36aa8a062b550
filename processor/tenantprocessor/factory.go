// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadata"
)

// factory creates the processors of all signals of a configuration around one limiter,
// because a quota is over all signals.
type factory struct {
	limiters *sharedcomponent.Map[*Config, *limiter]
}

func newFactory() *factory {
	return &factory{limiters: sharedcomponent.NewMap[*Config, *limiter](sharedcomponent.StopWithLast)}
}

// NewFactory returns the factory of the processor.
func NewFactory() processor.Factory {
	f := newFactory()
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithLogs(f.createLogs, metadata.LogsStability),
		processor.WithMetrics(f.createMetrics, metadata.MetricsStability),
		processor.WithTraces(f.createTraces, metadata.TracesStability),
	)
}

func createDefaultConfig() component.Config {
	return &Config{
		Source: SourceConfig, Attribute: tenant.AttributeKey, Severity: SeverityNormalize,
		Limits: LimitsConfig{
			Mode: LimitsEnforce, Burst: time.Second, WarnAt: 0.8, Scope: ScopeLocal, Gateways: 1,
			Redis: RedisConfig{KeyPrefix: "otelcol-tenant", Timeout: 100 * time.Millisecond},
		},
	}
}

// create returns a processor that shares its limiter with those of the same cfg.
func (f *factory) create(set processor.Settings, cfg *Config, signal tenant.Signal) (*tenantProcessor, error) {
	p, err := newProcessor(set, cfg, signal)
	if err != nil {
		return nil, err
	}
	if _, ok := cfg.registryID(); !ok {
		return p, nil
	}
	p.handle, err = f.limiters.Get(cfg, func() (*limiter, error) { return newLimiter(set, cfg) })
	if err != nil {
		return nil, err
	}
	p.limiter = p.handle.Component()
	p.limiter.signals |= tenant.NewSignals(signal)
	return p, nil
}

func (f *factory) createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	set.Logger = safetext.Logger(set.Logger)
	p, err := f.create(set, cfg.(*Config), tenant.Logs)
	if err != nil {
		return nil, err
	}
	if next, err = p.limitLogs(next); err != nil {
		return nil, err
	}
	helped, err := processorhelper.NewLogs(ctx, set, cfg, next, guarded(p, p.processLogs), p.options()...)
	return admittingLogs{helped}, err
}

func (f *factory) createMetrics(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	set.Logger = safetext.Logger(set.Logger)
	p, err := f.create(set, cfg.(*Config), tenant.Metrics)
	if err != nil {
		return nil, err
	}
	if next, err = p.limitMetrics(next); err != nil {
		return nil, err
	}
	helped, err := processorhelper.NewMetrics(ctx, set, cfg, next, guarded(p, p.processMetrics), p.options()...)
	return admittingMetrics{helped}, err
}

func (f *factory) createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	set.Logger = safetext.Logger(set.Logger)
	p, err := f.create(set, cfg.(*Config), tenant.Traces)
	if err != nil {
		return nil, err
	}
	if next, err = p.limitTraces(next); err != nil {
		return nil, err
	}
	helped, err := processorhelper.NewTraces(ctx, set, cfg, next, guarded(p, p.processTraces), p.options()...)
	return admittingTraces{helped}, err
}
