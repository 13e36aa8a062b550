// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestManifest_Resolves generates the distribution of docs/example-pipelines.md from this
// source tree, with all modules that it needs. Modules that no other build needs are
// downloaded.
func TestManifest_Resolves(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "example-pipelines.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	generated := filepath.Join(dir, "otelcol-acme")
	for _, b := range parse(page).blocks {
		if b.marks["file"] == "manifest.yaml" {
			source, err := filepath.Abs(root)
			require.NoError(t, err)
			code := strings.Replace(b.code, "./otelcol-acme", generated, 1)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.yaml"),
				[]byte(code+"replaces: ['github.com/otelcol-tenant/otelcol-tenant => "+source+"']\n"), 0o600))
		}
	}
	tools, err := filepath.Abs(filepath.Join(root, "internal", "tools", "go.mod"))
	require.NoError(t, err)
	build := exec.CommandContext(t.Context(), "go", "tool", "-modfile="+tools, "builder", "--skip-compilation", "--config", filepath.Join(dir, "manifest.yaml"))
	build.Dir = root
	out, err := build.CombinedOutput()
	if err != nil && strings.Contains(string(out), "dial tcp") {
		missing(t, "module proxy")
	}
	require.NoError(t, err, string(out))
	components, err := os.ReadFile(filepath.Join(generated, "components.go"))
	require.NoError(t, err)
	assert.Contains(t, string(components), "syslogreceiver")
}
