// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

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
