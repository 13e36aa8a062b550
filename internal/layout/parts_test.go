// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// partName returns the name of a package in the tables of docs/architecture.md, or "" if
// it has none because it is generated. Components have their path, other packages the
// part of it that the table's title does not have.
func partName(p pkg) string {
	rel := p.rel()
	owner := componentOf(p.ImportPath)
	switch {
	case strings.Contains(rel, "/internal/metadata"):
		return ""
	case owner != "" && rel != owner:
		return path.Base(rel)
	case strings.HasPrefix(rel, "internal/"), strings.HasPrefix(rel, "testbed/"):
		_, name, _ := strings.Cut(rel, "/")
		return name
	}
	return rel
}

var quotedPart = regexp.MustCompile("`([a-z0-9/]+)`")

// partFaults returns a line for each package that the document does not name, and for each
// first cell of a table that names no package or folder. exists reports whether a path
// relative to the root of the repository exists.
func partFaults(doc string, pkgs []pkg, exists func(string) bool) []string {
	_, parts, _ := strings.Cut(doc, "\n## Parts\n")
	parts, _, _ = strings.Cut(parts, "\n## ")
	named := make(map[string]bool)
	for _, m := range quotedPart.FindAllStringSubmatch(parts, -1) {
		named[m[1]] = true
	}
	known := make(map[string]bool)
	var faults []string
	for _, p := range pkgs {
		name := partName(p)
		known[name] = true
		if name != "" && !named[name] {
			faults = append(faults, p.rel()+` is missing in the tables of docs/architecture.md, "Parts": add a row, or its name to a row`)
		}
	}
	for line := range strings.Lines(parts) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range quotedPart.FindAllStringSubmatch(first, -1) {
			if !known[m[1]] && !exists(m[1]) && !exists("internal/"+m[1]) {
				faults = append(faults, `docs/architecture.md, "Parts": `+m[1]+" does not exist")
			}
		}
	}
	return faults
}

// A reader finds every package in docs/architecture.md.
func TestArchitecture_NamesEachPackage(t *testing.T) {
	doc, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	assert.Empty(t, partFaults(string(doc), packages(t), func(name string) bool {
		_, err := os.Stat(path.Join("../..", name))
		return err == nil
	}))
}

func TestPartFaults_FindsPlanted(t *testing.T) {
	none := func(string) bool { return false }
	pkgs := []pkg{
		{ImportPath: module + "/receiver/areceiver"},
		{ImportPath: module + "/receiver/areceiver/internal/metadata"},
		{ImportPath: module + "/receiver/areceiver/internal/tail/finder"},
		{ImportPath: module + "/internal/audit/segmented"},
		{ImportPath: module + "/testbed/demo"},
	}
	doc := "# A\n\n## Parts\n\n| `receiver/areceiver` | reads |\n| `audit/segmented` | a log |\n| `tail` | files: `finder` |\n| `testbed/` | `demo` |\n\n## B\n"
	exists := func(name string) bool { return name == "tail" || name == "testbed/" }
	assert.Empty(t, partFaults(doc, pkgs, exists))
	assert.Len(t, partFaults(doc, pkgs, none), 2, "tail and testbed do not exist")
	assert.Len(t, partFaults(doc, append(pkgs, pkg{ImportPath: module + "/internal/b"}), exists), 1, "missing")
	assert.Len(t, partFaults("## A\n", pkgs, exists), 4, "no section")
}
