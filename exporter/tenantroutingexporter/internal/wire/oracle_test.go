// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package wire

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// split is Cut as it once was: it decodes the request and encodes a half of it until
// all parts are small enough.
func split(signal tenant.Signal, data []byte, records, limit int) ([]Piece, error) {
	if len(data) <= limit || records <= 1 {
		return []Piece{{data, records}}, nil
	}
	var out []Piece
	for _, w := range [][2]int{{0, records / 2}, {records / 2, records}} {
		half, err := window(signal, data, w[0], w[1])
		if err != nil {
			return nil, err
		}
		pieces, err := split(signal, half, w[1]-w[0], limit)
		if err != nil {
			return nil, err
		}
		out = append(out, pieces...)
	}
	return out, nil
}

// window returns the records from to until of an encoded request, with the
// resources and scopes that they are in.
func window(signal tenant.Signal, data []byte, from, until int) ([]byte, error) {
	n := -1
	outside := func() bool {
		n++
		return n < from || n >= until
	}
	switch signal {
	case tenant.Metrics:
		return cutMetrics(data, outside)
	case tenant.Traces:
		return cutTraces(data, outside)
	}
	return cutLogs(data, outside)
}

func decodeError(signal tenant.Signal, err error) error {
	return fmt.Errorf("decoding %s: %w", signal, err)
}

func cutLogs(data []byte, outside func() bool) ([]byte, error) {
	ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
	if err != nil {
		return nil, decodeError(tenant.Logs, err)
	}
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(plog.LogRecord) bool { return outside() })
			return sl.LogRecords().Len() == 0
		})
		return rl.ScopeLogs().Len() == 0
	})
	return (&plog.ProtoMarshaler{}).MarshalLogs(ld)
}

func cutTraces(data []byte, outside func() bool) ([]byte, error) {
	td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
	if err != nil {
		return nil, decodeError(tenant.Traces, err)
	}
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(ptrace.Span) bool { return outside() })
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	return (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
}

func cutMetrics(data []byte, outside func() bool) ([]byte, error) {
	md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
	if err != nil {
		return nil, decodeError(tenant.Metrics, err)
	}
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool { return cutPoints(m, outside) == 0 })
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
}

// cutPoints returns how many data points are left.
func cutPoints(m pmetric.Metric, outside func() bool) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return outside() })
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		m.Sum().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return outside() })
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		m.Histogram().DataPoints().RemoveIf(func(pmetric.HistogramDataPoint) bool { return outside() })
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().DataPoints().RemoveIf(func(pmetric.ExponentialHistogramDataPoint) bool { return outside() })
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		m.Summary().DataPoints().RemoveIf(func(pmetric.SummaryDataPoint) bool { return outside() })
		return m.Summary().DataPoints().Len()
	}
	return 0
}
