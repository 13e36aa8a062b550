// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var _ direct.Sink = (*router)(nil)

// Attribute implements direct.Sink.
func (r *router) Attribute() string { return r.cfg.Attribute }

// ConsumeEncoded implements direct.Sink.
func (r *router) ConsumeEncoded(ctx context.Context, signal tenant.Signal, id tenant.ID, e *stamp.Encoded) error {
	return r.helped.send(ctx, signal, e.Counts.Records, func() error {
		return guarded(r, signal, func(ctx context.Context, e *stamp.Encoded) error {
			return r.consume(ctx, signal, encodedContent(id, e))
		})(ctx, e)
	})
}

// encodedContent is the content of a stamped request, whose resources all belong to one tenant.
func encodedContent(id tenant.ID, e *stamp.Encoded) *content {
	c := &content{
		owner:  share{tenant: id, records: e.Counts.Records},
		encode: func() ([]byte, error) { return e.Data, nil },
		delta:  e.Delta,
	}
	if e.InvalidSpans {
		c.invalid = func() bool { return true }
	}
	return c
}
