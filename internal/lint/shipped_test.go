// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

// justified are the notes that configurations of the repository may have, and why.
var justified = map[string]string{
	"OT102": "backends are in a private network of Docker Compose",
	"OT103": "a proxy in front terminates TLS",
	"OT216": "only the gateway reaches the collector of a backend",
	"OT303": "the key may be in agent.env, which only root reads",
	"OT403": "health checks of containers",
	"OT804": "examples for one machine",
	"OT805": "stacks have one gateway",
}

// isConfiguration reports whether text is a configuration of a collector, or a part of one.
func isConfiguration(text []byte) bool {
	var doc map[string]any
	if yaml.Unmarshal(text, &doc) != nil || len(doc) == 0 {
		return false
	}
	for key := range doc {
		if !slices.Contains([]string{"receivers", "processors", "exporters", "extensions", "connectors", "service"}, key) {
			return false
		}
	}
	return true
}

// bases are the configurations that other files and examples are merged over.
func bases(path string) []string {
	role := "gateway"
	if strings.Contains(path, filepath.Join("distributions", "agent")) {
		role = "agent"
	}
	return []string{filepath.Join(root, "distributions", role, "config.yaml")}
}

// The configurations in distributions have no errors and warnings, and only notes with a reason.
func TestShipped(t *testing.T) {
	files := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "distributions"), func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return nil
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		if !isConfiguration(raw) {
			return nil
		}
		files++
		set := Settings{Files: []string{path}}
		alone := strings.Contains(string(raw), "\nservice:") && !strings.HasSuffix(path, "nginx.yaml")
		if !alone {
			set.Files = append(bases(path), path)
		}
		result, err := Run(set)
		require.NoError(t, err)
		for _, f := range result.Findings {
			if f.Suppressed == "" {
				assert.Contains(t, justified, f.Rule, f.String())
			}
		}
		return nil
	}))
	assert.GreaterOrEqual(t, files, 3)
}

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// inExamples are rules whose findings examples in documents may have, because an example shows
// one thing.
var inExamples = map[string]string{
	"OT013": "the example leaves out extensions that another example defines",
	"OT208": "the example shows what tenant_otlp replaces",
	"OT501": "the example shows another component",
	"OT503": "the example shows another component",
	"OT505": "the example shows another component",
	"OT507": "the example shows another component",
	"OT508": "the example shows another component",
	"OT510": "the example shows another component",
	"OT511": "the example shows another component",
	"OT512": "the example shows another component",
}

// The examples of documents are not taught with faults.
func TestDocuments(t *testing.T) {
	blocks := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() {
			if name := entry.Name(); name == "_build" || name == ".git" || name == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		for i, m := range yamlBlock.FindAllSubmatch(raw, -1) {
			if !isConfiguration(m[1]) {
				continue
			}
			blocks++
			file := filepath.Join(t.TempDir(), fmt.Sprintf("block-%d.yaml", i+1))
			require.NoError(t, os.WriteFile(file, m[1], 0o600))
			result, err := Run(Settings{Files: []string{file}})
			require.NoError(t, err, path)
			for _, f := range result.Findings {
				if f.Suppressed != "" || justified[f.Rule] != "" || inExamples[f.Rule] != "" {
					continue
				}
				assert.Fail(t, "a finding in a document", "%s: %v", path, f)
			}
		}
		return nil
	}))
	assert.GreaterOrEqual(t, blocks, 8)
}
