// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStack_StoresStartAgain stops the stores of all tenants and fails.
func TestStack_StoresStartAgain(t *testing.T) {
	t.Parallel()
	s := newStackCopy(t)
	s.ok("", "up.sh")
	s.ok("", "create-tenant.sh", "acme")
	s.put("loki/chunks/acme/1", "chunk")
	s.put("operator/audit.key", "key")
	for _, name := range []string{"gateway", "mimir", "tempo"} {
		require.NoError(t, os.MkdirAll(filepath.Join(s.volumes, name), 0o755))
	}
	backups := t.TempDir()
	s.ok("", "backup.sh", "--all", backups)
	of := func(pattern string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(backups, pattern))
		require.NoError(t, err)
		require.Len(t, found, 1)
		return found[0]
	}
	one, all := of("*-tenant=acme"), of("*Z")
	gzipped := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	good := s.env
	const stores, everything = "compose up --detach --wait loki mimir tempo\n", "compose up --detach --wait\n"
	for name, c := range map[string]struct {
		script, from, file, fail, up string
		content                      []byte
		wants                        string // in place of up: nothing was stopped
	}{
		"stop fails at a removal":     {script: "remove-tenant.sh", fail: "compose stop *", up: stores},
		"files fail at a removal":     {script: "remove-tenant.sh", fail: "*rm -rf \"?p\"*", up: stores},
		"stop fails at a restore":     {script: "restore.sh", from: one, fail: "compose stop *", up: stores},
		"damaged tar of a tenant":     {script: "restore.sh", from: one, file: "tempo.tar.gz", content: gzipped(strings.Repeat("x", 4096)), up: stores},
		"stop fails, of the stack":    {script: "restore.sh", from: all, fail: "compose stop *", up: everything},
		"database fails":              {script: "restore.sh", from: all, fail: "*pg_restore*", up: everything},
		"damaged tar of the stack":    {script: "restore.sh", from: all, file: "operator.tar.gz", content: gzipped(strings.Repeat("x", 4096)), up: everything},
		"damaged archive of a tenant": {script: "restore.sh", from: one, file: "loki.tar.gz", content: gzipped("x")[:12], wants: "loki.tar.gz is damaged"},
		"damaged archive":             {script: "restore.sh", from: all, file: "gateway.tar.gz", content: gzipped("x")[:12], wants: "gateway.tar.gz is damaged"},
		"missing file of a tenant":    {script: "restore.sh", from: one, file: "gateway.tar.gz", wants: "has no gateway.tar.gz"},
		"missing file":                {script: "restore.sh", from: all, file: "grafana.pgdump", wants: "has no grafana.pgdump"},
	} {
		args, input := []string{"acme", "--yes"}, ""
		if c.from != "" {
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(copied, os.DirFS(c.from)))
			if c.file != "" {
				require.NoError(t, os.Remove(filepath.Join(copied, c.file)))
			}
			if c.content != nil {
				require.NoError(t, os.WriteFile(filepath.Join(copied, c.file), c.content, 0o600))
			}
			sums(t, copied, "complete")
			args, input = []string{copied}, "yes\n"
		}
		s.env = slices.Concat(good, []string{"FAIL=" + c.fail})
		if c.script == "remove-tenant.sh" { // in a registry of its own
			s.env = append(s.env, "TENANTCTL_REGISTRY="+filepath.Join(t.TempDir(), "tenants.yaml"))
			_, errs, ok := s.run("", "create-tenant.sh", "acme")
			require.True(t, ok, errs)
		}
		called(t, s.calls)
		_, errs, ok := s.run(input, c.script, args...)
		assert.False(t, ok, name)
		calls := called(t, s.calls)
		if c.up == "" {
			assert.Contains(t, errs, c.wants, name)
			assert.NotContains(t, calls, "compose stop", name)
			continue
		}
		assert.Contains(t, calls, "compose stop", name)
		assert.True(t, strings.HasSuffix(calls, c.up), "%s: %s%s", name, calls, errs)
	}
	s.env = good
	s.ok("", "create-tenant.sh", "acme") // its organization was removed above
	s.ok("", "restore.sh", one)
}
