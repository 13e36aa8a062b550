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
	unknown := 0
	for _, resource := range ld.ResourceLogs().All() {
		n.resource += p.stampResource(resource.Resource().Attributes(), who)
		for _, scope := range resource.ScopeLogs().All() {
			n.scope += id.enforce(scope.Scope().Attributes())
			for _, record := range scope.LogRecords().All() {
				n.record += id.enforce(record.Attributes())
				if p.cfg.Severity == SeverityNormalize && !normalizeSeverity(record) {
					unknown++
				}
			}
		}
	}
	p.recordOverwritten(ctx, n)
	if unknown > 0 {
		p.telemetry.ProcessorTenantUnknownSeverities.Add(ctx, int64(unknown))
	}
	return ld, nil
}
