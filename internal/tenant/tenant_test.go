// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func TestID_Validate(t *testing.T) {
	for _, id := range []tenant.ID{"a", "tenant-a", "A!_.*'()-9", "...", tenant.ID(strings.Repeat("x", 150))} {
		assert.NoError(t, id.Validate(), id)
	}
	for id, want := range map[tenant.ID]string{
		"":                                  "empty",
		".":                                 `"." or ".."`,
		"..":                                `"." or ".."`,
		"a/b":                               `'/' at byte 1`,
		"a|b":                               `'|' at byte 1`,
		"a b":                               `' ' at byte 1`,
		"a\nb":                              `'\n' at byte 1`,
		"caf\u00e9":                         "'\u00e9' at byte 3",
		"caf\xe9":                           "'\ufffd' at byte 3",
		tenant.ID(strings.Repeat("x", 151)): "151 bytes",
	} {
		assert.ErrorContains(t, id.Validate(), want, string(id))
	}
}

func TestNewContext_ReplacesWhatTheCallerSent(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	ctx := client.NewContext(context.Background(), client.Info{
		Addr:     addr,
		Metadata: client.NewMetadata(map[string][]string{tenant.MetadataKey: {"forged"}, "authorization": {"Bearer secret"}}),
	})
	_, ok := tenant.FromContext(ctx)
	require.False(t, ok, "client metadata is no identity")

	id := tenant.NewIdentity("tenant-a", "k1", tenant.NewSignals(tenant.Logs))
	ctx = tenant.NewContext(ctx, id)
	got, ok := tenant.FromContext(ctx)
	require.True(t, ok)
	assert.Same(t, id, got)
	info := client.FromContext(ctx)
	assert.Equal(t, addr, info.Addr)
	assert.Equal(t, []string{"tenant-a"}, info.Metadata.Get(tenant.MetadataKey))
	assert.Empty(t, info.Metadata.Get("authorization"))
	assert.Equal(t, "tenant-a", info.Auth.GetAttribute("tenant_id"))
	assert.Nil(t, info.Auth.GetAttribute("secret"))
}

func TestUndecided_HasNoTenant(t *testing.T) {
	ctx := tenant.NewContext(context.Background(), tenant.Undecided())
	id, ok := tenant.FromContext(ctx)
	require.True(t, ok)
	assert.False(t, id.Decided())
	assert.Empty(t, client.FromContext(ctx).Metadata.Get(tenant.MetadataKey))
}

func TestNewSnapshot_RejectsPartlyInvalidSets(t *testing.T) {
	a := tenant.Digest{1}
	_, err := tenant.NewSnapshot([]*tenant.Tenant{
		{ID: "ok", Keys: []*tenant.Key{{ID: "k1", Digest: a}}},
		{ID: "bad/id"},
		{ID: "ok"},
		{ID: "b", Keys: []*tenant.Key{{ID: "k1", Digest: tenant.Digest{2}}, {ID: "k2", Digest: a}}},
	}, "")
	require.Error(t, err)
	for _, want := range []string{"tenants[1]", `tenant "ok": there are two`, `key "k1" is also a key of tenant "ok"`, `key "k2" has the same sha256 as key "k1"`} {
		assert.ErrorContains(t, err, want)
	}
}

func TestNewSnapshot(t *testing.T) {
	k := &tenant.Key{ID: "k1", Digest: tenant.Digest{1}, Scopes: tenant.NewSignals(tenant.Traces)}
	s, err := tenant.NewSnapshot([]*tenant.Tenant{{ID: "b", Keys: []*tenant.Key{k}}, {ID: "a"}}, "h")
	require.NoError(t, err)
	assert.Equal(t, 2, s.Len())
	assert.Equal(t, "h", s.Hash())
	var order []tenant.ID
	for t := range s.Tenants() {
		order = append(order, t.ID)
	}
	assert.Equal(t, []tenant.ID{"a", "b"}, order)
	require.Same(t, k, s.Key(tenant.Digest{1}))
	assert.Nil(t, s.Key(tenant.Digest{2}))
	assert.Equal(t, tenant.ID("b"), k.Tenant().ID)
	assert.Equal(t, tenant.ID("b"), k.Identity().Tenant())
	assert.True(t, k.Identity().Scopes().Has(tenant.Traces))
	assert.False(t, k.Identity().Scopes().Has(tenant.Logs))
	assert.Nil(t, s.Tenant("c"))
}

func TestFindRegistry(t *testing.T) {
	reg := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	id, other := component.MustNewID("tenant_registry"), component.MustNewID("other")
	host := tenanttest.Host{id: reg, other: component.Component(nil)}
	got, err := tenant.FindRegistry(host, id)
	require.NoError(t, err)
	assert.Same(t, reg, got)
	_, err = tenant.FindRegistry(host, component.MustNewID("missing"))
	assert.ErrorContains(t, err, `"missing" is not configured`)
	_, err = tenant.FindRegistry(host, other)
	assert.ErrorContains(t, err, "not a tenant registry")
}

func TestSignals(t *testing.T) {
	set := tenant.NewSignals(tenant.Traces, tenant.Logs)
	assert.Equal(t, []string{"logs", "traces"}, set.Names())
	for _, s := range tenant.AllSignals() {
		got, err := tenant.ParseSignal(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, got)
	}
	_, err := tenant.ParseSignal("profiles")
	assert.ErrorContains(t, err, "logs, metrics, traces")
}

func BenchmarkNewContext(b *testing.B) {
	id := tenant.NewIdentity("tenant-a", "k1", tenant.NewSignals(tenant.Logs))
	b.ReportAllocs()
	for b.Loop() {
		_ = tenant.NewContext(context.Background(), id)
	}
}

func TestSignalOfMethod(t *testing.T) {
	const of = "/opentelemetry.proto.collector."
	for method, want := range map[string]tenant.Signal{
		of + "logs.v1.LogsService/Export":       tenant.Logs,
		of + "metrics.v1.MetricsService/Export": tenant.Metrics,
		of + "trace.v1.TraceService/Export":     tenant.Traces,
	} {
		got, ok := tenant.SignalOfMethod(method)
		assert.True(t, ok, method)
		assert.Equal(t, want, got, method)
	}
	for _, method := range []string{"", "/", of, of + "traces.v1.TraceService/Export", of + "profiles.v1development.ProfilesService/Export", "/grpc.health.v1.Health/Check"} {
		_, ok := tenant.SignalOfMethod(method)
		assert.False(t, ok, method)
	}
}
