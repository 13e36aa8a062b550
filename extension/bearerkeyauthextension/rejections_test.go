// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func observedRejections(t *testing.T) (*rejections, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	r, err := newRejections(false, zap.New(core))
	require.NoError(t, err)
	return r, logs
}

// Every rejection of a key that is known is counted for it, over HTTP and gRPC.
func TestServer_CountsRejectionsOfKnownKeys(t *testing.T) {
	network := func(k *tenant.Key) { k.SourceCIDRs = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} }
	for _, tt := range []struct {
		reason string
		key    func(*tenant.Key)
		tenant tenant.Tenant
		header map[string]string
		tap    bool // by tap alone
	}{
		{reason: "revoked_key", key: func(k *tenant.Key) { k.RevokedAt = noon }},
		{reason: "expired_key", key: func(k *tenant.Key) { k.ExpiresAt = noon }},
		{reason: "not_yet_valid", key: func(k *tenant.Key) { k.NotBefore = noon.Add(time.Hour) }},
		{reason: "source_address", key: network},
		{reason: "origin", header: map[string]string{"Origin": "https://page.example"}},
		{reason: "tenant_header", header: map[string]string{"X-Scope-OrgID": "tenant-b"}},
		{reason: "tenant_deleted", tenant: tenant.Tenant{Status: tenant.StatusDeleted}},
		{reason: "suspended", tenant: tenant.Tenant{Status: tenant.StatusSuspended}, tap: true},
		{reason: "scope", key: func(k *tenant.Key) { k.Scopes = tenant.NewSignals(tenant.Traces) }, tap: true},
	} {
		for _, protocol := range []string{"http", "grpc"} {
			if protocol == "http" && tt.tap {
				continue // the tenant processor rejects it
			}
			t.Run(tt.reason+" "+protocol, func(t *testing.T) {
				change := tt.key
				if change == nil {
					change = func(*tenant.Key) {}
				}
				text, key := newKey(change)
				owner := tt.tenant
				owner.ID, owner.Keys = "tenant-a", []*tenant.Key{key}
				cfg := serverConfig()
				cfg.Metrics.Tenant = true
				c, telemetry := startServerWith(t, cfg, tenanttest.NewRegistry(t, &owner))
				headers := map[string][]string{"Authorization": {"Bearer " + text}}
				for name, value := range tt.header {
					headers[name] = []string{value}
				}
				want := "192.0.2.7"
				for range 3 {
					var err error
					if protocol == "http" {
						_, err = c.Authenticate(from(ip(want)), headers)
					} else {
						ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(want), Port: 1}})
						md := metadata.MD{}
						for name, values := range headers {
							md.Append(name, values...)
						}
						_, err = c.tap(ctx, &tap.Info{FullMethodName: "/opentelemetry.proto.collector.logs.v1.LogsService/Export", Header: md})
					}
					require.Error(t, err)
					assert.NotContains(t, err.Error(), "deleted", "the caller reads nothing of it")
				}
				telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_rejected_requests", []metricdata.DataPoint[int64]{{
					Value:      3,
					Attributes: attribute.NewSet(attribute.String("tenant", "tenant-a"), attribute.String("key", key.ID), attribute.String("reason", tt.reason)),
				}}, metricdatatest.IgnoreTimestamp())
				due, others := c.rejections.due(noon, false)
				require.Len(t, due, 1)
				assert.Empty(t, others)
				assert.Equal(t, rejectionKey{"tenant-a", key.ID, tt.reason}, due[0].rejectionKey)
				assert.EqualValues(t, 3, due[0].unlogged)
				assert.Equal(t, []netip.Addr{netip.MustParseAddr(want)}, due[0].clients)
				assert.Empty(t, c.failures.sources.reports(noon, 10, true), "the log has it once")
			})
		}
	}
}

func TestServer_CountsNothingForUnknownKeys(t *testing.T) {
	_, key := newKey()
	unknown, _ := newKey()
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	for _, value := range []string{"", "Bearer x", "Bearer " + unknown} {
		_, err := c.Authenticate(from(ip("192.0.2.7")), map[string][]string{"Authorization": {value}})
		require.Error(t, err)
	}
	due, _ := c.rejections.due(noon, true)
	assert.Empty(t, due)
	assert.Len(t, c.failures.sources.reports(noon, 10, true), 1)
}

func TestRejectionBoards_PostForTheCaller(t *testing.T) {
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a"}))
	boards := rejection.FindBoards(tenanttest.Host{registryID: serverExtension{c}})
	require.Len(t, boards, 1)
	boards.Post(t.Context(), rejection.Rejected{Signal: tenant.NewSignals(tenant.Logs), Reason: "rate"})
	boards.Post(tenant.NewContext(t.Context(), tenant.Undecided()), rejection.Rejected{Signal: tenant.NewSignals(tenant.Logs), Reason: "rate"})
	ctx := client.NewContext(t.Context(), client.Info{Addr: ip("192.0.2.7")})
	ctx = tenant.NewContext(ctx, tenant.NewIdentity("tenant-a", "k1", 0))
	boards.Post(ctx, rejection.Rejected{Signal: tenant.NewSignals(tenant.Logs), Reason: "rate"})
	boards.Post(ctx, rejection.Rejected{Signal: tenant.NewSignals(tenant.Traces), Reason: "rate"})
	due, _ := c.rejections.due(noon, true)
	require.Len(t, due, 1)
	assert.Equal(t, rejectionKey{"tenant-a", "k1", "rate"}, due[0].rejectionKey)
	assert.EqualValues(t, 2, due[0].unlogged)
	assert.Equal(t, tenant.NewSignals(tenant.Logs, tenant.Traces), due[0].signals)
	assert.Empty(t, rejection.FindBoards(tenanttest.Host{}))
}

func TestRejections_LogsEachKindOnceAMinute(t *testing.T) {
	r, logs := observedRejections(t)
	for n := range 6 {
		r.add(rejection.Rejected{Tenant: "a", KeyID: "k1", Reason: "quota", Signal: tenant.NewSignals(tenant.Logs), Client: ip(fmt.Sprintf("192.0.2.%d", n))})
	}
	r.report(noon, false)
	require.Equal(t, 1, logs.Len())
	assert.Equal(t, "Rejected requests of a tenant", logs.All()[0].Message)
	assert.Equal(t, map[string]any{
		"tenant": "a", "key": "k1", "reason": "quota", "requests": int64(6), "signals": "logs", "other_clients": true,
		"clients": []any{"192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3"},
	}, logs.All()[0].ContextMap())

	r.add(rejection.Rejected{Tenant: "a", KeyID: "k1", Reason: "quota"})
	r.add(rejection.Rejected{Tenant: "a", KeyID: "k1", Reason: "scope"})
	r.report(noon.Add(59*time.Second), false)
	require.Equal(t, 2, logs.Len(), "another kind waits for no minute")
	r.report(noon.Add(time.Minute), false)
	require.Equal(t, 3, logs.Len())
	assert.EqualValues(t, 1, logs.All()[2].ContextMap()["requests"])
	r.report(noon.Add(time.Hour), true)
	assert.Equal(t, 3, logs.Len(), "nothing new")
}

func TestRejections_AreBounded(t *testing.T) {
	r, logs := observedRejections(t)
	for n := range 3 * maxRejections {
		r.add(rejection.Rejected{Tenant: tenant.ID(fmt.Sprint(n)), KeyID: "k", Reason: "rate"})
	}
	for n := range 3 * maxReasons {
		r.add(rejection.Rejected{Tenant: "a", KeyID: "k", Reason: fmt.Sprint("reason", n)})
	}
	assert.Equal(t, maxRejections, r.recent.Len())
	assert.LessOrEqual(t, len(r.totals), maxReasons+1)
	r.report(noon, true)
	assert.Equal(t, maxReports+1, logs.Len())
	var n int64
	for _, e := range logs.All() {
		for name, value := range e.ContextMap() {
			if count, ok := value.(int64); ok && (name == "requests" || e.Message != "Rejected requests of a tenant") {
				n += count
			}
		}
	}
	assert.EqualValues(t, 3*maxRejections+3*maxReasons, n, "no count is lost")
	assert.Empty(t, r.evicted)
}

func TestRejections_ShowsTenantsOnlyIfConfigured(t *testing.T) {
	_, key := newKey()
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}})
	c, telemetry := startServer(t, registry)
	c.PostRejection(rejection.Rejected{Tenant: "tenant-a", KeyID: key.ID, Reason: "rate"})
	c.PostRejection(rejection.Rejected{Tenant: "tenant-b", KeyID: "x", Reason: "rate"})
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_rejected_requests", []metricdata.DataPoint[int64]{
		{Value: 2, Attributes: attribute.NewSet(attribute.String("reason", "rate"))},
	}, metricdatatest.IgnoreTimestamp())

	cfg := serverConfig()
	cfg.Metrics.Tenant = true
	c, telemetry = startServerWith(t, cfg, registry)
	c.PostRejection(rejection.Rejected{Tenant: "tenant-a", KeyID: key.ID, Reason: "rate"})
	c.PostRejection(rejection.Rejected{Tenant: "tenant-b", KeyID: "x", Reason: "rate"})
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_rejected_requests", []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(attribute.String("tenant", "tenant-a"), attribute.String("key", key.ID), attribute.String("reason", "rate"))},
		{Value: 1, Attributes: attribute.NewSet(attribute.String("reason", "rate"))}, // of a tenant that has left the registry
	}, metricdatatest.IgnoreTimestamp())
}

func BenchmarkRejections_Flood(b *testing.B) {
	r, err := newRejections(false, zap.NewNop())
	require.NoError(b, err)
	boards := rejection.Boards{boardFunc(r.add)}
	ctx := client.NewContext(context.Background(), client.Info{Addr: ip("192.0.2.7")})
	ctx = tenant.NewContext(ctx, tenant.NewIdentity("tenant-a", "k1", 0))
	b.ReportAllocs()
	for b.Loop() {
		boards.Post(ctx, rejection.Rejected{Signal: tenant.NewSignals(tenant.Logs), Reason: "rate"})
	}
}

type boardFunc func(rejection.Rejected)

// PostRejection implements rejection.Board.
func (f boardFunc) PostRejection(r rejection.Rejected) { f(r) }
