// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"math"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/newest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadata"
)

// tenantProcessor is one signal's processor.
type tenantProcessor struct {
	id         component.ID
	cfg        *Config
	logger     *zap.Logger
	telemetry  *metadata.TelemetryBuilder
	signalSet  attribute.Set
	admissions admissions
	stamper    stamp.Stamper
	limiter    *limiter                          // nil without a registry
	handle     *sharedcomponent.Handle[*limiter] // of limiter
	boards     rejection.Boards
	helped     helped
	unpost     []func() // from the boards for encoded requests
	recovery   *recovery.Recoverer
	warnOnce   sync.Once
	stopOnce   sync.Once
}

func newProcessor(set processor.Settings, cfg *Config, signal tenant.Signal) (*tenantProcessor, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	helped, err := newHelped(set, signal)
	if err != nil {
		return nil, err
	}
	p := &tenantProcessor{
		id: set.ID, cfg: cfg, logger: set.Logger, telemetry: telemetry, helped: helped,
		signalSet:  attribute.NewSet(attribute.String("signal", signal.String())),
		admissions: admissions{signal: signal, key: cfg.Attribute, final: newRejections(signal)},
		recovery:   recovery.New(set.Logger),
		stamper: stamp.Stamper{
			Environment: cfg.DeploymentEnvironment, ServiceName: cfg.ServiceName, NormalizeSeverity: cfg.Severity == SeverityNormalize,
		},
	}
	p.startCounters()
	if cfg.Source == SourceConfig {
		p.admissions.fixed = &tenant.Tenant{ID: tenant.ID(cfg.BusinessID), Status: tenant.StatusActive}
		p.admissions.fixedOwner = newOwner(p.admissions.fixed, cfg.Attribute)
	}
	return p, nil
}

// startCounters makes the series of counters exist before their first event.
func (p *tenantProcessor) startCounters() {
	ctx := context.Background()
	for r := range rejection.NumReasons {
		if why := rejection.Reason(r); rejection.Processor.Of(why) {
			p.telemetry.ProcessorTenantRefusedRecords.Add(ctx, 0, metric.WithAttributes(attribute.String("reason", why.String())))
		}
	}
	for _, location := range []string{"resource", "scope", "record"} {
		p.telemetry.ProcessorTenantOverwrittenAttributes.Add(ctx, 0, metric.WithAttributes(attribute.String("location", location)))
	}
	p.telemetry.ProcessorTenantInvalidUtf8Strings.Add(ctx, 0, metric.WithAttributeSet(p.signalSet))
	p.telemetry.ProcessorTenantPanics.Add(ctx, 0)
	if p.admissions.signal == tenant.Logs {
		p.telemetry.ProcessorTenantUnknownSeverities.Add(ctx, 0)
	}
}

func (p *tenantProcessor) options() []processorhelper.Option {
	return []processorhelper.Option{
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown),
	}
}

func (p *tenantProcessor) start(ctx context.Context, host component.Host) error {
	p.boards = rejection.FindBoards(host)
	if p.handle != nil {
		if err := p.handle.Start(ctx, host); err != nil {
			return err
		}
		p.admissions.registry = &p.limiter.owners
	}
	machine, err := stamp.Detect(ctx, p.cfg.groups())
	if err != nil {
		p.logger.Warn("Failed to detect some attributes of `detect`; they are left out", zap.Error(err))
	}
	p.stamper.Machine = machine
	for _, b := range direct.FindAll(host) {
		p.unpost = append(p.unpost, b.PostAdmitter(p.id, p.admissions.signal, p))
	}
	return nil
}

func (p *tenantProcessor) shutdown(ctx context.Context) error {
	for _, remove := range p.unpost {
		remove()
	}
	p.stopOnce.Do(p.telemetry.Shutdown)
	if p.handle == nil {
		return nil
	}
	return p.handle.Shutdown(ctx)
}

func (p *tenantProcessor) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	o, err := p.admit(ctx, ld.LogRecordCount())
	if err != nil {
		return ld, err
	}
	p.noteTime(ctx, newest.Log(ld))
	p.record(ctx, p.stamper.Logs(ld, &o.Owner))
	return ld, nil
}

func (p *tenantProcessor) processMetrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	o, err := p.admit(ctx, md.DataPointCount())
	if err != nil {
		return md, err
	}
	p.noteTime(ctx, newest.Point(md))
	p.record(ctx, p.stamper.Metrics(md, &o.Owner))
	return md, nil
}

func (p *tenantProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	o, err := p.admit(ctx, td.SpanCount())
	if err != nil {
		return td, err
	}
	p.noteTime(ctx, newest.Span(td))
	p.record(ctx, p.stamper.Traces(td, &o.Owner))
	return td, nil
}

// guarded returns process with panics as rejections, run as work that is shared between
// tenants: see guard.Compute.
func guarded[T any](p *tenantProcessor, process func(context.Context, T) (T, error)) func(context.Context, T) (T, error) {
	return func(ctx context.Context, data T) (out T, err error) {
		computed, err := guard.Compute(ctx)
		if err != nil {
			return out, rejection.Of(rejection.Canceled)
		}
		defer computed()
		err = p.guard(ctx, "stamping "+p.admissions.signal.String(), func() error {
			out, err = process(ctx, data)
			return err
		})
		return out, err
	}
}

// guard calls f and returns what a caller gets if it panics.
func (p *tenantProcessor) guard(ctx context.Context, doing string, f func() error) (err error) {
	defer func() {
		if recovery.Is(err) {
			p.telemetry.ProcessorTenantPanics.Add(ctx, 1)
			err = rejection.Of(rejection.Panic)
		}
	}()
	defer p.recovery.Catch(doing, &err)
	return f()
}

// admit returns the owner of the data of ctx, or the error that the caller gets.
func (p *tenantProcessor) admit(ctx context.Context, records int) (*owner, error) {
	o, why := p.admissions.decide(ctx)
	if why == rejection.None {
		if a := admittedOf(ctx); a != nil {
			a.owner = o
		}
		return o, nil
	}
	if why == rejection.NoIdentity {
		p.warnOnce.Do(func() {
			p.logger.Error("Rejecting data without an authenticated tenant: the receiver needs `auth` with a bearer_key_auth extension, and this processor must come before any that batches")
		})
	}
	rejected := p.admissions.final.of(why)
	p.countRejected(ctx, records, rejected)
	return nil, rejected
}

func (p *tenantProcessor) countRejected(ctx context.Context, records int, why *rejection.Error) {
	p.telemetry.ProcessorTenantRefusedRecords.Add(ctx, int64(records),
		metric.WithAttributes(attribute.String("reason", why.Reason().String())))
	p.boards.Post(ctx, rejection.Rejected{
		Signal: tenant.NewSignals(p.admissions.signal), Reason: why.Reason().String(), Text: why.Error(),
		Records: records, Bytes: guard.Size(ctx),
	})
}

// noteTime stores the time of a record of an admitted request.
func (p *tenantProcessor) noteTime(ctx context.Context, last pcommon.Timestamp) {
	if a := admittedOf(ctx); a != nil && last <= math.MaxInt64 {
		a.newest = int64(last)
	}
}

// record counts what the stamper changed.
func (p *tenantProcessor) record(ctx context.Context, n stamp.Result) {
	for _, at := range []struct {
		location string
		count    int
	}{{"resource", n.Overwritten.Resource}, {"scope", n.Overwritten.Scope}, {"record", n.Overwritten.Record}} {
		if at.count > 0 {
			p.telemetry.ProcessorTenantOverwrittenAttributes.Add(ctx, int64(at.count),
				metric.WithAttributes(attribute.String("location", at.location)))
		}
	}
	if n.RepairedStrings > 0 {
		p.telemetry.ProcessorTenantInvalidUtf8Strings.Add(ctx, int64(n.RepairedStrings), metric.WithAttributeSet(p.signalSet))
	}
	if n.UnknownSeverities > 0 {
		p.telemetry.ProcessorTenantUnknownSeverities.Add(ctx, int64(n.UnknownSeverities))
	}
}
