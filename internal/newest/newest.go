// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package newest finds the time of the last record of decoded requests.
//
// The last record of a request is usually its newest one. Its time differs from that of the
// gateway by the time that the data took, and by how wrong the clock of its machine is. The
// functions return 0 if there is no record, or if it has no time.
package newest

import (
	"cmp"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Log returns the time of the last log record. It prefers the time at which the record was
// read, because an application may log any other time.
func Log(ld plog.Logs) pcommon.Timestamp {
	resources := ld.ResourceLogs()
	if resources.Len() == 0 {
		return 0
	}
	scopes := resources.At(resources.Len() - 1).ScopeLogs()
	if scopes.Len() == 0 {
		return 0
	}
	records := scopes.At(scopes.Len() - 1).LogRecords()
	if records.Len() == 0 {
		return 0
	}
	last := records.At(records.Len() - 1)
	return cmp.Or(last.ObservedTimestamp(), last.Timestamp())
}

// Point returns the time of the last data point.
func Point(md pmetric.Metrics) pcommon.Timestamp {
	resources := md.ResourceMetrics()
	if resources.Len() == 0 {
		return 0
	}
	scopes := resources.At(resources.Len() - 1).ScopeMetrics()
	if scopes.Len() == 0 {
		return 0
	}
	metrics := scopes.At(scopes.Len() - 1).Metrics()
	if metrics.Len() == 0 {
		return 0
	}
	switch last := metrics.At(metrics.Len() - 1); last.Type() {
	case pmetric.MetricTypeGauge:
		return lastTime(last.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return lastTime(last.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		return lastTime(last.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		return lastTime(last.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		return lastTime(last.Summary().DataPoints())
	}
	return 0
}

// lastTime returns the time of the last of points.
func lastTime[P interface{ Timestamp() pcommon.Timestamp }](points interface {
	Len() int
	At(i int) P
},
) pcommon.Timestamp {
	if points.Len() == 0 {
		return 0
	}
	return points.At(points.Len() - 1).Timestamp()
}

// Span returns the end of the last span.
func Span(td ptrace.Traces) pcommon.Timestamp {
	resources := td.ResourceSpans()
	if resources.Len() == 0 {
		return 0
	}
	scopes := resources.At(resources.Len() - 1).ScopeSpans()
	if scopes.Len() == 0 {
		return 0
	}
	spans := scopes.At(scopes.Len() - 1).Spans()
	if spans.Len() == 0 {
		return 0
	}
	return spans.At(spans.Len() - 1).EndTimestamp()
}
