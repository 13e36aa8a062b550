// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Traces stamps td as data of o.
func (s *Stamper) Traces(td ptrace.Traces, o *Owner) (n Result) {
	var text utf8Repair
	for _, resource := range td.ResourceSpans().All() {
		text.resource(resource.Resource())
		text.field(resource.SchemaUrl(), resource.SetSchemaUrl)
		n.Overwritten.Resource += s.resource(resource.Resource().Attributes(), o)
		for _, scope := range resource.ScopeSpans().All() {
			text.scope(scope.Scope())
			text.field(scope.SchemaUrl(), scope.SetSchemaUrl)
			n.Overwritten.Scope += o.Identity.enforce(scope.Scope().Attributes())
			for _, span := range scope.Spans().All() {
				text.span(span)
				n.Overwritten.Record += o.Identity.enforceSpan(span)
			}
		}
	}
	n.RepairedStrings = text.strings
	return n
}

func (a Attribute) enforceSpan(span ptrace.Span) (wrong int) {
	wrong = a.enforce(span.Attributes())
	for _, event := range span.Events().All() {
		wrong += a.enforce(event.Attributes())
	}
	for _, link := range span.Links().All() {
		wrong += a.enforce(link.Attributes())
	}
	return wrong
}
