package tenantprocessor

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The limits stand between the processor and what comes after it, because they
// must know what became of the data: who is refused further on, by a full lane
// say, comes again, and must not pay twice.

func (p *tenantProcessor) limitLogs(next consumer.Logs) (consumer.Logs, error) {
	sizer := &plog.ProtoMarshaler{}
	return consumer.NewLogs(func(ctx context.Context, ld plog.Logs) error {
		return p.limited(ctx, ld.LogRecordCount(),
			func() int { return sizer.LogsSize(ld) },
			func() error { return next.ConsumeLogs(ctx, ld) })
	}, consumer.WithCapabilities(next.Capabilities()))
}

func (p *tenantProcessor) limitMetrics(next consumer.Metrics) (consumer.Metrics, error) {
	sizer := &pmetric.ProtoMarshaler{}
	return consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		return p.limited(ctx, md.DataPointCount(),
			func() int { return sizer.MetricsSize(md) },
			func() error { return next.ConsumeMetrics(ctx, md) })
	}, consumer.WithCapabilities(next.Capabilities()))
}

func (p *tenantProcessor) limitTraces(next consumer.Traces) (consumer.Traces, error) {
	sizer := &ptrace.ProtoMarshaler{}
	return consumer.NewTraces(func(ctx context.Context, td ptrace.Traces) error {
		return p.limited(ctx, td.SpanCount(),
			func() int { return sizer.TracesSize(td) },
			func() error { return next.ConsumeTraces(ctx, td) })
	}, consumer.WithCapabilities(next.Capabilities()))
}

// limited calls next if the tenant of ctx may send what it has. What panics is refused
// as what next refuses, so that its sender does not pay.
func (p *tenantProcessor) limited(ctx context.Context, records int, size func() int, next func() error) error {
	return p.guard(ctx, "charging "+p.admission.signal.String(), func() error {
		return p.charged(ctx, records, size, func() error { return p.guard(ctx, "consuming "+p.admission.signal.String(), next) })
	})
}

func (p *tenantProcessor) charged(ctx context.Context, records int, size func() int, next func() error) error {
	who, err := p.admit(ctx, records)
	if err != nil {
		return err
	}
	if who.limits == nil || *who.limits == (tenant.Limits{}) {
		return next()
	}
	paid, over := p.limiter.charge(ctx, who, p.admission.signal, records, size)
	if over.reason != rejection.None {
		p.countRefused(ctx, records, over.reason)
		return rejectionOf(over)
	}
	if err := next(); err != nil {
		paid.refund(ctx)
		return err
	}
	return nil
}
