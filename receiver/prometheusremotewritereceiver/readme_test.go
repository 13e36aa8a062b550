// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package prometheusremotewritereceiver

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/translate"
)

// typeOf returns the type that a row of the table names.
func typeOf(t *testing.T, text string) message.Type {
	t.Helper()
	for prefix, typ := range map[string]message.Type{
		"counter": message.Counter, "gauge": message.Gauge, "gauge histogram": message.GaugeHistogram,
		"classic histogram": message.Histogram, "native histogram": message.Histogram, "summary": message.Summary,
		"info": message.Info, "stateset": message.StateSet, "unknown": message.Unknown,
	} {
		if text == prefix || strings.HasPrefix(text, prefix+" with ") || strings.HasPrefix(text, prefix+" in ") || strings.HasPrefix(text, prefix+" of ") {
			return typ
		}
	}
	require.Fail(t, "unknown type", text)
	return 0
}

// seriesOf returns the series of a row of the table. Its labels are sorted.
func seriesOf(t *testing.T, typ, text string) *message.Series {
	t.Helper()
	name, labels, _ := strings.Cut(strings.TrimSuffix(strings.Trim(text, "`"), "}"), "{")
	s := &message.Series{Name: name, Metadata: message.Metadata{Type: typeOf(t, typ)}}
	for pair := range strings.SplitSeq(labels, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			s.Labels = append(s.Labels, message.Label{Name: k, Value: strings.Trim(v, `"`)})
		}
	}
	switch {
	case strings.HasSuffix(typ, "custom buckets"):
		s.Histograms = []message.NativeHistogram{{Schema: message.CustomBuckets, CustomValues: []float64{1}, Timestamp: 1}}
	case strings.HasPrefix(typ, "native histogram"):
		s.Histograms = []message.NativeHistogram{{Timestamp: 1}}
	default:
		s.Samples = []message.Sample{{Value: 1, Timestamp: 1}}
	}
	return s
}

func nameOf(t *testing.T, m pmetric.Metric) string {
	t.Helper()
	switch m.Type() {
	case pmetric.MetricTypeSum:
		assert.Equal(t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
		if m.Sum().IsMonotonic() {
			return "monotonic sum"
		}
		return "sum"
	case pmetric.MetricTypeGauge:
		return "gauge"
	case pmetric.MetricTypeHistogram:
		return "explicit histogram"
	case pmetric.MetricTypeExponentialHistogram:
		return "exponential histogram"
	}
	return m.Type().String()
}

// The table in the README says what a series of each type becomes. internal/e2e holds it
// against what a real Prometheus sends and another one behind the gateway stores.
func TestReadme_WhatBecomesOfSeries(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(readme), "\n| type | series | OTLP | `prometheus.type` |\n|---|---|---|---|\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	var types []message.Type
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		require.Len(t, cells, 4, line)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		t.Run(cells[0]+"/"+cells[1], func(t *testing.T) {
			m := memory.New(memory.Settings{Families: 1, Targets: 1, Bytes: 1 << 20})
			b := new(translate.Builders).Get(m.Of("acme"), 1<<20, func(int64) error { return nil })
			s := seriesOf(t, cells[0], cells[1])
			types = append(types, s.Metadata.Type)
			require.NoError(t, b.Add(s))
			md := b.Finish().Metrics
			require.Equal(t, 1, md.MetricCount())
			metric := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
			assert.Equal(t, s.Name, metric.Name())
			assert.Equal(t, cells[2], nameOf(t, metric))
			typ := ""
			if v, ok := metric.Metadata().Get("prometheus.type"); ok {
				typ = v.Str()
			}
			assert.Equal(t, cells[3], typ)
		})
	}
	slices.Sort(types)
	assert.Len(t, slices.Compact(types), int(message.NumTypes), "the table has all types")
}
