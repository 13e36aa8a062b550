// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each rule is shown a planted fault, so that a rule that has gone blind fails.

func TestImportFaults_FindsPlanted(t *testing.T) {
	const p, x = module + "/processor/aprocessor", module + "/exporter/bexporter"
	assert.Empty(t, importFaults([]pkg{
		{ImportPath: p, Imports: []string{p + "/internal/metadata", module + "/internal/tenant", "go.opentelemetry.io/collector/exporter/otlpexporter"}},
		{ImportPath: module + "/internal/e2e", TestImports: []string{p, x}},
	}))
	for name, planted := range map[string]pkg{
		"component imports component":        {ImportPath: p, Imports: []string{x}},
		"its subpackage does":                {ImportPath: p + "/internal/y", Imports: []string{x + "/internal/z"}},
		"its test does":                      {ImportPath: p, TestImports: []string{x}},
		"its external test does":             {ImportPath: p, XTestImports: []string{x}},
		"internal imports component":         {ImportPath: module + "/internal/tenant", Imports: []string{p}},
		"command imports component":          {ImportPath: module + "/cmd/tenantctl", Imports: []string{p}},
		"leaf imports leaf":                  {ImportPath: module + "/internal/severity", Imports: []string{module + "/internal/tenant"}},
		"leaf imports leaf the other way":    {ImportPath: module + "/internal/tenant", Imports: []string{module + "/internal/severity"}},
		"e2e's neighbors have no such right": {ImportPath: module + "/internal/e2e2", Imports: []string{p}},
	} {
		assert.Len(t, importFaults([]pkg{planted}), 1, name)
	}
}

func TestDocFaults_FindsPlanted(t *testing.T) {
	assert.Len(t, docFaults([]pkg{
		{ImportPath: module + "/internal/a", GoFiles: []string{"a.go"}},
		{ImportPath: module + "/internal/b", GoFiles: []string{"b.go"}, Doc: "Package b does b."},
		{ImportPath: module + "/internal/testonly"},
		{ImportPath: module + "/processor/aprocessor/internal/metadata", GoFiles: []string{"generated.go"}},
	}), 1)
}

func TestManifestFaults_FindsPlanted(t *testing.T) {
	const p, x = module + "/processor/aprocessor", module + "/exporter/bexporter"
	pkgs := []pkg{{ImportPath: p}, {ImportPath: p + "/internal/metadata"}, {ImportPath: x}, {ImportPath: module + "/internal/tenant"}}
	assert.Empty(t, manifestFaults(pkgs, []string{p, x}))
	assert.Len(t, manifestFaults(pkgs, []string{p}), 1, "missing entry")
	assert.Len(t, manifestFaults(pkgs, []string{p, x, x}), 1, "entry twice")
	assert.Len(t, manifestFaults(pkgs, []string{p, x, module + "/receiver/creceiver"}), 1, "entry without folder")
	assert.Len(t, manifestFaults(pkgs, []string{p, x, module + "/internal/tenant"}), 1, "entry that is no component")
}

func TestVersionFaults_FindsPlanted(t *testing.T) {
	assert.Empty(t, versionFaults("require (\n\tgo.opentelemetry.io/collector/pdata v1.65.0\n\tgo.opentelemetry.io/otel v1.40.0\n)\n"))
	assert.Len(t, versionFaults("require (\n\tgo.opentelemetry.io/collector/pdata v1.66.0 // indirect\n)\n"), 1)
	assert.Len(t, versionFaults("require github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza v0.160.0\n"), 1)
}
