// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func load(t *testing.T, file, key string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	sub, err := conf.Sub(key)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestConfig_Struct(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, confmap.Validate(createDefaultConfig()))
}

func TestConfig_Example(t *testing.T) {
	want := createDefaultConfig().(*Config)
	want.ServerConfig.NetAddr.Endpoint = "0.0.0.0:3100"
	want.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: component.MustNewID("bearer_key_auth")}})
	got := load(t, "config.yaml", "loki_push")
	require.NoError(t, confmap.Validate(got))
	assert.Equal(t, want, got)
}

func TestConfig_Invalid(t *testing.T) {
	for key, want := range map[string]string{
		"empty_endpoint":        `"endpoint" is empty`,
		"no_port":               `"endpoint" has no port`,
		"no_colon":              `"endpoint" is not a host and port`,
		"no_decoded_size":       `"max_decoded_size" must be positive`,
		"negative_line_size":    `negative`,
		"negative_body_size":    `"max_request_body_size" must not be negative`,
		"zstd":                  `"compression_algorithms" has "zstd"`,
		"without_snappy":        `"compression_algorithms" must have snappy`,
		"duration_without_unit": "idle_timeout",
	} {
		t.Run(key, func(t *testing.T) {
			assert.ErrorContains(t, confmap.Validate(load(t, "invalid.yaml", key)), want)
		})
	}
	cfg := createDefaultConfig().(*Config)
	cfg.Guard = component.ID{}
	assert.ErrorContains(t, cfg.Validate(), `"guard" is empty`)
}

func TestReadme_ShowsTheTestedExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile("testdata/config.yaml")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(readme), "```yaml\n")
	require.True(t, ok)
	shown, _, _ := strings.Cut(rest, "```")
	assert.Equal(t, string(example), shown)
}
