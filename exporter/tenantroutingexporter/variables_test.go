// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// TestVariables_OutOfPlace has variables that their destinations cannot use. The log says
// so when the registry is loaded and when it changes, the lane waits, nothing becomes a
// dead letter, and what waits is delivered once the variable is right.
func TestVariables_OutOfPlace(t *testing.T) {
	for name, c := range map[string]struct{ destination, variable, bad, good, fault string }{
		"account": {`profile: victorialogs, otlp_http: {endpoint: %q}`, "account_id", "abc", "42", "headers::AccountID: vars.account_id: must be a whole number"},
		"account in the path": {
			`profile: victorialogs, otlp_http: {endpoint: "%s/{vars.account_id}", headers: {AccountID: "0"}}`, "account_id", "abc", "42", "endpoint: vars.account_id: must be a whole number",
		},
		"organization": {`profile: loki, otlp_http: {endpoint: %q, headers: {X-Scope-OrgID: "{vars.org}"}}`, "org", "a|b", "org-a", "headers::X-Scope-OrgID: vars.org: must be a tenant ID"},
		"header":       {`otlp_http: {endpoint: %q, headers: {X-Customer: "{vars.customer}"}}`, "customer", " ", "c", "headers::X-Customer: vars.customer: begins or ends with a space"},
		"missing":      {`otlp_http: {endpoint: %q, headers: {X-Customer: "{vars.customer}"}}`, "customer", "", "c", "headers::X-Customer: vars.customer: is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			letters := t.TempDir()
			destination := strings.ReplaceAll(strings.ReplaceAll(c.destination, "%q", `"`+s.URL+`"`), "%s", s.URL)
			config := fmt.Sprintf(`
registry: tenant_registry
destinations: {d: {%s}}
routes: {logs: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 1ms, max_interval: 1ms}
circuit_breaker: {failures: 2, open: 1ms}
dead_letter: {directory: %q}
`, destination, letters)
			with := func(value string) *tenant.Tenant {
				return &tenant.Tenant{ID: "a", Vars: map[string]string{c.variable: value}}
			}
			registry := tenanttest.NewRegistry(t, with(c.bad))
			var log lockedBuffer
			g := startLoggedGateway(t, parseConfig(t, config), tenanttest.Host{registryID: registry}, &log)
			logged := func(n int) {
				t.Helper()
				require.Eventually(t, func() bool { return strings.Count(log.String(), "A tenant's routes do not work") == n }, time.Minute, time.Millisecond)
				assert.Contains(t, log.String(), `"logs to d: `+c.fault)
			}
			logged(1)
			require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
			require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts", "reason=config") > 0 }, time.Minute, time.Millisecond)
			assert.EqualValues(t, 1, sum(t, g.tel, "queued_records"))
			registry.Set(t, with(c.good))
			require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 1 }, time.Minute, time.Millisecond)
			registry.Set(t, with(c.bad))
			logged(2)
			assert.Zero(t, sum(t, g.tel, "dead_lettered_records"))
			entries, err := os.ReadDir(letters)
			require.NoError(t, err)
			for _, e := range entries {
				assert.False(t, strings.HasPrefix(e.Name(), "tenant="), "there is a dead letter")
			}
		})
	}
}

// TestSharedDestinations_AreWarnedOf has two tenants at backends without tenants.
func TestSharedDestinations_AreWarnedOf(t *testing.T) {
	for _, c := range []struct {
		destination string
		want        bool
	}{
		{`profile: prometheus, otlp_http: {endpoint: "http://h"}`, true},
		{`profile: victoriametrics, otlp_http: {endpoint: "http://h"}`, true},
		{`profile: jaeger, otlp_grpc: {endpoint: "h:4317"}`, true},
		{`profile: prometheus, otlp_http: {endpoint: "http://{tenant}.h"}`, false},
		{`profile: prometheus, otlp_http: {metrics_endpoint: "http://h/{tenant}", traces_endpoint: "http://h/{tenant}"}`, false},
		{`profile: victoriametrics, otlp_http: {endpoint: "http://vminsert/insert/{vars.account_id}"}`, false},
		{`profile: jaeger, otlp_http: {endpoint: "http://h", headers: {Host: "{tenant}.h"}}`, false},
		{`profile: jaeger, otlp_http: {endpoint: "http://h", headers: {X-Tenant: "{tenant}"}}`, false},
		{`profile: jaeger, otlp_http: {endpoint: "http://h", proxy_url: "http://{tenant}.proxy"}`, false},
		{`profile: mimir, otlp_http: {endpoint: "http://h"}`, false},
		{`otlp_http: {endpoint: "http://h"}`, false}, // it may be anything
	} {
		cfg := parseConfig(t, fmt.Sprintf("registry: r\ndestinations: {d: {%s}}\nroutes: {metrics: [d], traces: [d]}", c.destination))
		d := cfg.Destinations["d"]
		compiled, err := d.compile("d", nil, cfg)
		require.NoError(t, err)
		vars := map[string]string{"account_id": "1"}
		a, b := &tenant.Tenant{ID: "a", Vars: vars}, &tenant.Tenant{ID: "b", Vars: vars}
		shared := func(tenants ...*tenant.Tenant) []string {
			plans := newPlans(map[string]*backend.Destination{"d": compiled}, &cfg.Routes, cfg.References.policy())
			return plans.shared(tenanttest.NewRegistry(t, tenants...).Snapshot())
		}
		var want []string
		if c.want {
			want = []string{"d"}
		}
		assert.Equal(t, want, shared(a, b), c.destination)
		assert.Empty(t, shared(a), c.destination)
		suspended, elsewhere := *b, *b
		suspended.Status = tenant.StatusSuspended
		assert.Empty(t, shared(a, &suspended), c.destination)
		elsewhere.Routes = map[tenant.Signal][]string{tenant.Metrics: {}, tenant.Traces: {}}
		assert.Empty(t, shared(a, &elsewhere), c.destination)
	}
	var log lockedBuffer
	startLoggedGateway(t, parseConfig(t, `
registry: tenant_registry
destinations: {prom: {profile: prometheus, otlp_http: {endpoint: "http://127.0.0.1:1"}}}
routes: {metrics: [prom]}
`), tenanttest.Host{registryID: tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})}, &log)
	require.Eventually(t, func() bool {
		return strings.Contains(log.String(), "Several tenants share a destination that does not separate their data")
	},
		time.Minute, time.Millisecond)
	assert.Contains(t, log.String(), `"destination": "prom"`)
}
