// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The one release that everything of the collector comes from.
const (
	beta   = "v0.159.0"
	stable = "v1.65.0"
)

type entry struct {
	GoMod  string `yaml:"gomod"`
	Import string `yaml:"import"`
}

type builderConfig struct {
	Dist                                                                struct{ Version string }
	Receivers, Processors, Exporters, Extensions, Connectors, Providers []entry
	Replaces                                                            []string
}

func manifest(t *testing.T) builderConfig {
	t.Helper()
	raw, err := os.ReadFile("../../builder-config.yaml")
	require.NoError(t, err)
	var c builderConfig
	require.NoError(t, yaml.Unmarshal(raw, &c))
	return c
}

func (c builderConfig) entries() []entry {
	var all []entry
	for _, list := range [][]entry{c.Receivers, c.Processors, c.Exporters, c.Extensions, c.Connectors, c.Providers} {
		all = append(all, list...)
	}
	return all
}

func (c builderConfig) ownImports() []string {
	var own []string
	for _, e := range c.entries() {
		if strings.HasPrefix(e.GoMod, module+" ") {
			own = append(own, e.Import)
		}
	}
	return own
}

func TestManifest_ReplacesOnlyItself(t *testing.T) {
	assert.Equal(t, []string{module + " => ../"}, manifest(t).Replaces)
}

func TestManifest_IsOneRelease(t *testing.T) {
	for _, e := range manifest(t).entries() {
		path, version, ok := strings.Cut(e.GoMod, " ")
		require.True(t, ok, e.GoMod)
		if path == module {
			assert.Equal(t, "v0.0.0", version, e.GoMod)
			continue
		}
		assert.Contains(t, []string{beta, stable}, version, "%s is not of the release", e.GoMod)
	}
}

// The linker ignores -X for a name that does not exist, so a rename would go unnoticed.
func TestManifest_TenantctlHasTheVersionOfTheDistribution(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	assert.Contains(t, string(makefile), "-X main.version=$(VERSION)")
	root, err := os.ReadFile("../../cmd/tenantctl/root.go")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^var version = "dev"$`, string(root))
	assert.Regexp(t, `^\d+\.\d+\.\d+(-dev)?$`, manifest(t).Dist.Version)
}

// TestStability_IsConsistent: a component is not more stable than one that it needs, and
// all of them are used together. Raise the level of all of them at once, or name here which
// one no other component needs.
func TestStability_IsConsistent(t *testing.T) {
	files, err := filepath.Glob("../../*/*/metadata.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), len(manifest(t).ownImports()))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var meta struct {
			Status struct{ Stability map[string][]string }
		}
		require.NoError(t, yaml.Unmarshal(raw, &meta), file)
		assert.Len(t, meta.Status.Stability, 1, file)
		assert.Contains(t, meta.Status.Stability, "alpha", file)
	}
}

// versionFaults returns a line for every module of the collector that a go.mod
// requires at another version than the release's.
func versionFaults(gomod string) []string {
	var faults []string
	line := regexp.MustCompile(`(?m)^\s*(?:require )?((?:go\.opentelemetry\.io/collector|github\.com/open-telemetry/opentelemetry-collector-contrib)\S*) (v\S+)`)
	for _, m := range line.FindAllStringSubmatch(gomod, -1) {
		if m[2] != beta && m[2] != stable {
			faults = append(faults, m[1]+" "+m[2]+" is not of the release "+beta+"/"+stable)
		}
	}
	return faults
}

func TestModule_IsOneRelease(t *testing.T) {
	raw, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	assert.Empty(t, versionFaults(string(raw)))
	assert.NotRegexp(t, `(?m)^replace`, string(raw), "a replace would not reach those who import a component")
}
