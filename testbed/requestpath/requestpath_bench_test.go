// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestpath

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/attributesprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor"
)

const records = 100

// request is what an agent sends: 100 records of six attributes, stamped already.
func request() plog.Logs {
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	attributes := resource.Resource().Attributes()
	attributes.PutStr("business_id", "tenant-0")
	attributes.PutStr("service.name", "shop")
	attributes.PutStr("host.name", "vm-1")
	attributes.PutStr("deployment.environment", "production")
	attributes.PutStr("deployment.environment.name", "production")
	scope := resource.ScopeLogs().AppendEmpty()
	for range records {
		record := scope.LogRecords().AppendEmpty()
		record.Body().SetStr("GET /health 200")
		record.SetSeverityNumber(plog.SeverityNumberInfo)
		record.SetSeverityText("info")
		for i := range 6 {
			record.Attributes().PutStr(fmt.Sprintf("field.%d", i), "value")
		}
	}
	return ld
}

// path is an authenticator and a processor.
type path struct {
	auth extensionauth.Server
	logs processor.Logs
}

// send does what a receiver does with a request whose body it has decoded.
func (p path) send(headers map[string][]string, ld plog.Logs) error {
	ctx := client.NewContext(context.Background(), client.Info{Addr: &net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}})
	ctx, err := p.auth.Authenticate(ctx, headers)
	if err != nil {
		return err
	}
	return p.logs.ConsumeLogs(ctx, ld)
}

// build starts the two components with the given configurations.
func build(b *testing.B, host component.Host, ext extension.Factory, extCfg map[string]any, proc processor.Factory, procCfg map[string]any) path {
	b.Helper()
	ctx := context.Background()
	cfg := ext.CreateDefaultConfig()
	require.NoError(b, confmap.NewFromStringMap(extCfg).Unmarshal(cfg))
	e, err := ext.Create(ctx, extensiontest.NewNopSettings(ext.Type()), cfg)
	require.NoError(b, err)
	require.NoError(b, e.Start(ctx, host))
	b.Cleanup(func() { require.NoError(b, e.Shutdown(ctx)) })
	cfg = proc.CreateDefaultConfig()
	require.NoError(b, confmap.NewFromStringMap(procCfg).Unmarshal(cfg))
	p, err := proc.CreateLogs(ctx, processortest.NewNopSettings(proc.Type()), cfg, consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, p.Start(ctx, host))
	b.Cleanup(func() { require.NoError(b, p.Shutdown(ctx)) })
	return path{e.(extensionauth.Server), p}
}

func headers(key string) map[string][]string {
	return map[string][]string{
		"Accept-Encoding": {"gzip"}, "Authorization": {"Bearer " + key}, "Content-Encoding": {"gzip"},
		"Content-Length": {"1024"}, "Content-Type": {"application/x-protobuf"}, "User-Agent": {"otelcol"},
	}
}

// keys makes n keys, each of a tenant of its own. limits are everybody's.
func keys(b *testing.B, n int, limits tenant.Limits) ([]string, *tenanttest.Registry) {
	b.Helper()
	var texts []string
	var tenants []*tenant.Tenant
	for i := range n {
		text, id := apikey.New()
		texts = append(texts, text)
		tenants = append(tenants, &tenant.Tenant{
			ID: tenant.ID(fmt.Sprintf("tenant-%d", i)), Limits: limits,
			Keys: []*tenant.Key{{ID: id, Digest: apikey.Digest(text), Scopes: tenant.NewSignals(tenant.AllSignals()...)}},
		})
	}
	return texts, tenanttest.NewRegistry(b, tenants...)
}

// BenchmarkRequest is one request of 100 log records from headers to the exporter.
// Upstream's pair knows one tenant for all its tokens; ours knows each caller's.
func BenchmarkRequest(b *testing.B) {
	large := tenant.Limits{Rates: [3]tenant.Rate{{RecordsPerSecond: 1 << 50, BytesPerSecond: 1 << 50}}, DailyBytes: 1 << 60, MonthlyBytes: 1 << 60}
	for _, n := range []int{10, 1000} {
		for name, limits := range map[string]tenant.Limits{"": {}, "-limits": large} {
			texts, registry := keys(b, n, limits)
			b.Run(fmt.Sprintf("ours%s/keys=%d", name, n), func(b *testing.B) {
				host := tenanttest.Host{component.MustNewID("tenant_registry"): registry}
				p := build(b, host,
					bearerkeyauthextension.NewFactory(), map[string]any{"registry": "tenant_registry"},
					tenantprocessor.NewFactory(), map[string]any{"source": "auth"})
				run(b, p, texts[n/2])
			})
		}
		texts, _ := keys(b, n, tenant.Limits{})
		b.Run(fmt.Sprintf("upstream/keys=%d", n), func(b *testing.B) {
			tokens := make([]any, n)
			for i, text := range texts {
				tokens[i] = text
			}
			p := build(b, componenttest.NewNopHost(),
				bearertokenauthextension.NewFactory(), map[string]any{"tokens": tokens},
				attributesprocessor.NewFactory(), map[string]any{
					"actions": []any{map[string]any{"key": "business_id", "value": "tenant-0", "action": "upsert"}},
				})
			run(b, p, texts[n/2])
		})
	}
}

func run(b *testing.B, p path, key string) {
	b.Helper()
	h, ld := headers(key), request()
	require.NoError(b, p.send(h, ld))
	require.Error(b, p.send(headers("obs_kabcdefg_wrong"), ld))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.send(h, ld); err != nil {
			b.Fatal(err)
		}
	}
}
