// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/cumulative"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (r *router) consumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if md.MetricCount() == 0 {
		return nil
	}
	return r.consume(ctx, tenant.Metrics, metricsContent(md))
}

func metricsContent(md pmetric.Metrics) *content {
	rms := md.ResourceMetrics()
	return &content{
		resources: rms.Len(),
		resource:  func(i int) pcommon.Resource { return rms.At(i).Resource() },
		records: func(i int) int {
			n := 0
			for _, sm := range rms.At(i).ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					n += dataPoints(m)
				}
			}
			return n
		},
		encode: func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md) },
		delta:  cumulative.Needs(md),
	}
}

func dataPoints(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	}
	return 0
}
