// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
)

var (
	_ direct.Admitter  = (*tenantProcessor)(nil)
	_ direct.Admission = (*encodedRequest)(nil)
)

// Attribute implements direct.Admitter.
func (p *tenantProcessor) Attribute() string { return p.admissions.key }

// Admit implements direct.Admitter.
func (p *tenantProcessor) Admit(ctx context.Context) direct.Admission {
	o, why := p.admissions.decide(ctx)
	if why != rejection.None {
		return nil
	}
	return &encodedRequest{processor: p, admitted: admitted{owner: o}}
}

// encodedRequest is a request that a processor has admitted and that is not decoded.
type encodedRequest struct {
	processor *tenantProcessor
	admitted  admitted
	took      time.Duration // to stamp it
}

// Stamp implements direct.Admission.
func (r *encodedRequest) Stamp(ctx context.Context, data []byte, limits otlpwire.Limits) (e stamp.Encoded, err error) {
	p := r.processor
	began := time.Now()
	err = p.guard(ctx, "stamping "+p.admissions.signal.String(), func() error {
		e, err = p.stamper.Encoded(p.admissions.signal, data, &r.admitted.owner.Owner, limits)
		return err
	})
	r.took = time.Since(began)
	return e, err
}

// Forward implements direct.Admission.
func (r *encodedRequest) Forward(ctx context.Context, e *stamp.Encoded, sink direct.Sink) error {
	p, records := r.processor, e.Counts.Records
	p.helped.processed(ctx, records, r.took)
	p.record(ctx, e.Result)
	r.admitted.newest = e.Newest
	return p.limitedOf(ctx, &r.admitted, records,
		func() int { return len(e.Data) },
		func() error { return sink.ConsumeEncoded(ctx, p.admissions.signal, r.admitted.owner.id, e) })
}
