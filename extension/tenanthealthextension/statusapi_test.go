// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// statusServer is an extension that serves the status of the tenants of a registry.
type statusServer struct {
	*server
	client    *gatewaystatus.Client
	registry  *tenanttest.Registry
	telemetry *componenttest.Telemetry
	cfg       *Config
}

func newStatusServer(t *testing.T, dir string, tenants ...*tenant.Tenant) *statusServer {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.NetAddr.Endpoint = "127.0.0.1:0"
	status := defaultStatus()
	status.Socket, status.StateFile = filepath.Join(dir, "s.sock"), filepath.Join(dir, "activity.json")
	cfg.Status = configoptional.Some(status)
	cfg.Metrics.Tenant = true
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	set.BuildInfo.Version = "1.2.3"
	s, err := newServer(set, cfg)
	require.NoError(t, err)
	registry := tenanttest.NewRegistry(t, tenants...)
	require.NoError(t, s.Start(t.Context(), tenanttest.Host{component.MustNewID("tenant_registry"): registry}))
	require.NoError(t, s.Ready())
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	out := &statusServer{server: s, client: gatewaystatus.NewClient(status.Socket), registry: registry, telemetry: telemetry, cfg: cfg}
	require.Eventually(t, func() bool {
		_, err := out.client.Overview(t.Context())
		return err == nil
	}, 20*time.Second, 5*time.Millisecond)
	return out
}

func TestStatus_ShowsWhatComponentsReport(t *testing.T) {
	s := newStatusServer(t, t.TempDir(),
		&tenant.Tenant{ID: "acme", Name: "Acme", Status: tenant.StatusActive, Keys: []*tenant.Key{{ID: "k1", Digest: tenant.Digest{1}, Scopes: tenant.NewSignals(tenant.Logs)}}},
		&tenant.Tenant{ID: "beta", Status: tenant.StatusSuspended, Keys: []*tenant.Key{{ID: "k2", Digest: tenant.Digest{2}}}},
		&tenant.Tenant{ID: "gone", Status: tenant.StatusDeleted},
	)
	tracker := activity.Find(tenanttest.Host{component.MustNewID("tenant_health"): s.server})
	require.NotNil(t, tracker)
	tracker.Key("k1").Use(time.Now(), nil, nil)
	tracker.Tenant("acme").Accept(&activity.Accepted{Signal: tenant.Logs, Records: 5, Bytes: 50, Time: time.Now()})
	s.PostRejection(rejection.Rejected{Tenant: "beta", KeyID: "k2", Reason: "suspended"})
	s.PostRejection(rejection.Rejected{Reason: "unknown_key"})

	o, err := s.client.Overview(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "1.2.3", o.Gateway.Version)
	assert.Equal(t, gatewaystatus.TenantCounts{Total: 3, Active: 1, Suspended: 1, Deleted: 1, Sending: 1}, o.Tenants)
	assert.Equal(t, gatewaystatus.KeyCounts{Active: 1}, o.Keys)
	require.Len(t, o.Faulty, 1)
	assert.Equal(t, []any{"beta", "tenant_suspended"}, []any{o.Faulty[0].ID, o.Faulty[0].Findings[0].ID})
	assert.Len(t, o.UnknownCallers, 1)
	assert.Contains(t, string(o.Gateway.Health), `"status"`)

	acme, err := s.client.Tenant(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, int64(5), acme.Signals["logs"].Records)
	assert.Equal(t, gatewaystatus.SendingNow, acme.Keys[0].Sending)
	assert.Equal(t, "ok", acme.Findings[0].ID)
	_, err = s.client.Tenant(t.Context(), "nobody")
	var unknown *gatewaystatus.UnknownTenantError
	require.ErrorAs(t, err, &unknown)
	uses, err := s.client.KeyUses(t.Context())
	require.NoError(t, err)
	assert.Len(t, uses.LastUsed, 1)

	of := func(n int64, sending string) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{Value: n, Attributes: attribute.NewSet(attribute.String("sending", sending))}
	}
	metadatatest.AssertEqualExtensionTenantHealthTenants(t, s.telemetry, []metricdata.DataPoint[int64]{
		of(1, "sending"), of(0, "silent"), of(0, "inactive"), of(0, "never"),
	}, metricdatatest.IgnoreTimestamp())
	last, err := s.telemetry.GetMetric("otelcol_extension_tenant_health_last_accepted_timestamp")
	require.NoError(t, err)
	assert.Len(t, last.Data.(metricdata.Gauge[float64]).DataPoints, 1)
}

// A tenant that has stopped sending before a restart is still silent after it.
func TestStatus_RemembersSilenceOverARestart(t *testing.T) {
	dir := t.TempDir()
	acme := func() *tenant.Tenant {
		return &tenant.Tenant{ID: "acme", Status: tenant.StatusActive, Keys: []*tenant.Key{{ID: "k1", Digest: tenant.Digest{1}}}}
	}
	s := newStatusServer(t, dir, acme())
	before := time.Now().Add(-time.Hour)
	s.Activity().Tenant("acme").Accept(&activity.Accepted{Signal: tenant.Logs, Records: 5, Time: before})
	s.Activity().Key("k1").Use(before, nil, nil)
	require.NoError(t, s.Shutdown(t.Context()))
	info, err := os.Stat(s.cfg.Status.Get().StateFile)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	s = newStatusServer(t, dir, acme())
	v, err := s.client.Tenant(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, gatewaystatus.SendingSilent, v.Sending)
	assert.Equal(t, gatewaystatus.FindingSilent, v.Findings[0].ID)
	assert.Equal(t, gatewaystatus.SendingSilent, v.Keys[0].Sending)
}

func TestStatus_LeavesAFileOfOthers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "activity.json")
	require.NoError(t, os.WriteFile(file, []byte("notes"), 0o600))
	s := newStatusServer(t, dir, &tenant.Tenant{ID: "acme", Status: tenant.StatusActive})
	s.Activity().Tenant("acme").Accept(&activity.Accepted{Signal: tenant.Logs, Records: 5, Time: time.Now()})
	require.NoError(t, s.Shutdown(t.Context()))
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "notes", string(raw))
}

func TestStatus_IsBoundedWithManyTenants(t *testing.T) {
	const n = 10_000
	tenants := make([]*tenant.Tenant, n)
	for i := range tenants {
		tenants[i] = &tenant.Tenant{ID: tenant.ID(fmt.Sprintf("tenant-%05d", i)), Status: tenant.StatusSuspended}
	}
	s := newStatusServer(t, t.TempDir(), tenants...)
	rec := httptest.NewRecorder()
	s.status.routes().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, gatewaystatus.PathOverview, http.NoBody))
	assert.Equal(t, http.StatusOK, rec.Code)
	assert.Less(t, rec.Body.Len(), 200<<10)
	o, err := s.client.Overview(t.Context())
	require.NoError(t, err)
	assert.Equal(t, n, o.FaultyTotal)
	assert.Len(t, o.Faulty, 100)

	seen, after := 0, ""
	for {
		page, err := s.client.Tenants(t.Context(), after, gatewaystatus.MaxPage)
		require.NoError(t, err)
		seen += len(page.Tenants)
		if after = page.Next; after == "" {
			break
		}
	}
	assert.Equal(t, n, seen)
	_, err = s.client.Tenants(t.Context(), "", gatewaystatus.MaxPage+1)
	require.ErrorContains(t, err, "limit must be from 1 to 1000")
}

// Clients that connect again and again while an answer takes long leave nothing behind: those that
// have disconnected do not wait for their turn.
func TestStatus_ClientsThatDisconnectDoNotWait(t *testing.T) {
	s := newStatusServer(t, t.TempDir(), &tenant.Tenant{ID: "acme", Status: tenant.StatusActive})
	s.status.answering <- struct{}{} // an answer is being made
	idle := runtime.NumGoroutine()
	for range 500 {
		conn, err := net.Dial("unix", s.cfg.Status.Get().Socket)
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: gateway\r\n\r\n", gatewaystatus.PathOverview)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= idle+3*maxConnections }, 5*time.Second, 10*time.Millisecond,
		"%d goroutines for clients that have gone", runtime.NumGoroutine()-idle)
	<-s.status.answering
	_, err := s.client.Overview(t.Context())
	require.NoError(t, err)
}

func TestClient_SaysWhyNoGatewayAnswers(t *testing.T) {
	_, err := gatewaystatus.NewClient(filepath.Join(t.TempDir(), "none")).Overview(t.Context())
	var none *gatewaystatus.Unreachable
	require.ErrorAs(t, err, &none)
	assert.ErrorContains(t, err, "there is no socket")
	require.ErrorIs(t, err, os.ErrNotExist)
}
