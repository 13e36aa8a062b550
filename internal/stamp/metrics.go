// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Metrics stamps md as data of o.
func (s *Stamper) Metrics(md pmetric.Metrics, o *Owner) (n Result) {
	var text utf8Repair
	for _, resource := range md.ResourceMetrics().All() {
		text.resource(resource.Resource())
		text.field(resource.SchemaUrl(), resource.SetSchemaUrl)
		n.Overwritten.Resource += s.resource(resource.Resource().Attributes(), o)
		for _, scope := range resource.ScopeMetrics().All() {
			text.scope(scope.Scope())
			text.field(scope.SchemaUrl(), scope.SetSchemaUrl)
			n.Overwritten.Scope += o.Identity.enforce(scope.Scope().Attributes())
			for _, metric := range scope.Metrics().All() {
				text.metric(metric)
				n.Overwritten.Record += o.Identity.enforce(metric.Metadata()) + o.Identity.enforcePoints(metric)
			}
		}
	}
	n.RepairedStrings = text.strings
	return n
}

func (a Attribute) enforcePoints(metric pmetric.Metric) (wrong int) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return a.enforceNumbers(metric.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return a.enforceNumbers(metric.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			wrong += a.enforce(point.Attributes()) + a.enforceExemplars(point.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			wrong += a.enforce(point.Attributes()) + a.enforceExemplars(point.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			wrong += a.enforce(point.Attributes())
		}
	case pmetric.MetricTypeEmpty:
	}
	return wrong
}

func (a Attribute) enforceNumbers(points pmetric.NumberDataPointSlice) (wrong int) {
	for _, point := range points.All() {
		wrong += a.enforce(point.Attributes()) + a.enforceExemplars(point.Exemplars())
	}
	return wrong
}

func (a Attribute) enforceExemplars(exemplars pmetric.ExemplarSlice) (wrong int) {
	for _, exemplar := range exemplars.All() {
		wrong += a.enforce(exemplar.FilteredAttributes())
	}
	return wrong
}
