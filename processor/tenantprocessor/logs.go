package tenantprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"
)

func (p *tenantProcessor) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	who, err := p.admit(ctx, ld.LogRecordCount())
	if err != nil {
		return ld, err
	}
	id := who.identity
	var n overwritten
	var text utf8Repair
	unknown := 0
	for _, resource := range ld.ResourceLogs().All() {
		text.resource(resource.Resource())
		text.field(resource.SchemaUrl(), resource.SetSchemaUrl)
		n.resource += p.stampResource(resource.Resource().Attributes(), who)
		for _, scope := range resource.ScopeLogs().All() {
			text.scope(scope.Scope())
			text.field(scope.SchemaUrl(), scope.SetSchemaUrl)
			n.scope += id.enforce(scope.Scope().Attributes())
			for _, record := range scope.LogRecords().All() {
				text.record(record)
				n.record += id.enforce(record.Attributes())
				if p.cfg.Severity == SeverityNormalize && !normalizeSeverity(record) {
					unknown++
				}
			}
		}
	}
	p.recordOverwritten(ctx, n)
	p.recordRepaired(ctx, text)
	if unknown > 0 {
		p.telemetry.ProcessorTenantUnknownSeverities.Add(ctx, int64(unknown))
	}
	return ld, nil
}
