package main

import (
	"bufio"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestOnboard_FillsInANewKey(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "tenant-a")
	c.ok("tenant", "create", "other")
	c.ok("key", "create", "other")
	var o onboarding
	c.json(&o, "onboard", "tenant-a", "--endpoint", "https://gw.example:4318/", "--new-key", "--description", "vm-1", "--scopes", "logs", "--deploy-env", "staging", "--pm2-home", "/srv/pm2")

	env := parseEnv(t, o.AgentEnv)
	key := env["TENANT_KEY"]
	k := c.snapshot().Key(apikey.Digest(key))
	require.NotNil(t, k)
	assert.Equal(t, o.KeyID, k.ID)
	assert.Equal(t, "vm-1", k.Description)
	assert.Equal(t, tenant.NewSignals(tenant.Logs), k.Scopes)
	assert.Equal(t, map[string]string{"BUSINESS_ID": "tenant-a", "TENANT_KEY": key, "DEPLOY_ENV": "staging", "GATEWAY_ENDPOINT": "https://gw.example:4318", "PM2_HOME": "/srv/pm2"}, env)

	assert.NotContains(t, o.OTLPEnv, `"`, "Docker takes quotes as part of the value")
	otlp := parseEnv(t, o.OTLPEnv)
	assert.Equal(t, "https://gw.example:4318", otlp["OTEL_EXPORTER_OTLP_ENDPOINT"])
	name, value, _ := strings.Cut(otlp["OTEL_EXPORTER_OTLP_HEADERS"], "=")
	value, err := url.QueryUnescape(value)
	require.NoError(t, err)
	assert.Equal(t, "Authorization: Bearer "+key, name+": "+value)

	var prometheus struct {
		RemoteWrite []struct {
			URL           string `yaml:"url"`
			Authorization struct{ Type, Credentials string }
		} `yaml:"remote_write"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(o.Prometheus), &prometheus))
	assert.Equal(t, "https://gw.example:4318/api/v1/write", prometheus.RemoteWrite[0].URL)
	assert.Equal(t, key, prometheus.RemoteWrite[0].Authorization.Credentials)
	var promtail struct {
		Clients []struct {
			URL         string `yaml:"url"`
			BearerToken string `yaml:"bearer_token"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(o.Promtail), &promtail))
	assert.Equal(t, "https://gw.example:4318/loki/api/v1/push", promtail.Clients[0].URL)
	assert.Equal(t, key, promtail.Clients[0].BearerToken)

	table := c.ok("onboard", "tenant-a")
	assert.NotContains(t, table, "other")
	assert.NotContains(t, table, key, "a key is shown once")
	assert.Contains(t, table, "TENANT_KEY="+placeholder)
	assert.Contains(t, table, "if the gateway has a receiver for remote write", "the shipped one has none")
	assert.Len(t, c.snapshot().Tenant("tenant-a").Keys, 1, "without --new-key no key is made")
}

// A shell reads the agent's environment as it is meant, whatever characters
// the tenant's ID has.
func TestOnboard_IsSafeForAShell(t *testing.T) {
	c := newCLI(t)
	id := "it's(a)*!tenant"
	c.ok("tenant", "create", id)
	var o onboarding
	c.json(&o, "onboard", id, "--pm2-home", "/srv/my apps")
	out, err := exec.Command("sh", "-c", "set -a\n"+o.AgentEnv+`printf '%s|%s' "$BUSINESS_ID" "$PM2_HOME"`).Output()
	require.NoError(t, err)
	assert.Equal(t, id+"|/srv/my apps", string(out))
}

func TestOnboard_Refusals(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	for _, endpoint := range []string{"gateway:4318", "ftp://gateway", "https://", "https://user:pw@gateway", "https://g/?a=b", "https://g/$(x)", "https://g/\nx: y"} {
		c.fails(exitUsage, "--endpoint: must be a URL", "onboard", "a", "--new-key", "--endpoint", endpoint)
	}
	c.fails(exitUsage, "--loki-endpoint: must be a URL", "onboard", "a", "--loki-endpoint", "x")
	c.fails(exitUsage, "--pm2-home must not have", "onboard", "a", "--pm2-home", "/x\"\nTENANT_KEY=y")
	for _, name := range keyFlagNames() {
		c.fails(exitUsage, "--"+name+" is about a key that is made: give --new-key too", "onboard", "a", "--"+name, "1h")
	}
	c.fails(exitUsage, "unknown signal", "onboard", "a", "--new-key", "--scopes", "x")
	assert.Empty(t, c.snapshot().Tenant("a").Keys)
	c.ok("tenant", "suspend", "a")
	assert.Contains(t, c.run("onboard", "a").err, "suspended")
}

// parseEnv reads an environment file as systemd does.
func parseEnv(t *testing.T, text string) map[string]string {
	t.Helper()
	env := make(map[string]string)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "=")
		require.True(t, ok, lines.Text())
		env[name] = strings.Trim(value, `"`)
	}
	return env
}
