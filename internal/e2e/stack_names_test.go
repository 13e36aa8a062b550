// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestStack_ReservedNames refuses tenants whose folder is that of the stores' own files, and names
// that are options.
func TestStack_ReservedNames(t *testing.T) {
	t.Parallel()
	s := newStackCopy(t)
	s.ok("", "up.sh")
	common := s.file(s.dir, "..", "lib", "common.sh")
	list := regexp.MustCompile(`(?m)^RESERVED_TENANTS=\((.*)\)$`).FindStringSubmatch(common)
	require.NotNil(t, list)
	reserved := slices.Sorted(maps.Keys(tenant.ReservedScopeOrgIDs()))
	assert.Equal(t, reserved, strings.Fields(list[1]), "as tenantctl has them")

	backups, backup := t.TempDir(), t.TempDir()
	for _, name := range append(reserved, "--help", "-x") {
		for _, path := range []string{"loki/chunks/", "mimir/blocks/", "tempo/blocks/"} {
			s.put(path+name+"/1", "of all tenants")
		}
	}
	before := tree(t, s.volumes)
	called(t, s.calls)
	for _, name := range append(reserved, "--help", "-x") {
		want := "a name of the stores' own files"
		if strings.HasPrefix(name, "-") {
			want = "hyphen at its beginning"
		}
		require.NoError(t, os.WriteFile(filepath.Join(backup, "tenant"), []byte(name+"\n"), 0o600))
		sums(t, backup, "complete")
		for script, args := range map[string][]string{
			"create-tenant.sh": {name}, "remove-tenant.sh": {name, "--yes"}, "backup.sh": {backups, name}, "restore.sh": {backup},
		} {
			_, errs, ok := s.run("", script, args...)
			assert.False(t, ok, "%s %v", script, args)
			if script == "remove-tenant.sh" && strings.HasPrefix(name, "-") {
				assert.Contains(t, errs, "unknown option")
				continue
			}
			assert.Contains(t, errs, want, "%s %v", script, args)
		}
	}
	assert.Equal(t, before, tree(t, s.volumes))
	assert.Empty(t, tree(t, backups))
	assert.Empty(t, called(t, s.calls), "nothing was asked or changed")
	_, errs, ok := s.run("", "backup.sh", "--everything")
	assert.False(t, ok)
	assert.Contains(t, errs, "usage")

	// An ID that tenantctl refuses in any stack.
	out, err := exec.Command(built(t, "tenantctl"), "--registry", filepath.Join(t.TempDir(), "r.yaml"), "tenant", "create", "index").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "must not be index, which Loki reserves")
}
