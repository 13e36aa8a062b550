// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

func load(t *testing.T, file, key string) *Config {
	t.Helper()
	all, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	sub, err := all.Sub(key)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestREADME_GatewayExample(t *testing.T) {
	want := createDefaultConfig().(*Config)
	assert.Equal(t, "localhost:13133", want.NetAddr.Endpoint)
	assert.NoError(t, confmap.Validate(want))
	want.NetAddr.Endpoint, want.RegistryMaxAge = "0.0.0.0:13133", 5*time.Minute
	cfg := load(t, "config.yaml", "tenant_health")
	assert.Equal(t, want, cfg)
	assert.NoError(t, confmap.Validate(cfg))
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), string(example))
}

func TestConfig_RejectsInvalidSettings(t *testing.T) {
	for key, want := range map[string]string{
		"no_endpoint":   `"endpoint" is required`,
		"relative_path": `"path" must begin with a slash, not end with one, and be plain, got "health"`,
		"root_path":     `got "/"`,
		"wild_path":     `got "/{x}"`,
		"empty_segment": `got "/a//b"`,
		"dots":          `got "/a/../b"`,
		"escapes":       `got "/a%20b"`,
		"no_age":        `"registry_max_age" must be positive, got 0s`,
	} {
		assert.ErrorContains(t, confmap.Validate(load(t, "invalid.yaml", key)), want, key)
	}
}

func TestConfig_RejectsInvalidStatus(t *testing.T) {
	for want, change := range map[string]func(*StatusConfig){
		`"socket" is required`:                    func(c *StatusConfig) { c.Socket = "" },
		`"registry" is required`:                  func(c *StatusConfig) { c.Registry = component.ID{} },
		`"silent_after" must be positive, got 0s`: func(c *StatusConfig) { c.SilentAfter = 0 },
		`"inactive_after" must be longer than "silent_after", got 1m0s and 15m0s`: func(c *StatusConfig) { c.InactiveAfter = time.Minute },
	} {
		cfg := defaultStatus()
		cfg.Socket = "s.sock"
		require.NoError(t, cfg.Validate())
		change(&cfg)
		assert.ErrorContains(t, cfg.Validate(), want)
	}
	cfg := createDefaultConfig().(*Config)
	cfg.Metrics.Tenant = true
	assert.ErrorContains(t, cfg.Validate(), `"metrics::tenant" needs "status"`)
}

func TestConfig_RejectsInvalidConditions(t *testing.T) {
	for want, change := range map[string]func(*ConditionsConfig){
		`conditions: "begin_after" must be from 0 to 1h0m0s, got -1s`:         func(c *ConditionsConfig) { c.BeginAfter = -time.Second },
		`conditions: "end_after" must be from 0 to 1h0m0s, got 2h0m0s`:        func(c *ConditionsConfig) { c.EndAfter = 2 * time.Hour },
		`conditions: "queue_age" must be positive, got 0s`:                    func(c *ConditionsConfig) { c.QueueAge = 0 },
		`conditions: "queue_fullness" must be above 0 and at most 1, got 1.5`: func(c *ConditionsConfig) { c.QueueFullness = 1.5 },
		`conditions: "queue_fullness" must be above 0 and at most 1, got 0`:   func(c *ConditionsConfig) { c.QueueFullness = 0 },
	} {
		cfg := createDefaultConfig().(*Config)
		c := defaultConditions()
		change(&c)
		cfg.Conditions = configoptional.Some(c)
		assert.EqualError(t, confmap.Validate(cfg), want)
	}
}

func TestREADME_AgentExample(t *testing.T) {
	cfg := load(t, "agent.yaml", "tenant_health")
	require.NoError(t, confmap.Validate(cfg))
	require.True(t, cfg.Conditions.HasValue())
	want := defaultConditions()
	want.QueueAge = 15 * time.Minute
	assert.Equal(t, want, *cfg.Conditions.Get())
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile("testdata/agent.yaml")
	require.NoError(t, err)
	assert.Contains(t, string(readme), string(example))
	for name := range condition.Names() {
		assert.Contains(t, string(readme), fmt.Sprintf("`%s`", name))
	}
}
