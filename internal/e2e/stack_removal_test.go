// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree returns the paths of all files below a folder, with their content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir+"/")] = string(raw)
		return err
	}))
	return all
}

// TestStack_RemoveTenant removes a tenant from the stack with Grafana: nothing after a dry run or
// another answer, everything of this tenant and nothing of another one, and the rest of it after
// a removal that has failed.
func TestStack_RemoveTenant(t *testing.T) {
	t.Parallel()
	s := newStackCopy(t)
	s.ok("", "up.sh")
	for _, id := range []string{"acme", "acme-2"} {
		s.ok("", "create-tenant.sh", id)
		for _, path := range []string{
			"gateway/state/dead-letters/tenant=ID/destination=loki/1.jsonl", "gateway/data/tenant=ID/signal=logs/1.jsonl",
			"mimir/blocks/ID/01/meta.json", "tempo/blocks/ID/01/meta.json", "loki/chunks/ID/1",
		} {
			s.put(strings.ReplaceAll(path, "ID", id), "data of "+id)
		}
	}
	s.put("gateway/state/audit/1.jsonl", "entry")
	before := tree(t, s.volumes)

	for _, c := range []struct {
		input, want string
		args        []string
	}{
		{"", "usage", nil},
		{"", "unknown option --everything", []string{"acme", "--everything"}},
		{"", "one tenant at a time", []string{"acme", "acme-2"}},
		{"", "needs a value", []string{"acme", "--reason"}},
		{"", "is not the ID of a tenant", []string{"../acme"}},
		{"", "there is no tenant initech", []string{"initech"}},
		{"", "nothing was changed", []string{"acme"}},
		{"yes\n", "nothing was changed", []string{"acme"}},
	} {
		_, errs, ok := s.run(c.input, "remove-tenant.sh", c.args...)
		assert.False(t, ok, c.args)
		assert.Contains(t, errs, c.want, c.args)
	}
	_, errs, ok := s.run("", "remove-tenant.sh", "acme", "--dry-run")
	require.True(t, ok, errs)
	assert.Contains(t, errs, "mimir/blocks/acme\n")
	assert.Contains(t, errs, "gateway/state/dead-letters/tenant=acme\n")
	assert.NotContains(t, errs, "acme-2")
	assert.Contains(t, errs, "Dry run: nothing was changed.")
	assert.Equal(t, before, tree(t, s.volumes))
	require.NotNil(t, s.grafana.Org("acme"))

	_, errs, ok = s.run("acme\n", "remove-tenant.sh", "acme", "--keep-data", "--reason", "ticket 4711")
	require.True(t, ok, errs)
	assert.Equal(t, before, tree(t, s.volumes), "--keep-data")
	assert.Nil(t, s.grafana.Org("acme"))

	_, errs, ok = s.run("", "remove-tenant.sh", "acme", "--yes")
	require.True(t, ok, errs)
	assert.Contains(t, errs, "deleted in the registry already")
	want := map[string]string{}
	for path, text := range before {
		if text != "data of acme" {
			want[path] = text
		}
	}
	assert.Len(t, want, 6)
	assert.Equal(t, want, tree(t, s.volumes))
	require.NotNil(t, s.grafana.Org("acme-2"))
	calls := s.file(s.calls)
	assert.Contains(t, calls, "tenant delete acme --yes --reason ticket 4711\n")
	assert.Regexp(t, `compose stop loki mimir tempo\n(?s:.*)compose up --detach --wait loki mimir tempo\n$`, calls, "the stores start again")
	_, errs, ok = s.run("", "create-tenant.sh", "acme")
	assert.False(t, ok, "its ID is never used again: %s", errs)
}

// TestStack_RemoveTenantLocal removes a tenant from the local stack.
func TestStack_RemoveTenantLocal(t *testing.T) {
	t.Parallel()
	s := newStackCopy(t)
	s.dir = filepath.Join(filepath.Dir(s.dir), "local")
	require.NoError(t, os.CopyFS(s.dir, os.DirFS(filepath.Join(stacks, "local"))))
	s.env = append(s.env, "TENANTCTL_GRAFANA_URL=")
	s.ok("", "create-tenant.sh", "acme")
	s.put("gateway/state/dead-letters/tenant=acme/1.jsonl", "letter")
	s.put("gateway/data/tenant=acme/1.jsonl", "line")
	s.put("gateway/data/tenant=bolt/1.jsonl", "line")
	_, errs, ok := s.run("", "remove-tenant.sh", "acme")
	assert.False(t, ok)
	assert.Contains(t, errs, "nothing was changed")
	s.ok("acme\n", "remove-tenant.sh", "acme")
	assert.Equal(t, map[string]string{"gateway/data/tenant=bolt/1.jsonl": "line"}, tree(t, s.volumes))
}

// TestSignozStack_RemoveTenant removes a dedicated and a shared tenant.
func TestSignozStack_RemoveTenant(t *testing.T) {
	t.Parallel()
	s := newSignozStack(t)
	stackCertificate(t, s.path("tls", "tls.crt"), s.path("tls", "tls.key"))
	s.run("up.sh")
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("3e2bd13f-3b62-4f43-a5de-4a1f8ab0a3c1\n"), 0o600))
	s.run("create-tenant.sh", "globex")
	alone := s.files() // of globex
	s.run("create-tenant.sh", "acme", "--isolation", "dedicated", "--oneuptime-token-file", token)
	volumes := s.answering()
	s.objects("acme")
	for _, id := range []string{"acme", "globex"} {
		letters := filepath.Join(volumes, "gateway", "state", "dead-letters", "tenant="+id)
		require.NoError(t, os.MkdirAll(letters, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(letters, "1.jsonl"), []byte("letter"), 0o600))
	}
	called := func() string {
		t.Helper()
		calls, err := os.ReadFile(s.calls)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(s.calls, nil, 0o600))
		return string(calls)
	}
	called()
	before := s.files()
	out := s.run("remove-tenant.sh", "acme", "--dry-run")
	assert.Contains(t, out, "the SigNoz signoz-acme with its volumes and secrets")
	assert.Contains(t, out, "0 rows of signoz_logs.logs_v2 in the shared SigNoz")
	assert.Contains(t, out, "gateway/state/dead-letters/tenant=acme")
	out, err := s.try("remove-tenant.sh", "acme") // nobody answers
	require.Error(t, err)
	assert.Contains(t, out, "nothing was changed")
	assert.Equal(t, before, s.files())
	assert.NotRegexp(t, `ALTER TABLE|compose rm|volume rm|reload`, called())

	s.run("remove-tenant.sh", "acme", "--yes")
	calls := called()
	for _, want := range []string{
		"compose rm --stop --force signoz-acme-clickhouse\n", "compose up --detach --wait\nvolume rm --force stack_signoz-acme-clickhouse\n",
		"network rm stack_signoz-acme-store\n", "--param_tenant acme", "nginx -s reload",
		"ALTER TABLE signoz_logs.logs_v2 DELETE WHERE resources_string['business_id'] = {tenant:String} SETTINGS mutations_sync = 2\n",
	} {
		assert.Contains(t, calls, want)
	}
	assert.Less(t, strings.Index(calls, "ALTER TABLE signoz_metrics.samples_v4"), strings.Index(calls, "ALTER TABLE signoz_metrics.time_series_v4"), "samples are found by their series")
	after := s.files()
	registry := s.path("registry", "tenants.yaml")
	assert.NotEqual(t, alone[registry], after[registry], "the mark of the ID")
	for _, files := range []map[string]string{alone, after} {
		delete(files, registry)
		files[".env"] = strings.TrimSpace(strings.ReplaceAll(files[".env"], "COMPOSE_FILE=compose.yaml\n", ""))
	}
	assert.Equal(t, alone, after, "as if it had not been there")
	assert.Equal(t, map[string]string{"gateway/state/dead-letters/tenant=globex/1.jsonl": "letter"}, tree(t, volumes))

	s.run("remove-tenant.sh", "acme", "--yes") // again, for what was delivered since
	s.run("remove-tenant.sh", "globex", "--yes", "--keep-data")
	assert.NotEmpty(t, tree(t, volumes))
	s.run("remove-tenant.sh", "globex", "--yes")
	assert.Empty(t, tree(t, volumes))
}
