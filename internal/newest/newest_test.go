// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package newest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/newest"
)

func TestLog(t *testing.T) {
	ld := plog.NewLogs()
	assert.Zero(t, newest.Log(ld))
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	assert.Zero(t, newest.Log(ld))
	records.AppendEmpty().SetTimestamp(9)
	records.AppendEmpty().SetTimestamp(5)
	assert.Equal(t, pcommon.Timestamp(5), newest.Log(ld), "of the last record")
	records.At(1).SetObservedTimestamp(7)
	assert.Equal(t, pcommon.Timestamp(7), newest.Log(ld), "when it was read")
	ld.ResourceLogs().AppendEmpty()
	assert.Zero(t, newest.Log(ld), "the last resource has no record")
}

func TestSpan(t *testing.T) {
	td := ptrace.NewTraces()
	assert.Zero(t, newest.Span(td))
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetStartTimestamp(1)
	span.SetEndTimestamp(2)
	assert.Equal(t, pcommon.Timestamp(2), newest.Span(td))
}

func TestPoint(t *testing.T) {
	for name, set := range map[string]func(m pmetric.Metric, at pcommon.Timestamp){
		"gauge": func(m pmetric.Metric, at pcommon.Timestamp) {
			m.SetEmptyGauge().DataPoints().AppendEmpty().SetTimestamp(at)
		},
		"sum": func(m pmetric.Metric, at pcommon.Timestamp) {
			m.SetEmptySum().DataPoints().AppendEmpty().SetTimestamp(at)
		},
		"histogram": func(m pmetric.Metric, at pcommon.Timestamp) {
			m.SetEmptyHistogram().DataPoints().AppendEmpty().SetTimestamp(at)
		},
		"exponential": func(m pmetric.Metric, at pcommon.Timestamp) {
			m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().SetTimestamp(at)
		},
		"summary": func(m pmetric.Metric, at pcommon.Timestamp) {
			m.SetEmptySummary().DataPoints().AppendEmpty().SetTimestamp(at)
		},
	} {
		md := pmetric.NewMetrics()
		assert.Zero(t, newest.Point(md))
		metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
		set(metrics.AppendEmpty(), 3)
		assert.Equal(t, pcommon.Timestamp(3), newest.Point(md), name)
		metrics.AppendEmpty()
		assert.Zero(t, newest.Point(md), "the last metric has no data")
	}
}
