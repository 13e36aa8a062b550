// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// requestGuard is the extension. Receivers find its guard when they start, which is
// after it.
type requestGuard struct {
	id        component.ID
	cfg       *Config
	guard     *guard.Guard
	direct    direct.Board
	registry  tenant.Registry // nil: none is configured, or before the start
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger

	runtime goRuntime
}

var (
	_ extension.Extension                 = (*requestGuard)(nil)
	_ extensioncapabilities.ConfigWatcher = (*requestGuard)(nil)
	_ guard.Provider                      = (*requestGuard)(nil)
	_ direct.Provider                     = (*requestGuard)(nil)
	_ extensionmiddleware.HTTPServer      = (*requestGuard)(nil)
	_ extensionmiddleware.GRPCServer      = (*requestGuard)(nil)
)

func newRequestGuard(set extension.Settings, cfg *Config) (*requestGuard, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	settings, err := cfg.settings()
	if err != nil {
		return nil, err
	}
	e := &requestGuard{id: set.ID, cfg: cfg, telemetry: telemetry, logger: set.Logger}
	settings.Logger = set.Logger
	if cfg.Registry != nil {
		settings.Registry = e.snapshot
	}
	if cfg.MemoryLimit != MemoryLimitOff {
		settings.Pressure = e.runtime.collectSooner
	}
	e.guard = guard.New(settings)
	return e, nil
}

// NotifyConfig implements extensioncapabilities.ConfigWatcher. The collector calls it
// before pipelines start; an error ends the start.
func (e *requestGuard) NotifyConfig(_ context.Context, conf *confmap.Conf) error {
	tree := conf.ToStringMap()
	e.guard.RefuseAbove(configcheck.DirectHeap(tree, e.id.String()))
	return configcheck.Report(tree, e.id.String(), e.logger)
}

// Guard implements guard.Provider.
func (e *requestGuard) Guard() *guard.Guard { return e.guard }

// Direct implements direct.Provider.
func (e *requestGuard) Direct() *direct.Board { return &e.direct }

func (e *requestGuard) snapshot() *tenant.Snapshot {
	if e.registry == nil {
		return nil
	}
	return e.registry.Snapshot()
}

// Start implements component.Component.
func (e *requestGuard) Start(_ context.Context, host component.Host) error {
	if e.cfg.Registry != nil {
		registry, err := tenant.FindRegistry(host, *e.cfg.Registry)
		if err != nil {
			return err
		}
		e.registry = registry
	}
	e.guard.PostRejections(rejection.FindBoards(host))
	if err := e.observe(); err != nil {
		return err
	}
	if err := e.startRuntime(host); err != nil {
		return err
	}
	memory, requests, connections := e.guard.Limits()
	tenantMemory, tenantRequests := e.guard.TenantLimits()
	e.logger.Info("Requests in flight are bounded", zap.Stringer("memory", bytesize.Size(memory)), zap.Int64("max_requests", requests),
		zap.Stringer("tenant::memory", bytesize.Size(tenantMemory)), zap.Int64("tenant::max_requests", tenantRequests),
		zap.Int("connections::max", connections))
	if int64(e.cfg.Tenant.Memory) > tenantMemory {
		e.logger.Warn("`tenant::memory` is more than `memory`, which has its default, and is lowered to it: set `memory` too",
			zap.Stringer("tenant::memory", e.cfg.Tenant.Memory), zap.Stringer("memory", bytesize.Size(memory)))
	}
	return nil
}

// Shutdown implements component.Component.
func (e *requestGuard) Shutdown(context.Context) error {
	e.telemetry.Shutdown()
	e.runtime.stop()
	return nil
}

// observe registers all metrics.
func (e *requestGuard) observe() error {
	for _, r := range []struct {
		register func(metric.Int64Callback) error
		observe  func(o metric.Int64Observer)
	}{
		{e.telemetry.RegisterExtensionRequestGuardInFlightRequestsCallback, func(o metric.Int64Observer) {
			requests, _ := e.guard.InFlight()
			o.Observe(requests)
		}},
		{e.telemetry.RegisterExtensionRequestGuardInFlightMemoryCallback, func(o metric.Int64Observer) {
			_, memory := e.guard.InFlight()
			o.Observe(memory)
		}},
		{e.telemetry.RegisterExtensionRequestGuardHeapFloorCallback, func(o metric.Int64Observer) {
			o.Observe(e.runtime.floor())
		}},
		{e.telemetry.RegisterExtensionRequestGuardMemoryLimitCallback, func(o metric.Int64Observer) {
			memory, _, _ := e.guard.Limits()
			o.Observe(memory)
		}},
		{e.telemetry.RegisterExtensionRequestGuardConnectionsCallback, func(o metric.Int64Observer) {
			o.Observe(int64(e.guard.Connections()))
		}},
		{e.telemetry.RegisterExtensionRequestGuardClosedConnectionsCallback, func(o metric.Int64Observer) {
			e.guard.Stats().ConnectionCounters(func(why guard.ConnectionReason, n int64) {
				o.Observe(n, metric.WithAttributes(attribute.String("reason", why.String())))
			})
		}},
		{e.telemetry.RegisterExtensionRequestGuardRejectedRequestsCallback, func(o metric.Int64Observer) {
			e.guard.Stats().RequestCounters(func(p guard.Protocol, why rejection.Reason, n int64) {
				o.Observe(n, metric.WithAttributes(attribute.String("protocol", p.String()), attribute.String("reason", why.String())))
			})
		}},
		{e.telemetry.RegisterExtensionRequestGuardPanicsCallback, func(o metric.Int64Observer) {
			o.Observe(e.guard.Stats().Panics())
		}},
		{e.telemetry.RegisterExtensionRequestGuardThrottledTenantsCallback, func(o metric.Int64Observer) {
			tenants, _, _ := e.guard.Throttled()
			o.Observe(tenants)
		}},
		{e.telemetry.RegisterExtensionRequestGuardLargeRequestsWaitingCallback, func(o metric.Int64Observer) {
			_, _, waiting := e.guard.Throttled()
			o.Observe(int64(waiting))
		}},
	} {
		err := r.register(func(_ context.Context, o metric.Int64Observer) error {
			r.observe(o)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return e.telemetry.RegisterExtensionRequestGuardThrottledTimeCallback(func(_ context.Context, o metric.Float64Observer) error {
		_, paused, _ := e.guard.Throttled()
		o.Observe(paused.Seconds())
		return nil
	})
}
