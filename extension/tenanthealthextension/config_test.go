package tenanthealthextension

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
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

func TestConfig_RefusesWhatItCannotMean(t *testing.T) {
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
