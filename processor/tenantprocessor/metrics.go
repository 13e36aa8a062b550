package tenantprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (p *tenantProcessor) processMetrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	who, err := p.admit(ctx, md.DataPointCount())
	if err != nil {
		return md, err
	}
	id := who.identity
	var n overwritten
	var text utf8Repair
	for _, resource := range md.ResourceMetrics().All() {
		text.resource(resource.Resource())
		text.field(resource.SchemaUrl(), resource.SetSchemaUrl)
		n.resource += p.stampResource(resource.Resource().Attributes(), who)
		for _, scope := range resource.ScopeMetrics().All() {
			text.scope(scope.Scope())
			text.field(scope.SchemaUrl(), scope.SetSchemaUrl)
			n.scope += id.enforce(scope.Scope().Attributes())
			for _, metric := range scope.Metrics().All() {
				text.metric(metric)
				n.record += id.enforce(metric.Metadata()) + id.enforcePoints(metric)
			}
		}
	}
	p.recordOverwritten(ctx, n)
	p.recordRepaired(ctx, text)
	return md, nil
}

func (a fixedAttribute) enforcePoints(metric pmetric.Metric) (wrong int) {
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

func (a fixedAttribute) enforceNumbers(points pmetric.NumberDataPointSlice) (wrong int) {
	for _, point := range points.All() {
		wrong += a.enforce(point.Attributes()) + a.enforceExemplars(point.Exemplars())
	}
	return wrong
}

func (a fixedAttribute) enforceExemplars(exemplars pmetric.ExemplarSlice) (wrong int) {
	for _, exemplar := range exemplars.All() {
		wrong += a.enforce(exemplar.FilteredAttributes())
	}
	return wrong
}
