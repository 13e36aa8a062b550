package tenantprocessor

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadata"
)

// tenantProcessor is one signal's processor.
type tenantProcessor struct {
	cfg       *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	signalSet attribute.Set
	admission admission
	resource  resourceStamp
	limiter   *limiter // nil without a registry
	boards    rejection.Boards
	recovery  *recovery.Recoverer
	release   func(context.Context) error
	warnOnce  sync.Once
}

func newProcessor(set processor.Settings, cfg *Config, signal tenant.Signal) (*tenantProcessor, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	p := &tenantProcessor{
		cfg: cfg, logger: set.Logger, telemetry: telemetry,
		signalSet: attribute.NewSet(attribute.String("signal", signal.String())),
		admission: admission{signal: signal, key: cfg.Attribute, rejections: newRejections(signal)},
		recovery:  recovery.New(set.Logger),
		resource:  resourceStamp{environment: cfg.DeploymentEnvironment, serviceName: cfg.ServiceName},
	}
	if cfg.Source == SourceConfig {
		p.admission.fixed = tenant.ID(cfg.BusinessID)
	}
	return p, nil
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
	if id, ok := p.cfg.registryID(); ok {
		registry, err := tenant.FindRegistry(host, id)
		if err != nil {
			return err
		}
		p.admission.registry = registry
		if err := p.limiter.start(ctx, host, registry); err != nil {
			return err
		}
	}
	detected, err := detect(ctx, p.cfg.detects)
	if err != nil {
		p.logger.Warn("Some of `detect` could not be found out; it is left out", zap.Error(err))
	}
	p.resource.detected = detected
	return nil
}

func (p *tenantProcessor) shutdown(ctx context.Context) error {
	p.telemetry.Shutdown()
	if p.release == nil {
		return nil
	}
	release := p.release
	p.release = nil
	return release(ctx)
}

// guarded makes a panic of process a rejection.
func guarded[T any](p *tenantProcessor, process func(context.Context, T) (T, error)) func(context.Context, T) (T, error) {
	return func(ctx context.Context, data T) (out T, err error) {
		computed, err := guard.Compute(ctx)
		if err != nil {
			return out, rejection.Of(rejection.Canceled)
		}
		defer computed()
		err = p.guard(ctx, "stamping "+p.admission.signal.String(), func() error {
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

// admit returns whose the data of ctx is, or the error that the caller gets.
func (p *tenantProcessor) admit(ctx context.Context, records int) (owner, error) {
	who, why := p.admission.decide(ctx)
	if why == rejection.None {
		return who, nil
	}
	if why == rejection.NoIdentity {
		p.warnOnce.Do(func() {
			p.logger.Error("Refusing data without an authenticated tenant: the receiver needs `auth` with a bearer_key_auth extension, and this processor must come before any that batches")
		})
	}
	p.countRefused(ctx, records, why)
	return owner{}, p.admission.rejections.of(why)
}

func (p *tenantProcessor) countRefused(ctx context.Context, records int, why rejection.Reason) {
	p.telemetry.ProcessorTenantRefusedRecords.Add(ctx, int64(records),
		metric.WithAttributes(attribute.String("reason", why.String())))
	p.boards.Post(ctx, tenant.NewSignals(p.admission.signal), why.String())
}

// recordOverwritten counts what the walk over the data found.
func (p *tenantProcessor) recordOverwritten(ctx context.Context, n overwritten) {
	for _, at := range []struct {
		location string
		count    int
	}{{"resource", n.resource}, {"scope", n.scope}, {"record", n.record}} {
		if at.count > 0 {
			p.telemetry.ProcessorTenantOverwrittenAttributes.Add(ctx, int64(at.count),
				metric.WithAttributes(attribute.String("location", at.location)))
		}
	}
}
