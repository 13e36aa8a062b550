// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
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
	for key, want := range map[string]*Config{
		"bearer_key_auth": {
			Registry: &registryID,
			Failures: FailuresConfig{
				PerMinute: 100, Delay: 2 * time.Second, MaxSources: 10_000,
				Audit: FailureAuditConfig{Directory: "/var/lib/otelcol-tenant/audit", KeyFile: "/var/lib/otelcol-tenant/audit.key", MaxBytes: 64 * bytesize.MiB},
			},
			Metrics:        MetricsConfig{Tenant: true},
			TrustedProxies: []string{"10.0.0.0/24"}, ClientAddressHeader: clientaddr.HeaderXForwardedFor,
			KeyUse: KeyUseConfig{File: "/var/lib/otelcol-tenant/key-use.json", Metric: true},
		},
		"bearer_key_auth/agent": {
			Failures: FailuresConfig{
				PerMinute: 60, Delay: time.Second, MaxSources: 4096, Audit: FailureAuditConfig{MaxBytes: 256 * bytesize.MiB},
			},
			Client: configoptional.Some(ClientConfig{KeyFile: "/etc/otelcol-tenant/key", BusinessID: "tenant-a"}),
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

// The README's pattern is that of the keys.
func TestREADME_HasThePatternForSecretScanners(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "\n"+apikey.Pattern+"\n")
	require.Contains(t, string(readme), `\b(`+apikey.Pattern+`)\b`)
	key, _ := apikey.New()
	assert.Equal(t, key, regexp.MustCompile(`\b(`+apikey.Pattern+`)\b`).FindString("Authorization: Bearer "+key+"\r\n"))
}

// A caller who has the text of an answer finds it in the README, with its decision.
func TestREADME_HasTheTextOfEachRejection(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for d := range numDecisions {
		if d.unauthenticated() {
			require.NotEmpty(t, d.reason().Text(), d)
			assert.Regexp(t, "(?m)^\\| .*`"+d.String()+"`.* \\| .*`"+regexp.QuoteMeta(d.reason().Text())+"`", string(readme))
		}
	}
}

func TestConfig_Invalid(t *testing.T) {
	for key, want := range map[string]string{
		"nothing":         `set "registry" to authenticate incoming requests, "client" to authenticate outgoing requests, or both`,
		"no_key":          `client: set one of "key" and "key_file"`,
		"empty_key":       `client: set one of "key" and "key_file"`,
		"two_keys":        `client: "key" and "key_file" exclude each other`,
		"bad_key":         `client: "key" is not an API key`,
		"when_refused":    `client: "when_refused" is no longer supported`,
		"bad_business_id": `client: "business_id" is not a tenant ID: tenant ID has the character '/' at byte 1`,
		"failures":        "failures: \"per_minute\" must not be negative, got -1\n\"delay\" must be from 0 to 5s, got 10s\n\"max_sources\" must be positive, got 0",
		"small_audit":     `failures::audit: "max_bytes" must be at least 1MiB, got 512KiB`,
		"audit_key_alone": `failures::audit: "key_file" requires "directory"`,
		"server_alone":    "\"failures::audit::directory\" requires \"registry\", without which no incoming requests are authenticated\n\"key_use::file\" requires \"registry\", without which no incoming requests are authenticated\n\"key_use::metric\" requires \"registry\"",
		"negative_delay":  `failures: "delay" must be from 0 to 5s, got -1s`,
	} {
		err := confmap.Validate(load(t, "invalid.yaml", key))
		assert.ErrorContains(t, err, want, key)
		assert.NotContains(t, err.Error(), "secretsecret", key)
	}
}

func TestConfig_NeverPrintsTheKey(t *testing.T) {
	text, _ := newKey()
	cfg := &ClientConfig{Key: configopaque.String(text)}
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", cfg, *cfg, cfg.Key, cfg.Key), text)
}

// The previous name of metrics::tenant works and logs a warning.
func TestConfig_DeprecatedTenantMetrics(t *testing.T) {
	for name, deprecated := range map[string]bool{"deprecated": true, "current": false} {
		core, logs := observer.New(zap.WarnLevel)
		set := nopSettings()
		set.Logger = zap.New(core)
		cfg := serverConfig()
		cfg.Rejections.TenantMetrics, cfg.Metrics.Tenant = deprecated, !deprecated
		c, err := newServerAuth(set, cfg)
		require.NoError(t, err)
		assert.True(t, c.rejections.perTenant, name)
		assert.Equal(t, deprecated, logs.FilterMessage(`"rejections::tenant_metrics" is deprecated, use "metrics::tenant"`).Len() == 1, name)
	}
}
