// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const gatewayConfig = `
exporters:
  tenant_routing:
    destinations:
      loki-eu: {profile: loki, otlp_http: {endpoint: "http://loki:3100"}}
      tempo: {profile: tempo, otlp_http: {endpoint: "http://tempo:4318"}}
`

func gatewayConfigFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestRoutes_AreRejectedIfNoGatewayHasTheDestination(t *testing.T) {
	c, config := newCLI(t), gatewayConfigFile(t, gatewayConfig)
	c.fails(exitFailure, `--route logs=loki_eu: no gateway has the destination "loki_eu" (did you mean "loki-eu"?); logs can be sent to loki-eu`,
		"tenant", "create", "a", "--route", "logs=loki_eu", "--gateway-config", config)
	c.ok("tenant", "create", "a", "--route", "logs=loki-eu", "--route", "traces=tempo", "--gateway-config", config)
	c.fails(exitFailure, `the destination "tempo" accepts only traces, not logs`, "tenant", "update", "a", "--route", "logs=tempo", "--gateway-config", config)
	assert.Equal(t, []string{"loki-eu"}, c.snapshot().Tenant("a").Routes[tenant.Logs], "nothing was changed")
	c.ok("tenant", "update", "a", "--route", "logs=", "--gateway-config", config)

	more := gatewayConfigFile(t, "exporters: {tenant_routing: {destinations: {new: {archive: {directory: d}}}}}")
	c.ok("tenant", "update", "a", "--route", "logs=new,loki-eu", "--gateway-config", config, "--gateway-config", more)
	c.fails(exitUsage, "nothing to update", "tenant", "update", "a", "--gateway-config", config)
	c.fails(exitFailure, "--gateway-config: ", "tenant", "update", "a", "--route", "logs=x", "--gateway-config", "/no/such/file")
}

// A tenant whose ID is a name of the stores' own files would have its data among those of all tenants.
func TestTenant_ReservedIDs(t *testing.T) {
	c, config := newCLI(t), gatewayConfigFile(t, gatewayConfig+"      signoz: {profile: signoz, otlp_http: {endpoint: \"http://s:4318\"}}\n")
	c.ok("tenant", "create", "a")
	for id := range tenant.ReservedScopeOrgIDs() {
		c.fails(exitFailure, "must not be "+id+", which", "tenant", "create", id)
		assert.Nil(t, c.snapshot().Tenant(tenant.ID(id)))
		c.fails(exitFailure, "choose another ID", "tenant", "create", id, "--route", "logs=signoz", "--gateway-config", config)
	}

	// One that was in the registry before.
	text, err := os.ReadFile(c.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.path, []byte(strings.ReplaceAll(string(text), "id: a\n", "id: index\n")), 0o600))
	c.fails(exitFailure, `--route logs=signoz,loki-eu: the tenant's ID at the destination "loki-eu" must not be index, which Loki reserves`,
		"tenant", "update", "index", "--route", "logs=signoz,loki-eu", "--gateway-config", config)
	c.ok("tenant", "update", "index", "--route", "logs=signoz", "--gateway-config", config)
	c.ok("tenant", "update", "index", "--name", "Index")
}

// A variable that is missing would make all deliveries fail, although the route is right.
func TestRoutes_NoteMissingVariables(t *testing.T) {
	c := newCLI(t)
	config := gatewayConfigFile(t, `
exporters:
  tenant_routing:
    destinations:
      loki: {otlp_http: {endpoint: "http://loki:3100"}}
      signoz: {otlp_grpc: {endpoint: "{vars.signoz_endpoint}", headers: {x-token: "{vars.signoz_token}", x-tenant: "{tenant}"}}}
`)
	const note = `Note: destination "signoz" needs the variable "signoz_endpoint", which tenant "beta" does not have: set it with --var.`
	r := c.run("tenant", "create", "beta", "--route", "logs=loki,signoz", "--route", "traces=signoz", "--var", "signoz_token=${file:/etc/otelcol-tenant/secrets/x}", "--gateway-config", config)
	assert.Equal(t, exitOK, r.code)
	assert.Equal(t, note+"\n", r.err)
	out := c.ok("registry", "validate", "--gateway-config", config)
	assert.Contains(t, out, `tenant beta: route of logs: destination "signoz" needs the variable "signoz_endpoint", which the tenant does not have`)
	r = c.run("tenant", "update", "beta", "--route", "logs=signoz", "--gateway-config", config)
	assert.Equal(t, exitOK, r.code)
	assert.Equal(t, note+"\n", r.err)
	r = c.run("tenant", "update", "beta", "--route", "logs=loki,signoz", "--var", "signoz_endpoint=signoz.example:4317", "--gateway-config", config)
	assert.Equal(t, exitOK, r.code)
	assert.Empty(t, r.err)
	assert.NotContains(t, c.ok("registry", "validate", "--gateway-config", config), "signoz_endpoint")
}

func TestErrors_EachLineHasTheName(t *testing.T) {
	c, config := newCLI(t), gatewayConfigFile(t, gatewayConfig)
	r := c.run("tenant", "create", "a", "--route", "logs=x,y", "--gateway-config", config)
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		assert.True(t, strings.HasPrefix(line, "tenantctl: "), line)
	}
	r = c.run("tenant", "create")
	assert.True(t, strings.HasPrefix(r.err, "tenantctl: tenant create takes ID, got 0 arguments"), r.err)
}

func TestRoutes_AreCheckedWithTheEnvironmentsConfiguration(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a", "--route", "logs=anything") // nothing is known of destinations
	t.Setenv(gatewayConfigEnv, gatewayConfigFile(t, gatewayConfig))
	c.fails(exitFailure, `no gateway has the destination "nothing"`, "tenant", "update", "a", "--route", "logs=nothing")
	c.ok("tenant", "update", "a", "--route", "logs=nothing", "--gateway-config", "")
	c.ok("tenant", "update", "a", "--name", "x")
	out := c.ok("registry", "validate")
	assert.Contains(t, out, `warning: tenant a: route of logs: no gateway has the destination "nothing"`)
	assert.NotContains(t, c.ok("registry", "validate", "--gateway-config", ""), "nothing")
}
