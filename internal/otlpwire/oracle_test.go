// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// decoded is a request as pdata decoded it.
type decoded struct {
	records, depth int
	proto          func() ([]byte, error)
	json           func() ([]byte, error)
}

// decode is the oracle: pdata decodes the request.
func decode(tb testing.TB, signal tenant.Signal, json bool, data []byte) (decoded, error) {
	tb.Helper()
	switch signal {
	case tenant.Metrics:
		md, err := decodeMetrics(json, data)
		if err != nil {
			return decoded{}, err
		}
		return decoded{
			records: md.DataPointCount(), depth: metricsDepth(md),
			proto: func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md) },
			json:  func() ([]byte, error) { return (&pmetric.JSONMarshaler{}).MarshalMetrics(md) },
		}, nil
	case tenant.Traces:
		td, err := decodeTraces(json, data)
		if err != nil {
			return decoded{}, err
		}
		return decoded{
			records: td.SpanCount(), depth: tracesDepth(td),
			proto: func() ([]byte, error) { return (&ptrace.ProtoMarshaler{}).MarshalTraces(td) },
			json:  func() ([]byte, error) { return (&ptrace.JSONMarshaler{}).MarshalTraces(td) },
		}, nil
	default:
		ld, err := decodeLogs(json, data)
		if err != nil {
			return decoded{}, err
		}
		return decoded{
			records: ld.LogRecordCount(), depth: logsDepth(ld),
			proto: func() ([]byte, error) { return (&plog.ProtoMarshaler{}).MarshalLogs(ld) },
			json:  func() ([]byte, error) { return (&plog.JSONMarshaler{}).MarshalLogs(ld) },
		}, nil
	}
}

func check(signal tenant.Signal, json bool, data []byte, limits Limits) (Counts, error) {
	if json {
		return CheckJSON(signal, data, limits)
	}
	return CheckProto(signal, data, limits)
}

func valueDepth(v pcommon.Value) int {
	switch v.Type() {
	case pcommon.ValueTypeMap:
		return 1 + mapDepth(v.Map())
	case pcommon.ValueTypeSlice:
		d := 0
		for _, e := range v.Slice().All() {
			d = max(d, valueDepth(e))
		}
		return 1 + d
	default:
		return 0
	}
}

func mapDepth(m pcommon.Map) int {
	d := 0
	for _, v := range m.All() {
		d = max(d, valueDepth(v))
	}
	return d
}

func logsDepth(ld plog.Logs) int {
	d := 0
	for _, rl := range ld.ResourceLogs().All() {
		d = max(d, mapDepth(rl.Resource().Attributes()))
		for _, sl := range rl.ScopeLogs().All() {
			d = max(d, mapDepth(sl.Scope().Attributes()))
			for _, r := range sl.LogRecords().All() {
				d = max(d, mapDepth(r.Attributes()), valueDepth(r.Body()))
			}
		}
	}
	return d
}

func tracesDepth(td ptrace.Traces) int {
	d := 0
	for _, rs := range td.ResourceSpans().All() {
		d = max(d, mapDepth(rs.Resource().Attributes()))
		for _, ss := range rs.ScopeSpans().All() {
			d = max(d, mapDepth(ss.Scope().Attributes()))
			for _, s := range ss.Spans().All() {
				d = max(d, mapDepth(s.Attributes()))
				for _, e := range s.Events().All() {
					d = max(d, mapDepth(e.Attributes()))
				}
				for _, l := range s.Links().All() {
					d = max(d, mapDepth(l.Attributes()))
				}
			}
		}
	}
	return d
}

func exemplarsDepth(es pmetric.ExemplarSlice) int {
	d := 0
	for _, e := range es.All() {
		d = max(d, mapDepth(e.FilteredAttributes()))
	}
	return d
}

func metricsDepth(md pmetric.Metrics) int {
	d := 0
	numbers := func(ps pmetric.NumberDataPointSlice) {
		for _, p := range ps.All() {
			d = max(d, mapDepth(p.Attributes()), exemplarsDepth(p.Exemplars()))
		}
	}
	for _, rm := range md.ResourceMetrics().All() {
		d = max(d, mapDepth(rm.Resource().Attributes()))
		for _, sm := range rm.ScopeMetrics().All() {
			d = max(d, mapDepth(sm.Scope().Attributes()))
			for _, m := range sm.Metrics().All() {
				d = max(d, mapDepth(m.Metadata()))
				switch m.Type() {
				case pmetric.MetricTypeGauge:
					numbers(m.Gauge().DataPoints())
				case pmetric.MetricTypeSum:
					numbers(m.Sum().DataPoints())
				case pmetric.MetricTypeHistogram:
					for _, p := range m.Histogram().DataPoints().All() {
						d = max(d, mapDepth(p.Attributes()), exemplarsDepth(p.Exemplars()))
					}
				case pmetric.MetricTypeExponentialHistogram:
					for _, p := range m.ExponentialHistogram().DataPoints().All() {
						d = max(d, mapDepth(p.Attributes()), exemplarsDepth(p.Exemplars()))
					}
				case pmetric.MetricTypeSummary:
					for _, p := range m.Summary().DataPoints().All() {
						d = max(d, mapDepth(p.Attributes()))
					}
				}
			}
		}
	}
	return d
}

// unmarshal decodes a request with pdata and nothing else.
func unmarshal(signal tenant.Signal, json bool, data []byte) (err error) {
	switch signal {
	case tenant.Metrics:
		_, err = decodeMetrics(json, data)
	case tenant.Traces:
		_, err = decodeTraces(json, data)
	default:
		_, err = decodeLogs(json, data)
	}
	return err
}

func decodeLogs(json bool, data []byte) (plog.Logs, error) {
	if json {
		return (&plog.JSONUnmarshaler{}).UnmarshalLogs(data)
	}
	request := plogotlp.NewExportRequest()
	err := request.UnmarshalProto(data)
	return request.Logs(), err
}

func decodeMetrics(json bool, data []byte) (pmetric.Metrics, error) {
	if json {
		return (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(data)
	}
	request := pmetricotlp.NewExportRequest()
	err := request.UnmarshalProto(data)
	return request.Metrics(), err
}

func decodeTraces(json bool, data []byte) (ptrace.Traces, error) {
	if json {
		return (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
	}
	request := ptraceotlp.NewExportRequest()
	err := request.UnmarshalProto(data)
	return request.Traces(), err
}
