// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestGatewayFindings_NameTheFaultOfARegistryOnce(t *testing.T) {
	now := time.Now()
	registry := component.MustNewID("tenant_registry")
	failing := func(class healthboard.FailureClass, action string, confirmed time.Duration) healthboard.Registry {
		return healthboard.Registry{Loaded: true, ConfirmedAt: now.Add(-confirmed), Failure: &healthboard.RegistryFailure{Class: class, Action: action, Since: now.Add(-confirmed)}}
	}
	type line struct {
		id       string
		severity finding.Severity
	}
	for _, tt := range []struct {
		name   string
		of     healthboard.Registry
		unwell map[string]string
		want   []line
		fix    string
		says   string
	}{
		{"a good registry", healthboard.Registry{Loaded: true, ConfirmedAt: now}, nil, nil, "", ""},
		{
			"a restored backup, which the extension reports too", failing(healthboard.FailureForked, "tenantctl registry accept-restore --above 7", time.Minute),
			map[string]string{"extension/tenant_registry": "recoverable_error"},
			[]line{{"registry_forked", finding.Error}},
			"tenantctl registry accept-restore --above 7", "for 1 min",
		},
		{
			"and another component", failing(healthboard.FailureForked, "", time.Minute),
			map[string]string{"extension/tenant_registry": "recoverable_error", "receiver/otlp": "permanent_error"},
			[]line{{"registry_forked", finding.Error}, {"component_failed", finding.Warning}},
			"accept-restore", "",
		},
		{
			"a receiver named like the registry", failing(healthboard.FailureInvalid, "", time.Minute),
			map[string]string{"receiver/tenant_registry": "recoverable_error"},
			[]line{{"registry_invalid", finding.Error}, {"component_failed", finding.Warning}},
			"registry validate", "",
		},
		{"a component without a fault of the registry", healthboard.Registry{Loaded: true, ConfirmedAt: now}, map[string]string{"extension/tenant_registry": "recoverable_error"}, []line{{"component_failed", finding.Warning}}, "/health", "extension/tenant_registry"},
		{"a database that is down", failing(healthboard.FailureUnavailable, "", time.Minute), nil, []line{{"registry_unavailable", finding.Warning}}, "reachable", ""},
		{"for long", failing(healthboard.FailureUnavailable, "", time.Hour), nil, []line{{"registry_unavailable", finding.Error}}, "reachable", ""},
		{"only stale", healthboard.Registry{Loaded: true, ConfirmedAt: now.Add(-time.Hour)}, nil, []line{{"registry_stale", finding.Error}}, "log of the gateway", "for 1 h"},
		{"missing at the start", healthboard.Registry{Failure: &healthboard.RegistryFailure{Class: healthboard.FailureMissing, Since: now}}, nil, []line{{"registry_missing", finding.Error}}, "Restore it", "503"},
		{"not loaded yet", healthboard.Registry{}, nil, []line{{"registry_not_loaded", finding.Error}}, "log of the gateway", "503"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := gatewayFindings(judge(&found{
				now: now, phase: phaseReady, unwell: tt.unwell, maxAge: 10 * time.Minute, registries: map[component.ID]healthboard.Registry{registry: tt.of},
			}))
			var got []line
			for _, f := range all {
				got = append(got, line{f.ID, f.Severity})
			}
			assert.Equal(t, tt.want, got)
			if len(all) > 0 {
				assert.Contains(t, all[0].Fix, tt.fix)
				assert.Contains(t, all[0].Message, tt.says)
			}
		})
	}
}

// What the list of all tenants says of one does not differ from what its own report states.
func TestStatus_OfAllAndOfOneAgree(t *testing.T) {
	agent := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7)}
	key := func(s *statusServer, ago time.Duration) {
		s.Activity().Key("k1").Use(time.Now().Add(-ago), agent, nil)
		s.Activity().Tenant("acme").Accept(&activity.Accepted{Signal: tenant.Logs, Records: 1, Time: time.Now().Add(-ago)})
	}
	wrong := func(s *statusServer, from net.Addr) {
		for range 3 {
			s.PostRejection(rejection.Rejected{Reason: "unknown_key", Client: from})
		}
	}
	for _, tt := range []struct {
		name string
		play func(s *statusServer)
		want string // finding of both; empty: there is none in the list
	}{
		{"a wrong key after a good one", func(s *statusServer) { key(s, time.Hour); wrong(s, agent) }, gatewaystatus.FindingWrongKey},
		{"a wrong key while the tenant still counts as sending", func(s *statusServer) { key(s, 2*time.Minute); wrong(s, agent) }, gatewaystatus.FindingWrongKey},
		{"silent, and others have no key", func(s *statusServer) { key(s, time.Hour); wrong(s, &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1)}) }, gatewaystatus.FindingUnknown},
		{"silent", func(s *statusServer) { key(s, time.Hour) }, gatewaystatus.FindingSilent},
		{"no data, and a wrong key after a good one", func(s *statusServer) {
			s.Activity().Key("k1").Use(time.Now().Add(-time.Hour), agent, nil)
			wrong(s, agent)
		}, gatewaystatus.FindingWrongKey},
		{"not in use yet", func(s *statusServer) { wrong(s, agent) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStatusServer(t, t.TempDir(), &tenant.Tenant{ID: "acme", Status: tenant.StatusActive, Keys: []*tenant.Key{{ID: "k1", Digest: tenant.Digest{1}}}})
			tt.play(s)
			one, err := s.client.Tenant(t.Context(), "acme")
			require.NoError(t, err)
			all, err := s.client.Overview(t.Context())
			require.NoError(t, err)
			if tt.want == "" {
				assert.Empty(t, all.Faulty)
				return
			}
			require.Len(t, all.Faulty, 1)
			listed := all.Faulty[0].Findings[0]
			assert.Equal(t, tt.want, listed.ID, listed)
			assert.Equal(t, one.Findings[0].ID, listed.ID)
			assert.Equal(t, one.Findings[0].Severity, listed.Severity)
			assert.Equal(t, one.Findings[0].Fix, listed.Fix)
		})
	}
}
