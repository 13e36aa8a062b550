// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package telemetrytest checks the internal metrics of components in tests.
package telemetrytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
)

// AssertCounted asserts that the points of a counter that are not 0 are those of want. A
// counter has series at 0 from the start, which are not compared.
func AssertCounted(t *testing.T, telemetry *componenttest.Telemetry, name string, want []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	m, err := telemetry.GetMetric(name)
	require.NoError(t, err)
	got, ok := m.Data.(metricdata.Sum[int64])
	require.True(t, ok, "%s is %T", name, m.Data)
	zero := func(p metricdata.DataPoint[int64]) bool { return p.Value == 0 }
	got.DataPoints = slices.DeleteFunc(slices.Clone(got.DataPoints), zero)
	want = slices.DeleteFunc(slices.Clone(want), zero)
	opts = append(opts, metricdatatest.IgnoreTimestamp())
	metricdatatest.AssertEqual(t, metricdata.Sum[int64]{
		Temporality: metricdata.CumulativeTemporality, IsMonotonic: true, DataPoints: want,
	}, got, opts...)
}
