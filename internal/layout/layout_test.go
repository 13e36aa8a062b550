// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/otelcol-tenant/otelcol-tenant"

// pkg is what the rules look at of a Go package.
type pkg struct {
	ImportPath   string
	Doc          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// rel returns the path of p inside the module.
func (p pkg) rel() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages lists every package of the module. The test cache does not see what
// the child process reads, so run this with -count=1 when it matters.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,GoFiles,Imports,TestImports,XTestImports", module+"/...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			require.NoError(t, err)
		}
		pkgs = append(pkgs, p)
	}
}

// componentOf returns "kind/name" of the component that the package with this
// import path belongs to, or "".
func componentOf(path string) string {
	rel, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	parts := strings.Split(rel, "/")
	kinds := []string{"receiver", "processor", "exporter", "extension", "connector"}
	if len(parts) < 2 || !slices.Contains(kinds, parts[0]) {
		return ""
	}
	return parts[0] + "/" + parts[1]
}

// importFaults returns a line for every import that breaks a rule.
func importFaults(pkgs []pkg) []string {
	var faults []string
	for _, p := range pkgs {
		own := componentOf(p.ImportPath)
		for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			other := componentOf(imp)
			switch {
			case other == "" || other == own:
			case own != "":
				faults = append(faults, fmt.Sprintf("%s imports %s: components meet each other at run time only, through an interface of internal/tenant", p.rel(), other))
			case p.rel() == "internal/e2e":
				// whole pipelines and contract checks are what it is for
			case strings.HasPrefix(p.rel(), "internal/"):
				faults = append(faults, fmt.Sprintf("%s imports %s: what is shared must not know who shares it", p.rel(), other))
			case strings.HasPrefix(p.rel(), "cmd/"):
				faults = append(faults, fmt.Sprintf("%s imports %s: move what both need to internal/", p.rel(), other))
			}
		}
		for _, pair := range [][2]string{{"internal/tenant", "internal/severity"}, {"internal/severity", "internal/tenant"}} {
			if p.rel() == pair[0] && slices.Contains(p.Imports, module+"/"+pair[1]) {
				faults = append(faults, fmt.Sprintf("%s imports %s: both are leaves", pair[0], pair[1]))
			}
		}
	}
	return faults
}

// docFaults returns a line for every package that does not say what it is for.
func docFaults(pkgs []pkg) []string {
	var faults []string
	for _, p := range pkgs {
		generated := strings.HasSuffix(p.ImportPath, "/internal/metadata") || strings.HasSuffix(p.ImportPath, "/internal/metadatatest")
		if len(p.GoFiles) > 0 && p.Doc == "" && !generated {
			faults = append(faults, p.rel()+" has no package comment: say what it does for its user")
		}
	}
	return faults
}

// manifestFaults compares the component folders with the own entries of the
// manifest.
func manifestFaults(pkgs []pkg, imports []string) []string {
	folders := make(map[string]bool)
	for _, p := range pkgs {
		if c := componentOf(p.ImportPath); c != "" {
			folders[c] = true
		}
	}
	var faults []string
	seen := make(map[string]int)
	for _, imp := range imports {
		c := componentOf(imp)
		if c == "" || module+"/"+c != imp {
			faults = append(faults, imp+" is in builder-config.yaml but is no component folder")
			continue
		}
		seen[c]++
		if !folders[c] {
			faults = append(faults, c+" is in builder-config.yaml but has no folder")
		}
		if seen[c] == 2 {
			faults = append(faults, c+" is in builder-config.yaml twice")
		}
	}
	for c := range folders {
		if seen[c] == 0 {
			faults = append(faults, c+" is not in builder-config.yaml: add an entry with gomod "+module+" v0.0.0 and its import path")
		}
	}
	slices.SortFunc(faults, cmp.Compare[string])
	return faults
}

func TestImports(t *testing.T) {
	assert.Empty(t, importFaults(packages(t)))
}

func TestPackageDocs(t *testing.T) {
	assert.Empty(t, docFaults(packages(t)))
}

func TestManifest(t *testing.T) {
	assert.Empty(t, manifestFaults(packages(t), manifest(t).ownImports()))
}
