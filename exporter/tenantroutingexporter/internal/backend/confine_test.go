// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func confined(t *testing.T, directory, root string) (*Destination, error) {
	t.Helper()
	return NewArchive("a", ArchiveSettings{
		Directory: directory, Root: root, MaxFileBytes: 1 << 20, MaxOpenFiles: 1, Compression: ArchiveCompressionNone,
	}, newPool(t))
}

func TestNewArchive_ATenantCannotNameAnyDirectory(t *testing.T) {
	for name, tt := range map[string]struct{ directory, root, err string }{
		"a variable first":       {"{vars.dir}", "", "directory: begins with a variable.*set archive::root"},
		"a variable and more":    {"{vars.dir}/logs", "", "set archive::root"},
		"the tenant first":       {"{tenant}/logs", "", ""},
		"within":                 {"/srv/{vars.dir}", "", ""},
		"with root":              {"{vars.dir}", "/srv/a", ""},
		"relative root":          {"{vars.dir}", "srv", `root: must be an absolute path, got "srv"`},
		"root of all":            {"{vars.dir}", "/./", "root: must not be the root of the file system"},
		"root of a tenant":       {"{vars.dir}", "/srv/{tenant}", "root: must be the same for all tenants"},
		"fixed, below":           {"/srv/a/b", "/srv/a", ""},
		"fixed, beside":          {"/srv/b", "/srv/a", "directory: must be below archive::root, /srv/a"},
		"fixed, with its prefix": {"/srv/ab", "/srv/a", "directory: must be below archive::root"},
	} {
		_, err := confined(t, tt.directory, tt.root)
		if tt.err == "" {
			assert.NoError(t, err, name)
		} else {
			require.Error(t, err, name)
			assert.Regexp(t, tt.err, err.Error(), name)
		}
	}
}

// Only the tenant's route is wrong. It is reported when the registry is loaded, and the lane is
// blocked.
func TestArchive_StaysBelowItsRoot(t *testing.T) {
	base := t.TempDir()
	root, outside := filepath.Join(base, "root"), filepath.Join(base, "outside")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "real"), 0o700))
	require.NoError(t, os.Mkdir(outside, 0o700))
	require.NoError(t, os.Symlink(outside, filepath.Join(root, "link")))
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o600))
	d, err := confined(t, "{vars.dir}", root)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		dir              string
		checked, blocked bool
	}{
		"below":             {root + "/a", true, false},
		"further below":     {root + "/real/b//c/", true, false},
		"root itself":       {root, false, true},
		"root with a slash": {root + "/", false, true},
		"another":           {outside, false, true},
		"with its prefix":   {root + "2", false, true},
		"up":                {root + "/../outside", false, true},
		"relative":          {"a", false, true},
		"empty":             {"", false, true},
		"an archive's own":  {root + "/a/tenant=b", false, true},
		"through a link":    {root + "/link/a", true, true},
		"a link":            {root + "/link", true, true},
		"through a file":    {root + "/file/a", true, true},
		"a file":            {root + "/file", true, true},
	} {
		v := template.Values{Tenant: "acme", Vars: map[string]string{"dir": tt.dir}}
		assert.Equal(t, tt.checked, d.Check(int(tenant.Logs), v) == nil, "%s: %v", name, d.Check(int(tenant.Logs), v))
		res := d.Target(tenant.Logs, v).Send(t.Context(), batchOf(t, tenant.Logs, "acme"))
		if tt.blocked {
			assert.Equal(t, lane.Blocked, res.Verdict, "%s: %v", name, res.Err)
			assert.Equal(t, "config", res.Reason, name)
		} else {
			assert.Equal(t, lane.Delivered, res.Verdict, "%s: %v", name, res.Err)
		}
	}
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Two spellings of a directory are one archive: two that share a directory would damage
// each other's files.
func TestArchive_SharesOneArchiveAmongSpellings(t *testing.T) {
	root := t.TempDir()
	d, err := confined(t, "{vars.dir}", root)
	require.NoError(t, err)
	for _, dir := range []string{"/a/b", "//a/./b/", "/a/b/"} {
		v := template.Values{Tenant: "acme", Vars: map[string]string{"dir": root + dir}}
		res := d.Target(tenant.Logs, v).Send(t.Context(), batchOf(t, tenant.Logs, "acme"))
		require.Equal(t, lane.Delivered, res.Verdict, "%v", res.Err)
	}
	assert.Len(t, d.pool.archives(), 1)
}
