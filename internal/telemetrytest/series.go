// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package telemetrytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Series returns the sums and counts of all series by metric and attributes. Of a histogram
// it is the number of observations.
func Series(t *testing.T, telemetry *componenttest.Telemetry) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	var read metricdata.ResourceMetrics
	require.NoError(t, telemetry.Reader.Collect(context.Background(), &read))
	for _, scope := range read.ScopeMetrics {
		for _, m := range scope.Metrics {
			key := func(set attribute.Set) string {
				name := scope.Scope.Name + " " + m.Name + "{" + set.Encoded(attribute.DefaultEncoder()) + "} " + m.Unit + " " + m.Description
				_, twice := all[name]
				require.False(t, twice, "%s: two instruments have one series", name)
				return name
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					all[key(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					all[key(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					all[key(p.Attributes)] = p.Value
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					all[key(p.Attributes)] = p.Value
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					all[key(p.Attributes)] = float64(p.Count)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					all[key(p.Attributes)] = float64(p.Count)
				}
			default:
				require.Fail(t, "unknown kind of metric", m.Name)
			}
		}
	}
	return all
}
