// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lint"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
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

func TestConfig_OfTheReadme(t *testing.T) {
	limits := LimitsConfig{
		Mode: LimitsEnforce, Burst: time.Second, WarnAt: 0.8, Scope: ScopeLocal, Gateways: 1,
		Redis: RedisConfig{KeyPrefix: "otelcol-tenant", Timeout: 100 * time.Millisecond},
	}
	atGateway := limits
	atGateway.Burst = 2 * time.Second
	storage := component.MustNewID("file_storage")
	registry := component.MustNewID("tenant_registry")
	atGateway.Storage = &storage
	atShared := limits
	atShared.Scope, atShared.Gateways = ScopeShared, 4
	atShared.Redis.Endpoint, atShared.Redis.Password = "redis.internal:6379", "${env:REDIS_PASSWORD}"
	for key, want := range map[string]*Config{
		"tenant/edge": {
			Source: SourceConfig, BusinessID: "tenant-a", Attribute: "business_id",
			DeploymentEnvironment: "production", ServiceName: "shop",
			Detect:   []Detection{DetectHost, DetectOS, DetectProcess},
			Severity: SeverityNormalize, Limits: limits,
		},
		"tenant/gateway": {
			Source: SourceAuth, Attribute: "business_id", Severity: SeverityNormalize, Registry: &registry,
			Limits: atGateway, Metrics: MetricsConfig{Tenant: true},
		},
		"tenant/gateways": {
			Source: SourceAuth, Attribute: "business_id", Severity: SeverityNormalize, Limits: atShared,
		},
	} {
		cfg := load(t, "config.yaml", key)
		assert.Equal(t, want, cfg, key)
		assert.NoError(t, confmap.Validate(cfg), key)
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), string(example))
}

func TestConfig_AcceptsAddressesOfRedis(t *testing.T) {
	for _, endpoint := range []string{
		"localhost:6379", "redis.example.:6379", "10.0.0.1:6379", "[::1]:6379", "[fe80::1%lo]:6379", ":6379", "/run/redis/redis.sock",
	} {
		cfg := createDefaultConfig().(*Config)
		cfg.Source, cfg.Limits.Scope, cfg.Limits.Redis.Endpoint = SourceAuth, ScopeShared, endpoint
		assert.NoError(t, confmap.Validate(cfg), endpoint)
	}
}

func TestConfig_ShowsNoPasswordOfRedis(t *testing.T) {
	cfg := createDefaultConfig().(*Config).Limits
	cfg.Scope, cfg.Redis.Endpoint = ScopeShared, "redis://user:secret-1@redis.example:6379/0"
	err := cfg.Validate()
	require.ErrorContains(t, err, `got "…@redis.example:6379/0"`)
	assert.NotContains(t, err.Error(), "secret-1")
}

func TestConfig_RejectsContradictions(t *testing.T) {
	for key, want := range map[string]string{
		"no_business_id":                 `"business_id" is required with "source: config"`,
		"business_id_not_a_tenant_id":    `"business_id": tenant ID has the character '/' at byte 1`,
		"business_id_with_auth":          `"business_id" must not be set with "source: auth"`,
		"unknown_source":                 `"source" must be config or auth, got "header"`,
		"empty_attribute":                `"attribute" must not be empty`,
		"attribute_with_separator_first": `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute_with_separator_last":  `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute_with_two_separators":  `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute_with_digit_first":     `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute_of_other_letters":     `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute_with_prefix":          `"attribute" must not begin with "key" and a character other than a letter or digit`,
		"unknown_detection":              `"detect" must list only host, os and process, got "cloud"`,
		"unknown_severity_mode":          `"severity" must be normalize or keep, got "drop"`,
		"limits_without_registry":        `"limits::storage" requires "registry"`,
		"unknown_limits_mode":            `limits: "mode" must be enforce or warn, got "soft"`,
		"no_burst":                       `limits: "burst" must be at least 1ms, got 0s`,
		"burst_without_unit":             `limits: "burst" must be at least 1ms, got 5ns`,
		"unknown_scope":                  `limits: "scope" must be local or shared, got "global"`,
		"shared_without_redis":           `limits: "redis::endpoint" is required with "scope: shared"`,
		"no_redis_timeout":               `limits: "redis::timeout" must be at least 1ms, got 0s`,
		"redis_not_shared":               `limits: "redis::endpoint" is used with "scope: shared" only`,
		"redis_url":                      `limits: "redis::endpoint" must be host:port or the path of a Unix socket, got "redis://localhost:6379"`,
		"redis_without_port":             `limits: "redis::endpoint" must be host:port or the path of a Unix socket, got "localhost"`,
		"redis_port":                     `limits: "redis::endpoint" must be host:port or the path of a Unix socket, got "localhost:99999"`,
		"redis_db":                       `limits: "redis::db" must not be negative, got -1`,
		"shared_without_registry":        `"limits::scope: shared" requires "registry"`,
		"no_gateways":                    `limits: "gateways" must be at least 1, got 0`,
		"warn_above_all":                 `limits: "warn_at" must be above 0 and at most 1, got 80`,
		"warn_at_nan":                    `limits: "warn_at" must be above 0 and at most 1, got NaN`,
	} {
		assert.ErrorContains(t, confmap.Validate(load(t, "invalid.yaml", key)), want, key)
	}
}

func TestConfig_DetectsOnlyTheSourceByDefault(t *testing.T) {
	edge := &Config{Source: SourceConfig}
	assert.Equal(t, stamp.Groups{Host: true, OS: true}, edge.groups())
	assert.Zero(t, (&Config{Source: SourceAuth}).groups())
	assert.Equal(t, stamp.Groups{Process: true}, (&Config{Source: SourceAuth, Detect: []Detection{DetectProcess}}).groups())

	off := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"detect": []any{}}).Unmarshal(off))
	assert.Zero(t, off.groups(), "an empty list turns detection off")
}

func TestConfig_RegistryIsNeededOnlyForAuthenticatedTenants(t *testing.T) {
	id, ok := (&Config{Source: SourceAuth}).registryID()
	assert.True(t, ok)
	assert.Equal(t, lint.DefaultRegistry, id.String())
	_, ok = (&Config{Source: SourceConfig}).registryID()
	assert.False(t, ok)
}
