// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (r *router) consumeLogs(ctx context.Context, ld plog.Logs) error {
	if ld.LogRecordCount() == 0 {
		return nil // some backends reject an empty request
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
