package tenantprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func (p *tenantProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	who, err := p.admit(ctx, td.SpanCount())
	if err != nil {
		return td, err
	}
	id := who.identity
	var n overwritten
	var text utf8Repair
	for _, resource := range td.ResourceSpans().All() {
		text.resource(resource.Resource())
		text.field(resource.SchemaUrl(), resource.SetSchemaUrl)
		n.resource += p.stampResource(resource.Resource().Attributes(), who)
		for _, scope := range resource.ScopeSpans().All() {
			text.scope(scope.Scope())
			text.field(scope.SchemaUrl(), scope.SetSchemaUrl)
			n.scope += id.enforce(scope.Scope().Attributes())
			for _, span := range scope.Spans().All() {
				text.span(span)
				n.record += id.enforceSpan(span)
			}
		}
	}
	p.recordOverwritten(ctx, n)
	p.recordRepaired(ctx, text)
	return td, nil
}

func (a fixedAttribute) enforceSpan(span ptrace.Span) (wrong int) {
	wrong = a.enforce(span.Attributes())
	for _, event := range span.Events().All() {
		wrong += a.enforce(event.Attributes())
	}
	for _, link := range span.Links().All() {
		wrong += a.enforce(link.Attributes())
	}
	return wrong
}
