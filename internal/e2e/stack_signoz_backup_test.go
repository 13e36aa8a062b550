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

// TestSignozStack_Backup backs up and restores a tenant of the shared SigNoz. Docker is a
// program of the test, which answers as ClickHouse would.
func TestSignozStack_Backup(t *testing.T) {
	t.Parallel()
	s := newSignozStack(t)
	stackCertificate(t, s.path("tls", "tls.crt"), s.path("tls", "tls.key"))
	s.run("up.sh")
	s.run("create-tenant.sh", "globex")
	s.run("create-tenant.sh", "acme", "--isolation", "dedicated")
	volumes := s.answering()
	put := func(path, text string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(volumes, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(volumes, path), []byte(text), 0o600))
	}
	gateway := map[string]string{
		"gateway/state/dead-letters/tenant=globex/1.jsonl": "letter of globex", "gateway/state/dead-letters/tenant=acme/1.jsonl": "letter of acme",
		"gateway/state/audit/1.jsonl": "entry", "gateway/state/audit.key": "key", "gateway/state/key-use.json": "uses",
	}
	for path, text := range gateway {
		put(path, text)
	}
	put("gateway/data/tenant=globex/1.jsonl", "archive")
	put("gateway/state/exporter_queue", "a lane, which must not be delivered twice")
	folder := strings.TrimSpace(lastLine(s.run("backup.sh", "--all", t.TempDir())))
	for _, file := range []string{
		"SHA256SUMS", "platform/files.tar.gz", "platform/oneuptime.dump", "platform/oneuptime.zip", "tenant-acme/clickhouse.zip", "tenant-acme/signoz/signoz.db",
		"tenant-acme/tenant.json", "tenant-globex/tenant.json", "tenant-globex/signoz_logs.logs_v2.native", "tenant-globex/signoz_metrics.samples_v4.native",
	} {
		info, err := os.Stat(filepath.Join(folder, file))
		if assert.NoError(t, err, file) {
			assert.Zero(t, info.Mode().Perm()&0o077, "%s is readable by others", file)
			assert.NotZero(t, info.Size(), file)
		}
	}
	require.NoError(t, os.WriteFile(s.calls, nil, 0o600))
	s.run("restore.sh", folder, "globex")
	calls, err := os.ReadFile(s.calls)
	require.NoError(t, err)
	assert.Contains(t, string(calls), "INSERT INTO signoz_logs.logs_v2 FORMAT Native\nFROM signoz_logs.logs_v2 WHERE\n")
	s.run("restore.sh", folder, "acme")
	calls, err = os.ReadFile(s.calls)
	require.NoError(t, err)
	assert.Contains(t, string(calls), "RESTORE ALL FROM File('clickhouse.zip')")

	assert.Equal(t, "archive", tree(t, volumes)["gateway/data/tenant=globex/1.jsonl"])

	// The files of the gateway, into a volume that was created again.
	require.NoError(t, os.RemoveAll(volumes))
	require.NoError(t, os.MkdirAll(filepath.Join(volumes, "gateway"), 0o755))
	s.run("restore.sh", folder, "globex")
	assert.Equal(t, map[string]string{
		"gateway/state/dead-letters/tenant=globex/1.jsonl": "letter of globex", "gateway/data/tenant=globex/1.jsonl": "archive",
	}, tree(t, volumes))
	tenants := filepath.Join("registry", "tenants.yaml")
	saved, auditKey := s.read(tenants), s.read(tenants+".audit-key")
	require.NoError(t, os.RemoveAll(s.path("registry")))
	s.run("restore.sh", folder)
	assert.Equal(t, saved, s.read(tenants))
	assert.Equal(t, auditKey, s.read(tenants+".audit-key"), "without it tenantctl changes nothing")
	gateway["gateway/data/tenant=globex/1.jsonl"] = "archive"
	assert.Equal(t, gateway, tree(t, volumes))
	reg := &registry{t: t, path: s.path("registry", "tenants.yaml")}
	assert.Contains(t, reg.ctl("audit", "verify"), `"valid": true`)

	s.env = append(s.env, "ROWS=7")
	out, err := s.try("restore.sh", folder, "globex")
	require.Error(t, err, "its rows would be there twice")
	assert.Contains(t, out, "has 7 rows of globex already")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "platform", "oneuptime.dump"), []byte("changed"), 0o600))
	out, err = s.try("restore.sh", folder)
	require.Error(t, err)
	assert.Contains(t, out, "was changed")

	here := t.TempDir()
	s.cwd = here // paths are relative to the caller's folder
	folder = strings.TrimSpace(lastLine(s.run("backup.sh", "copies", "globex")))
	s.cwd = ""
	assert.Equal(t, filepath.Join(here, "copies"), filepath.Dir(folder))
	assert.FileExists(t, filepath.Join(folder, "tenant-globex", "tenant.json"))
	assert.NoDirExists(t, filepath.Join(folder, "platform"))
	for _, args := range [][]string{{}, {"--all"}, {"--everything", "x"}, {"a", "b", "c"}} {
		out, err = s.try("backup.sh", args...)
		require.Error(t, err, args)
		assert.Contains(t, out, "usage", args)
	}
	out, err = s.try("backup.sh", t.TempDir(), "initech")
	require.Error(t, err)
	assert.Contains(t, out, "there is no tenant")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
