// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

// example is a configuration in testdata/rules. A file has two or more: those with "# want: ID" at
// the end of a line must have the finding on that line, others must have none.
type example struct {
	text     string
	base     string
	gateways int
	registry string
	role     Role
	wantKeys []string // "# want-key: ID KEY", a finding in the base, and "# want-line: LINE ID"
}

var (
	wantComment = regexp.MustCompile(`# want: ([A-Z0-9 ]+)$`)
	header      = regexp.MustCompile(`^# ([a-z-]+): (.*)$`)
)

func readExamples(t *testing.T, path string) (all []example) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, text := range strings.Split(string(raw), "\n---\n") {
		e := example{text: text, base: "gateway"}
		for line := range strings.Lines(text) {
			m := header.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				continue
			}
			switch m[1] {
			case "base":
				e.base = m[2]
			case "gateways":
				e.gateways, err = strconv.Atoi(m[2])
				require.NoError(t, err)
			case "registry":
				e.registry = m[2]
			case "role":
				e.role = Role(m[2])
			case "want-key", "want-line":
				e.wantKeys = append(e.wantKeys, m[2])
			case "want":
			default:
				require.Failf(t, "unknown header", "%s: %s", path, line)
			}
		}
		all = append(all, e)
	}
	return all
}

// wants returns "LINE ID" for each comment in text.
func wants(text string) (all []string) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if m := wantComment.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			for _, id := range strings.Fields(m[1]) {
				all = append(all, fmt.Sprintf("%d %s", number, id))
			}
		}
	}
	return all
}

// run returns what is found in an example, and what should be found.
func (e example) run(t *testing.T) (got, want []string, ids map[string]bool) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "example.yaml")
	text := strings.ReplaceAll(e.text, "DIR", dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o604))
	require.NoError(t, os.Chmod(filepath.Join(dir, "secret"), 0o604)) // whatever the umask
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))            //nolint:gosec // as the directories of the system
	require.NoError(t, os.WriteFile(filepath.Join(dir, "private"), []byte("x"), 0o640))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	set := Settings{Files: []string{path}, Gateways: e.gateways, Role: e.role, Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	if e.base != "none" {
		set.Files = slices.Insert(set.Files, 0, filepath.Join("testdata", "base", e.base+".yaml"))
	}
	want = append(wants(text), e.wantKeys...)
	if e.registry != "" {
		name := filepath.Join("testdata", e.registry)
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		set.Registry = &Registry{Name: name, Data: data}
		for _, w := range wants(string(data)) {
			want = append(want, "registry "+w)
		}
	}
	result, err := Run(set)
	require.NoError(t, err)
	ids = make(map[string]bool)
	for _, f := range result.Findings {
		if f.Suppressed != "" {
			continue
		}
		ids[f.Rule] = true
		switch {
		case f.File == path:
			got = append(got, fmt.Sprintf("%d %s", f.Line, f.Rule))
		case set.Registry != nil && f.File == set.Registry.Name:
			got = append(got, fmt.Sprintf("registry %d %s", f.Line, f.Rule))
		default:
			got = append(got, f.Rule+" "+f.Key)
		}
		assert.NotZero(t, f.Line, f.String())
		assert.NotContains(t, f.Message, "s3cret", "a finding shows a secret")
	}
	return got, want, ids
}

func TestExamples(t *testing.T) {
	for _, rule := range Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			found, passed := false, false
			for i, e := range readExamples(t, filepath.Join("testdata", "rules", rule.ID+".yaml")) {
				got, want, ids := e.run(t)
				assert.ElementsMatch(t, want, got, "example %d", i+1)
				found = found || ids[rule.ID]
				passed = passed || !ids[rule.ID]
			}
			assert.True(t, found, "no example fails")
			assert.True(t, passed, "no example passes")
		})
	}
}

func TestBases(t *testing.T) {
	for name, role := range map[string]Role{"gateway": RoleGateway, "agent": RoleAgent} {
		result, err := Run(Settings{Files: []string{filepath.Join("testdata", "base", name+".yaml")}})
		require.NoError(t, err)
		assert.Empty(t, result.Findings)
		assert.Equal(t, role, result.Role)
	}
}

func TestRules(t *testing.T) {
	seen := make(map[string]bool)
	last := ""
	for _, r := range Rules() {
		assert.Regexp(t, `^OT\d{3}$`, r.ID)
		assert.False(t, seen[r.ID], r.ID)
		assert.Greater(t, r.ID, last, "rules are ordered")
		seen[r.ID], last = true, r.ID
		assert.Contains(t, []finding.Severity{finding.Note, finding.Warning, finding.Error}, r.Severity, "%s: the levels of SARIF", r.ID)
		for _, text := range []string{r.Why, r.Fix} {
			assert.True(t, strings.HasSuffix(text, "."), "%s: %q is not a sentence", r.ID, text)
		}
		assert.NotEmpty(t, r.Title, r.ID)
		assert.False(t, strings.HasSuffix(r.Title, "."), r.ID)
	}
}

// Each check of configcheck is one rule. What refuses there is an error here.
func TestRules_CoverConfigcheck(t *testing.T) {
	for _, name := range configcheck.Names() {
		var ids []string
		for _, r := range Rules() {
			if r.check == nil {
				continue
			}
			c := &config{root: &value{}, checks: []configcheck.Finding{{Check: name, Key: "service", Text: "x"}}, set: &Settings{}}
			r.check(c, func(*value, string, string, ...any) { ids = append(ids, r.ID) })
			if slices.Contains(ids, r.ID) {
				refuses := slices.Contains(configcheck.Refusals(), name)
				assert.Equal(t, refuses, r.Refused, "%s: %s", name, r.ID)
				if refuses {
					assert.Equal(t, finding.Error, r.Severity, r.ID)
				}
			}
		}
		assert.Len(t, ids, 1, "rules of the check %s", name)
	}
}
