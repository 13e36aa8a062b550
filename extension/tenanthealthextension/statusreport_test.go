// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
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
			map[string]string{"extension/tenant_registry": "recoverable_error"}, []line{{"registry_forked", finding.Error}}, "tenantctl registry accept-restore --above 7", "for 1 min",
		},
		{
			"and another component", failing(healthboard.FailureForked, "", time.Minute),
			map[string]string{"extension/tenant_registry": "recoverable_error", "receiver/otlp": "permanent_error"},
			[]line{{"registry_forked", finding.Error}, {"component_failed", finding.Warning}}, "accept-restore", "",
		},
		{
			"a receiver named like the registry", failing(healthboard.FailureInvalid, "", time.Minute), map[string]string{"receiver/tenant_registry": "recoverable_error"},
			[]line{{"registry_invalid", finding.Error}, {"component_failed", finding.Warning}}, "registry validate", "",
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
