// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func TestConfig(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub("extensions::storage_check")
	require.NoError(t, err)
	cfg := createDefaultConfig()
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, &Config{Directory: "/var/lib/otelcol-tenant", SetAsideAfter: 3}, cfg)
}

func TestConfig_RequiresDirectory(t *testing.T) {
	assert.EqualError(t, confmap.Validate(createDefaultConfig()), `"directory" is required: set it to the directory of the file_storage extension`)
}

func TestConfig_RejectsNegativeCount(t *testing.T) {
	assert.EqualError(t, confmap.Validate(&Config{Directory: "x", SetAsideAfter: -1}), `"set_aside_after" must not be negative`)
}

func TestREADME_HasTestedExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```yaml\n"+strings.TrimSpace(string(example)))
}
