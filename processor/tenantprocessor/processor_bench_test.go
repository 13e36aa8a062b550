// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

const benchRecords = 100

// describe writes what an agent of ours would have: a request that has nothing
// to be changed.
func describe(resource, scope pcommon.Map) {
	resource.PutStr("business_id", genuine)
	resource.PutStr("service.name", "shop")
	resource.PutStr("host.name", "vm-1")
	resource.PutStr("deployment.environment", "production")
	resource.PutStr("deployment.environment.name", "production")
	scope.PutStr("library", "pino")
}

func fields(m pcommon.Map) {
	for i := range 6 {
		m.PutStr(fmt.Sprintf("field.%d", i), "value")
	}
}

func benchLogs(forged bool) plog.Logs {
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	scope := resource.ScopeLogs().AppendEmpty()
	describe(resource.Resource().Attributes(), scope.Scope().Attributes())
	for range benchRecords {
		record := scope.LogRecords().AppendEmpty()
		record.Body().SetStr("GET /health 200")
		fields(record.Attributes())
		if forged {
			record.SetSeverityText("WARNING")
			record.Attributes().PutStr("business_id", "tenant-b")
			continue
		}
		record.SetSeverityNumber(plog.SeverityNumberInfo)
		record.SetSeverityText("info")
	}
	return ld
}

func BenchmarkLogs_100Records(b *testing.B) {
	ctx := caller(genuine, tenant.Logs)
	b.Run("nothing to change", func(b *testing.B) {
		p, _ := started(b, authConfig(), tenant.Logs, bareRegistry(b))
		ld := benchLogs(false)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.processLogs(ctx, ld); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("every record forged and to be normalized", func(b *testing.B) {
		p, _ := started(b, authConfig(), tenant.Logs, bareRegistry(b))
		forged := benchLogs(true)
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			ld := plog.NewLogs()
			forged.CopyTo(ld)
			b.StartTimer()
			if _, err := p.processLogs(ctx, ld); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refused", func(b *testing.B) {
		p, _ := started(b, authConfig(), tenant.Logs, testRegistry(b))
		ctx, ld := caller("suspended", tenant.Logs), benchLogs(false)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.processLogs(ctx, ld); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkLimitedLogs_100Records(b *testing.B) {
	all := tenant.Limits{DailyBytes: 1 << 50, MonthlyBytes: 1 << 50}
	all.Rates[tenant.Logs] = tenant.Rate{RecordsPerSecond: 1 << 40, BytesPerSecond: 1 << 50}
	for name, limits := range map[string]tenant.Limits{
		"no limits":        {},
		"records a second": rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1 << 40}),
		"every limit":      all,
	} {
		b.Run(name, func(b *testing.B) {
			factory, cfg := newFactory(), authConfig()
			p, err := factory.createLogs(context.Background(), nopSettings(), cfg, consumertest.NewNop())
			require.NoError(b, err)
			require.NoError(b, p.Start(context.Background(), tenanttest.Host{registryID: limited(b, limits)}))
			ctx, ld := tenantA, benchLogs(false)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.ConsumeLogs(ctx, ld); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, p.Shutdown(context.Background()))
		})
	}
}

func BenchmarkMetrics_100Points(b *testing.B) {
	md := pmetric.NewMetrics()
	resource := md.ResourceMetrics().AppendEmpty()
	scope := resource.ScopeMetrics().AppendEmpty()
	describe(resource.Resource().Attributes(), scope.Scope().Attributes())
	for range benchRecords {
		fields(scope.Metrics().AppendEmpty().SetEmptySum().DataPoints().AppendEmpty().Attributes())
	}
	p, _ := started(b, authConfig(), tenant.Metrics, bareRegistry(b))
	ctx := caller(genuine, tenant.Metrics)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.processMetrics(ctx, md); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTraces_100Spans(b *testing.B) {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	scope := resource.ScopeSpans().AppendEmpty()
	describe(resource.Resource().Attributes(), scope.Scope().Attributes())
	for range benchRecords {
		fields(scope.Spans().AppendEmpty().Attributes())
	}
	p, _ := started(b, authConfig(), tenant.Traces, bareRegistry(b))
	ctx := caller(genuine, tenant.Traces)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.processTraces(ctx, td); err != nil {
			b.Fatal(err)
		}
	}
}
