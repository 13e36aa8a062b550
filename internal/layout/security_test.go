// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

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
)

var (
	testName    = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
	testFunc    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	configKey   = regexp.MustCompile("`([a-z][a-z0-9_]*)::([a-z0-9_:]+)`(?: \\(`([^`]+)`)?") // with its default, if there is one
	tag         = regexp.MustCompile(`mapstructure:"([a-z0-9_]+)`)
	componentID = regexp.MustCompile(`(?m)^type: (\w+)$`)
)

// source is what docs/security.md is compared with.
type source struct {
	tests  map[string]bool
	keys   map[string][]string // parts of keys by component type
	tables map[string]string   // READMEs by component type
}

func readSource(t *testing.T) source {
	t.Helper()
	s := source{tests: map[string]bool{}, keys: map[string][]string{}, tables: map[string]string{}}
	var folders []string
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"_build", ".git", "node_modules"}, d.Name()):
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			for _, m := range testFunc.FindAllSubmatch(text, -1) {
				s.tests[string(m[1])] = true
			}
			return err
		case d.Name() == "metadata.yaml":
			folders = append(folders, filepath.Dir(path))
		}
		return nil
	}))
	for _, dir := range folders {
		meta, err := os.ReadFile(filepath.Join(dir, "metadata.yaml"))
		require.NoError(t, err)
		id := componentID.FindSubmatch(meta)
		if id == nil {
			continue
		}
		readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
		require.NoError(t, err)
		s.tables[string(id[1])] = string(readme)
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		backend, err := filepath.Glob(filepath.Join(dir, "internal", "*", "*.go"))
		require.NoError(t, err)
		for _, file := range slices.Concat(files, backend) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range tag.FindAllSubmatch(text, -1) {
				s.keys[string(id[1])] = append(s.keys[string(id[1])], string(m[1]))
			}
		}
	}
	return s
}

// row returns the row of a table of the README that begins with the key. It may
// name several keys: "`retry::initial_interval`, `::max_interval`".
func (s source) row(component, key string) string {
	last := key[max(0, strings.LastIndex(key, "::")):]
	for line := range strings.Lines(s.tables[component]) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		if strings.HasPrefix(line, "| `") && (strings.Contains(cell, "`"+key+"`") || strings.Contains(cell, "`"+last+"`")) {
			return line
		}
	}
	return ""
}

// securityFaults returns a line for every test, key and default in text that is none.
func securityFaults(text string, s source) []string {
	var faults []string
	for _, name := range testName.FindAllString(text, -1) {
		if !s.tests[name] {
			faults = append(faults, name+" is no test")
		}
	}
	for _, m := range configKey.FindAllStringSubmatch(text, -1) {
		component, key, value := m[1], m[2], m[3]
		row := s.row(component, key)
		if s.keys[component] == nil {
			faults = append(faults, component+" is no component")
			continue
		}
		for part := range strings.SplitSeq(key, "::") {
			if row == "" && !slices.Contains(s.keys[component], part) {
				faults = append(faults, fmt.Sprintf("%s::%s: %s is no key of %s", component, key, part, component))
			}
		}
		if value != "" && !strings.Contains(row, "`"+value+"`") && !strings.Contains(row, value+" |") {
			faults = append(faults, fmt.Sprintf("%s::%s has another default than %s in the README", component, key, value))
		}
	}
	return faults
}

// TestSecurityDoc: the threat model names tests, keys and defaults that exist.
func TestSecurityDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	assert.Empty(t, securityFaults(string(text), readSource(t)))
	assert.Greater(t, len(testName.FindAll(text, -1)), 100)
	assert.Greater(t, len(configKey.FindAll(text, -1)), 30)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && strings.Count(line, "|") == 4 && !strings.Contains(line, "shown by") {
			assert.Regexp(t, testName, line, "no test shows it")
		}
	}
}

func TestSecurityFaults_FindsPlanted(t *testing.T) {
	s := source{
		tests:  map[string]bool{"TestA": true},
		keys:   map[string][]string{"guard": {"memory", "tenant"}},
		tables: map[string]string{"guard": "| `max::depth`, `::width` | `64` | deep |\n"},
	}
	assert.Empty(t, securityFaults("`TestA`, `guard::tenant::memory`, `guard::max::depth` (`64`), `guard::max::width`", s))
	assert.Len(t, securityFaults("`TestB`, `FuzzC`, `TestA`", s), 2)
	assert.Len(t, securityFaults("`other::memory`, `guard::tenant::disk`, `guard::max::depth` (`65`)", s), 3)
}

// TestADRs_AreListed: a merge or a new decision leaves none out of the list.
func TestADRs_AreListed(t *testing.T) {
	list, err := os.ReadFile("../../docs/adr/README.md")
	require.NoError(t, err)
	files, err := filepath.Glob("../../docs/adr/0*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		assert.Contains(t, string(list), "]("+filepath.Base(file)+")")
	}
}
