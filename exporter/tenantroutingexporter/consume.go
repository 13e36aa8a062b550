package tenantroutingexporter

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/cumulative"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/wire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (r *router) consumeLogs(ctx context.Context, ld plog.Logs) error {
	if ld.LogRecordCount() == 0 {
		return nil // some backends refuse an empty request
	}
	return r.consume(ctx, tenant.Logs, logsContent(ld))
}

func logsContent(ld plog.Logs) *content {
	rls := ld.ResourceLogs()
	return &content{
		resources: rls.Len(),
		resource:  func(i int) pcommon.Resource { return rls.At(i).Resource() },
		records: func(i int) int {
			n := 0
			for _, sl := range rls.At(i).ScopeLogs().All() {
				n += sl.LogRecords().Len()
			}
			return n
		},
		encode: func() ([]byte, error) { return (&plog.ProtoMarshaler{}).MarshalLogs(ld) },
	}
}

func (r *router) consumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if md.MetricCount() == 0 {
		return nil
	}
	return r.consume(ctx, tenant.Metrics, metricsContent(md))
}

func metricsContent(md pmetric.Metrics) *content {
	rms := md.ResourceMetrics()
	return &content{
		resources: rms.Len(),
		resource:  func(i int) pcommon.Resource { return rms.At(i).Resource() },
		records: func(i int) int {
			n := 0
			for _, sm := range rms.At(i).ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					n += dataPoints(m)
				}
			}
			return n
		},
		encode: func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md) },
		delta:  cumulative.Needs(md),
	}
}

func dataPoints(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	}
	return 0
}

func (r *router) consumeTraces(ctx context.Context, td ptrace.Traces) error {
	if td.SpanCount() == 0 {
		return nil
	}
	return r.consume(ctx, tenant.Traces, tracesContent(td))
}

func tracesContent(td ptrace.Traces) *content {
	rss := td.ResourceSpans()
	return &content{
		resources: rss.Len(),
		resource:  func(i int) pcommon.Resource { return rss.At(i).Resource() },
		records: func(i int) int {
			n := 0
			for _, ss := range rss.At(i).ScopeSpans().All() {
				n += ss.Spans().Len()
			}
			return n
		},
		encode:  func() ([]byte, error) { return (&ptrace.ProtoMarshaler{}).MarshalTraces(td) },
		invalid: func() bool { return hasInvalidSpan(td) },
	}
}

// content is a request of any signal.
type content struct {
	resources int
	resource  func(i int) pcommon.Resource
	records   func(i int) int
	encode    func() ([]byte, error) // one field per resource, in their order
	delta     bool                   // has metrics that some backends cannot take as they are
	invalid   func() bool            // tells whether it has spans that some backends cannot take; nil: it has none
}

// share is what one tenant has of a request.
type share struct {
	tenant  tenant.ID
	records int
}

// consume accepts the whole request or none of it.
func (r *router) consume(ctx context.Context, signal tenant.Signal, c *content) error {
	sched := r.scheduler.Load()
	if sched == nil {
		return r.reject(ctx, signal, rejection.Of(rejection.Stopping))
	}
	if r.migrations.busy[signal].Load() {
		return r.reject(ctx, signal, rejection.Of(rejection.Migration))
	}
	dir := r.directory()
	if dir == nil {
		return r.reject(ctx, signal, rejection.Of(rejection.NotLoaded))
	}
	var converted conversions
	defer converted.close()
	parts, err := r.encode(ctx, dir, signal, c, &converted)
	if err != nil {
		return r.reject(ctx, signal, err)
	}
	if err := sched.Offer(ctx, parts); err != nil {
		r.reportStorage(err)
		return r.reject(ctx, signal, offerRejection(err))
	}
	converted.accept(sched)
	return nil
}

// encode returns the request in the forms that its destinations get, or a rejection. While
// it waits for the converters of its tenants it has no compute turn: their holder may wait
// for a disk, and others would wait with it.
func (r *router) encode(ctx context.Context, dir directory, signal tenant.Signal, c *content, converted *conversions) ([]lane.Part, error) {
	var keys []lane.Key
	parts, err := computed(ctx, func() ([]lane.Part, error) {
		parts, err := r.split(ctx, dir, signal, c)
		if err != nil {
			return nil, err
		}
		if c.delta {
			parts, keys = r.conversionsOf(parts)
		}
		if len(keys) > 0 {
			return parts, nil
		}
		return r.form(parts, c)
	})
	if err != nil || len(keys) == 0 {
		return parts, err
	}
	if err := r.hold(ctx, keys, converted); err != nil {
		return nil, err
	}
	return computed(ctx, func() ([]lane.Part, error) {
		parts, err := r.convert(parts, keys, converted)
		if err != nil {
			return nil, err
		}
		return r.form(parts, c)
	})
}

// computed calls f as work that is shared between tenants: see guard.Compute.
func computed(ctx context.Context, f func() ([]lane.Part, error)) ([]lane.Part, error) {
	end, err := guard.Compute(ctx)
	if err != nil {
		return nil, rejection.Of(rejection.Canceled)
	}
	defer end()
	return f()
}

// split returns what each tenant has of the request, and where it goes.
func (r *router) split(ctx context.Context, dir directory, signal tenant.Signal, c *content) ([]lane.Part, error) {
	shares, group, err := r.share(ctx, c)
	if err != nil {
		return nil, err
	}
	parts := make([]lane.Part, len(shares))
	for i, s := range shares {
		routes, err := r.route(dir, s.tenant, signal)
		if err != nil {
			return nil, err
		}
		parts[i] = lane.Part{Payload: &lane.Payload{Tenant: s.tenant, Signal: signal, Records: s.records}, Routes: routes}
	}
	buf, err := c.encode()
	if err != nil {
		return nil, malformed(err)
	}
	data := [][]byte{buf}
	if len(shares) > 1 {
		if data, err = wire.Split(buf, group, len(shares)); err != nil {
			return nil, malformed(err)
		}
	}
	for i := range parts {
		parts[i].Payload.Data, parts[i].Payload.Size = data[i], len(data[i])
	}
	// A tenant may be named by resources that hold nothing.
	return slices.DeleteFunc(parts, func(p lane.Part) bool { return p.Payload.Records == 0 }), nil
}

// form gives parts the forms that their destinations take.
func (r *router) form(parts []lane.Part, c *content) (_ []lane.Part, err error) {
	if c.invalid != nil && r.anyStrict(parts) && c.invalid() {
		if parts, err = r.separate(parts); err != nil {
			return nil, err
		}
	}
	return r.fit(parts)
}

// share finds whose the resources are. group is nil if all are one tenant's.
func (r *router) share(ctx context.Context, c *content) (shares []share, group []int, err error) {
	caller, known := tenant.FromContext(ctx)
	if known && !caller.Decided() {
		return nil, nil, rejection.Of(rejection.NotLoaded)
	}
	var index map[tenant.ID]int // of all shares but the first
	for i := range c.resources {
		v, ok := c.resource(i).Attributes().Get(r.cfg.Attribute)
		if !ok || v.Type() != pcommon.ValueTypeStr || v.Str() == "" {
			return nil, nil, rejection.Of(rejection.NoTenant, r.cfg.Attribute)
		}
		id := tenant.ID(v.Str())
		if known && id != caller.Tenant() {
			return nil, nil, rejection.Of(rejection.TenantMismatch)
		}
		n, seen := 0, len(shares) > 0 && shares[0].tenant == id
		if !seen {
			n, seen = index[id]
		}
		if !seen {
			if n = len(shares); n == 1 {
				group, index = make([]int, i, c.resources), make(map[tenant.ID]int)
			}
			if n > 0 {
				index[id] = n
			}
			shares = append(shares, share{tenant: id})
		}
		shares[n].records += c.records(i)
		if len(shares) > 1 {
			group = append(group, n)
		}
	}
	return shares, group, nil
}

func (r *router) route(dir directory, id tenant.ID, signal tenant.Signal) ([]lane.Route, error) {
	t := dir.Tenant(id)
	if t == nil && r.named != nil {
		var err error
		if t, err = r.named.admit(id); err != nil {
			return nil, err
		}
	}
	if t == nil || t.Status == tenant.StatusDeleted {
		return nil, rejection.Of(rejection.UnknownTenant)
	}
	if t.Status != tenant.StatusActive {
		return nil, rejection.Of(rejection.Suspended)
	}
	p := r.plans.of(t)
	if err := p.faults[signal]; err != nil {
		return nil, routeRejection(err, signal)
	}
	return p.routes[signal], nil
}
