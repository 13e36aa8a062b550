// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Proto converts the request of a dead letter from OTLP JSON to protobuf, which every backend accepts,
// and returns its number of records.
func Proto(signal tenant.Signal, request []byte) (data []byte, records int, err error) {
	defer recovery.Catch(&err)
	switch signal {
	case tenant.Logs:
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(request)
		if err != nil {
			return nil, 0, notOTLP(err)
		}
		data, err = (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		return data, ld.LogRecordCount(), err
	case tenant.Metrics:
		md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(request)
		if err != nil {
			return nil, 0, notOTLP(err)
		}
		data, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		return data, md.DataPointCount(), err
	default:
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(request)
		if err != nil {
			return nil, 0, notOTLP(err)
		}
		data, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		return data, td.SpanCount(), err
	}
}

func notOTLP(err error) error { return fmt.Errorf("the dead letter is not OTLP JSON: %w", err) }
