// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

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

// The example of a configuration to move is valid for the one receiver before, and for
// the other after.
func TestReadme_ShowsHowToMove(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(readme), "\n## Move from `otlp`\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```yaml\n")
	require.Len(t, blocks, 3)
	for i, tt := range []struct {
		id  string
		cfg component.Config
	}{
		{"otlp", otlpreceiver.NewFactory().CreateDefaultConfig()},
		{"tenant_otlp", NewFactory().CreateDefaultConfig()},
	} {
		shown, _, _ := strings.Cut(blocks[i+1], "```")
		retrieved, err := confmap.NewRetrievedFromYAML([]byte(shown))
		require.NoError(t, err)
		conf, err := retrieved.AsConf()
		require.NoError(t, err)
		receivers, err := conf.Sub("receivers")
		require.NoError(t, err)
		sub, err := receivers.Sub(tt.id)
		require.NoError(t, err)
		require.NotEmpty(t, sub.AllKeys(), tt.id)
		require.NoError(t, sub.Unmarshal(tt.cfg), tt.id)
		assert.NoError(t, confmap.Validate(tt.cfg), tt.id)
		assert.Equal(t, []any{tt.id}, conf.Get("service::pipelines::logs::receivers"))
	}
}
