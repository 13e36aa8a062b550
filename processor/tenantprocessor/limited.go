// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The limits are between the processor and the next consumer, because they must know
// whether the next consumer accepts the data: a request that is rejected later, for
// example by a full lane, is sent again and must not be charged twice.

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

// limited calls next if the owner of the request is within its limits. A panic is an
// error like those of next, so that the sender is not charged.
func (p *tenantProcessor) limited(ctx context.Context, records int, size func() int, next func() error) error {
	return p.limitedOf(ctx, admittedOf(ctx), records, size, next)
}

// limitedOf is limited for a request that is not in its context.
func (p *tenantProcessor) limitedOf(ctx context.Context, request *admitted, records int, size func() int, next func() error) error {
	return p.guard(ctx, "charging "+p.admissions.signal.String(), func() error {
		return p.charged(ctx, request, records, size, func() error { return p.guard(ctx, "consuming "+p.admissions.signal.String(), next) })
	})
}

func (p *tenantProcessor) charged(ctx context.Context, request *admitted, records int, size func() int, next func() error) error {
	if request == nil || request.owner == nil {
		// The processor admits every request first. Data that it did not admit must not
		// pass.
		return rejection.Of(rejection.Panic)
	}
	o := request.owner
	if o.limits == nil || p.limiter == nil {
		err := next()
		if err == nil {
			p.accepted(ctx, request, records)
		}
		return err
	}
	paid, rejected := p.limiter.charge(ctx, o, p.admissions.signal, records, size)
	if rejected != nil {
		p.countRejected(ctx, records, rejected)
		return rejected
	}
	if err := next(); err != nil {
		paid.Refund(ctx)
		return err
	}
	p.accepted(ctx, request, records)
	return nil
}

// accepted records a request that the next consumer has accepted.
func (p *tenantProcessor) accepted(ctx context.Context, request *admitted, records int) {
	if p.limiter == nil {
		return
	}
	record := p.limiter.activity.Tenant(request.owner.id)
	if record == nil {
		return
	}
	a := activity.Accepted{
		Signal: p.admissions.signal, Records: records, Bytes: guard.Size(ctx), Newest: request.newest, Time: p.limiter.activity.Now(),
	}
	if caller, ok := tenant.FromContext(ctx); ok {
		a.KeyID = caller.KeyID()
	}
	record.Accept(&a)
}

// The helper of the collector passes one context to the processor and then to the limits.
// These consumers give it a place for the owner, so that a request is admitted once.

type admittingLogs struct{ processor.Logs }

func (a admittingLogs) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	return a.Logs.ConsumeLogs(withAdmission(ctx), ld)
}

type admittingMetrics struct{ processor.Metrics }

func (a admittingMetrics) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	return a.Metrics.ConsumeMetrics(withAdmission(ctx), md)
}

type admittingTraces struct{ processor.Traces }

func (a admittingTraces) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	return a.Traces.ConsumeTraces(withAdmission(ctx), td)
}
