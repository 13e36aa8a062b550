// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"go.opentelemetry.io/collector/pdata/plog"
)

// Logs stamps ld as data of o.
func (s *Stamper) Logs(ld plog.Logs, o *Owner) (n Result) {
	var text utf8Repair
	for _, resource := range ld.ResourceLogs().All() {
		text.resource(resource.Resource())
		text.field(resource.SchemaUrl(), resource.SetSchemaUrl)
		n.Overwritten.Resource += s.resource(resource.Resource().Attributes(), o)
		for _, scope := range resource.ScopeLogs().All() {
			text.scope(scope.Scope())
			text.field(scope.SchemaUrl(), scope.SetSchemaUrl)
			n.Overwritten.Scope += o.Identity.enforce(scope.Scope().Attributes())
			for _, record := range scope.LogRecords().All() {
				text.record(record)
				n.Overwritten.Record += o.Identity.enforce(record.Attributes())
				if s.NormalizeSeverity && !normalizeSeverity(record) {
					n.UnknownSeverities++
				}
			}
		}
	}
	n.RepairedStrings = text.strings
	return n
}
