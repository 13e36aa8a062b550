// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func TestConfig(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub("extensions::tenant_registry")
	require.NoError(t, err)
	cfg := createDefaultConfig()
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, &Config{
		File:         FileConfig{Path: "/etc/otelcol-tenant/tenants.yaml"},
		Postgres:     PostgresConfig{Timeout: 5 * time.Second},
		Snapshot:     "/var/lib/otelcol-tenant/registry.snapshot",
		PollInterval: 250 * time.Millisecond,
	}, cfg)
}

func TestConfig_Postgres(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "postgres.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub("extensions::tenant_registry")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	assert.Equal(t, "${env:TENANTS_DSN}", string(cfg.Postgres.DSN))
	cfg.Postgres.DSN = "postgres://gateway:secret@db.example/tenants?sslmode=verify-full"
	require.NoError(t, confmap.Validate(cfg))
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	assert.NotContains(t, string(text)+fmt.Sprintf("%v %+v", cfg, cfg), "secret")
}

func TestConfig_Invalid(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "invalid.yaml"))
	require.NoError(t, err)
	want := map[string]string{
		"no_source":         `"file::path" or "postgres::dsn" is required`,
		"two_sources":       `"file::path" and "postgres::dsn" exclude each other`,
		"timeout_too_short": `"postgres::timeout" must be from 100ms to 1m0s, got 10ms`,
		"timeout_too_long":  `"postgres::timeout" must be from 100ms to 1m0s, got 2m0s`,
		"poll_too_seldom":   `"poll_interval" must be above 0 and at most 500ms, got 1s`,
		"poll_never":        `"poll_interval" must be above 0 and at most 500ms, got 0s`,
		"snapshot_is_file":  `"snapshot" must not be the file of "file::path"`,
	}
	require.Len(t, conf.ToStringMap(), len(want))
	for name, message := range want {
		t.Run(name, func(t *testing.T) {
			sub, err := conf.Sub(name)
			require.NoError(t, err)
			cfg := createDefaultConfig()
			require.NoError(t, sub.Unmarshal(cfg))
			err = confmap.Validate(cfg)
			require.EqualError(t, err, message)
		})
	}
}

func TestFactory(t *testing.T) {
	assert.Equal(t, component.MustNewType("tenant_registry"), NewFactory().Type())
}

// The README shows configuration that is tested and a registry that is valid.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var blocks []string
	for _, part := range strings.Split(string(readme), "```yaml\n")[1:] {
		block, _, ok := strings.Cut(part, "```")
		require.True(t, ok)
		blocks = append(blocks, block)
	}
	require.Len(t, blocks, 3)
	for n, name := range []string{"config.yaml", "postgres.yaml"} {
		config, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		assert.Equal(t, string(config), blocks[n])
	}
	_, err = registryfile.Parse([]byte(blocks[2]))
	require.NoError(t, err)
}
