package tenantroutingexporter

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	stored "go.opentelemetry.io/collector/pdata/xpdata/request"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// storedContent decodes a request of a sending queue: an OTLP request, in newer releases
// beside what the caller's context held. It returns nil if the request holds nothing.
func storedContent(signal tenant.Signal, value []byte) (*content, error) {
	switch signal {
	case tenant.Logs:
		_, ld, err := stored.UnmarshalLogs(value)
		if errors.Is(err, stored.ErrInvalidFormat) {
			ld, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(value)
		}
		if err != nil || ld.LogRecordCount() == 0 {
			return nil, err
		}
		return logsContent(ld), nil
	case tenant.Metrics:
		_, md, err := stored.UnmarshalMetrics(value)
		if errors.Is(err, stored.ErrInvalidFormat) {
			md, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(value)
		}
		if err != nil || md.MetricCount() == 0 {
			return nil, err
		}
		return metricsContent(md), nil
	}
	_, td, err := stored.UnmarshalTraces(value)
	if errors.Is(err, stored.ErrInvalidFormat) {
		td, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(value)
	}
	if err != nil || td.SpanCount() == 0 {
		return nil, err
	}
	return tracesContent(td), nil
}
