// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// current returns the registry as it is.
func (c *cli) current() *tenant.Snapshot {
	c.t.Helper()
	s, err := registryfile.Parse([]byte(c.ok("registry", "export")))
	require.NoError(c.t, err)
	return s
}

type madeKey struct{ ID, Key string }

func (c *cli) newKey(id string, args ...string) (k madeKey) {
	c.t.Helper()
	c.json(&k, append([]string{"key", "create", id}, args...)...)
	return k
}

func (c *cli) backup() (restore func()) {
	dir := c.path + ".audit"
	saved := map[string][]byte{}
	for _, path := range []string{c.path, filepath.Join(dir, "entries.jsonl"), filepath.Join(dir, "hashes"), filepath.Join(dir, "checkpoint")} {
		data, err := os.ReadFile(path)
		require.NoError(c.t, err)
		saved[path] = data
	}
	return func() {
		for path, data := range saved {
			require.NoError(c.t, os.WriteFile(path, data, 0o600))
		}
	}
}

func databaseOf(c *cli) string { return strings.Split(strings.Split(c.path, "/")[3], "?")[0] }

// restoreDrill restores a backup with the audit log in it.
func restoreDrill(t *testing.T, c *cli, backup func() (restore func())) {
	for _, id := range []string{"a", "b", "gone"} {
		c.ok("tenant", "create", id)
	}
	revoked, rotated, leaked := c.newKey("a"), c.newKey("a"), c.newKey("a")
	c.newKey("b")
	restore := backup()
	c.ok("key", "revoke", revoked.ID)
	c.ok("key", "rotate", rotated.ID, "--overlap", "1h")
	c.ok("tenant", "suspend", "b")
	c.ok("tenant", "delete", "gone", "--yes")
	c.ok("tenant", "create", "late")
	created := c.newKey("a")
	// A gateway's snapshot is a registry file with comments before it.
	snapshot := filepath.Join(t.TempDir(), "registry.snapshot")
	require.NoError(t, os.WriteFile(snapshot, []byte("# otelcol-tenant: copy\n# otelcol-tenant: history x\n"+c.ok("registry", "export")), 0o600))

	restore()
	for _, args := range [][]string{{"tenant", "update", "a", "--name", "x"}, {"key", "create", "a"}, {"tenant", "create", "c"}, {"key", "rotate", leaked.ID}} {
		r := c.run(args...)
		assert.Equal(t, exitFailure, r.code)
		assert.Contains(t, r.err, `accept it with "tenantctl registry accept-restore"`)
		assert.NotContains(t, r.err, leaked.Key)
	}
	c.ok("key", "revoke", leaked.ID)
	assert.False(t, c.current().Key(apikey.Digest(leaked.Key)).RevokedAt.IsZero())
	r := c.run("audit", "verify")
	assert.Equal(t, exitFailure, r.code)
	assert.Regexp(t, `the log has 8 entries, but an earlier checkpoint covers 13: entries 8 to 12 are missing|the first \d+ entries`, r.out)

	c.in = ""
	c.fails(exitUsage, "give --yes", "registry", "accept-restore", "--merge", snapshot)
	c.in = "no\n"
	c.fails(exitFailure, "nothing was changed", "registry", "accept-restore", "--merge", snapshot)
	r = c.run("registry", "accept-restore", "--merge", snapshot, "--dry-run")
	require.Zero(t, r.code, r.err)
	assert.Contains(t, r.out, "tenant b")
	assert.Equal(t, tenant.StatusActive, c.current().Tenant("b").Status, "nothing was changed so far")
	c.fails(exitFailure, "accept-restore", "tenant", "update", "a", "--name", "x")

	c.in = "yes\n"
	r = c.run("registry", "accept-restore", "--merge", snapshot, "--reason", "drill")
	require.Zero(t, r.code, r.err)
	for _, want := range []string{
		"ended again: key " + revoked.ID + " of tenant a was revoked at", "ended again: key " + rotated.ID + " of tenant a was to end at",
		"ended again: tenant b was suspended", "ended again: tenant gone was deleted",
		"lost: tenant late was created after the backup", "lost: key " + created.ID + " of tenant a was created after the backup",
	} {
		assert.Contains(t, r.out, want)
		assert.Contains(t, r.err, want, "it is shown before the question")
	}
	s := c.current()
	assert.False(t, s.Key(apikey.Digest(revoked.Key)).RevokedAt.IsZero())
	assert.False(t, s.Key(apikey.Digest(leaked.Key)).RevokedAt.IsZero())
	assert.False(t, s.Key(apikey.Digest(rotated.Key)).ExpiresAt.IsZero())
	assert.Equal(t, tenant.StatusSuspended, s.Tenant("b").Status)
	assert.Equal(t, tenant.StatusDeleted, s.Tenant("gone").Status)

	var v operate.Verification
	c.json(&v, "audit", "verify")
	assert.True(t, v.Valid, v.Faults)
	assert.Empty(t, v.Warnings)
	entries := c.entries()
	last := entries[len(entries)-1]
	assert.Equal(t, []string{"registry accept-restore", "drill"}, []string{last.Action, last.Reason})
	require.NotNil(t, last.Accepted)
	assert.Equal(t, []string{snapshot}, last.Accepted.Merged)
	c.ok("tenant", "resume", "b")

	// The same backup once more: its epoch is behind, and the message of a gateway
	// names what it must be above.
	restore()
	var second, third operate.Restored
	c.json(&second, "registry", "accept-restore", "--yes", "--above", "9000000000")
	assert.Equal(t, int64(9000000001), second.Epoch)
	c.json(&third, "registry", "accept-restore", "--yes")
	assert.Greater(t, third.Epoch, second.Epoch)
}

func TestRestore_OfAFileWithItsLog(t *testing.T) {
	c := newCLI(t)
	restoreDrill(t, c, c.backup)
}

func testPostgresRestore(t *testing.T, s *pgtest.Server) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	c := newDBCLI(t, s)
	restoreDrill(t, c, func() func() {
		dump := s.Dump(databaseOf(c))
		return func() { s.Restore(databaseOf(c), dump) }
	})
}

// A registry that was restored without its log is older than that: what was ended
// since is in it.
func TestRestore_OfAFileAlone(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	c.ok("tenant", "create", "b")
	c.ok("tenant", "create", "resumed")
	k, expiring := c.newKey("a"), c.newKey("a")
	c.ok("tenant", "suspend", "resumed")
	data, err := os.ReadFile(c.path)
	require.NoError(t, err)
	c.ok("tenant", "resume", "resumed")
	c.ok("key", "revoke", k.ID)
	c.ok("key", "rotate", expiring.ID)
	c.ok("tenant", "suspend", "b")
	require.NoError(t, os.WriteFile(c.path, data, 0o600))
	out := c.ok("registry", "accept-restore", "--yes")
	for _, want := range []string{"key " + k.ID + " of tenant a was revoked", "key " + expiring.ID + " of tenant a was to end", "tenant b was suspended"} {
		assert.Contains(t, out, "ended again: "+want)
	}
	assert.Equal(t, 3, strings.Count(out, "ended again"), out)
	assert.Regexp(t, `^# history: registry [0-9a-f]{16} epoch [1-9]\d+ revision`, string(func() []byte { d, _ := os.ReadFile(c.path); return d }()))
}

// The command in the message about a damaged log repairs it.
func newLogDrill(t *testing.T, c *cli, damage func()) {
	c.ok("tenant", "create", "a")
	c.ok("tenant", "create", "b")
	damage()
	r := c.run("tenant", "suspend", "a")
	assert.Equal(t, exitFailure, r.code)
	command := regexp.MustCompile(`"tenantctl (registry accept-restore --new-audit-log)"`).FindStringSubmatch(r.err)
	require.NotNil(t, command, r.err)
	c.in = "yes\n"
	r = c.run(strings.Fields(command[1])...)
	require.Zero(t, r.code, r.err)
	c.ok("tenant", "suspend", "a")
	var v operate.Verification
	c.json(&v, "audit", "verify")
	assert.True(t, v.Valid, v.Faults)
	assert.Equal(t, int64(2), v.Entries)
}

func TestRestore_NewLogOfAFile(t *testing.T) {
	c := newCLI(t)
	newLogDrill(t, c, func() {
		require.NoError(t, os.WriteFile(filepath.Join(c.path+".audit", "hashes"), make([]byte, 96), 0o600))
	})
}

func testPostgresNewLog(t *testing.T, s *pgtest.Server) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	c := newDBCLI(t, s)
	newLogDrill(t, c, func() {
		s.Exec(databaseOf(c), "alter table tenant_registry_audit_hash disable trigger all; update tenant_registry_audit_hash set hash = decode(repeat('00', 32), 'hex')")
	})
}

// All commands say the same of a registry that has lost its row or its tables, and
// that leads out.
func testPostgresRepair(t *testing.T, s *pgtest.Server) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	c := newDBCLI(t, s)
	c.ok("tenant", "create", "a")
	k := c.newKey("a")
	export := filepath.Join(t.TempDir(), "export.yaml")
	require.NoError(t, os.WriteFile(export, []byte(c.ok("registry", "export")), 0o600))
	all := [][]string{
		{"tenant", "list"},
		{"tenant", "suspend", "a"},
		{"key", "revoke", k.ID},
		{"key", "list"},
		{"registry", "export"},
		{"registry", "validate"},
		{"registry", "migrate"},
		{"audit", "list"},
		{"audit", "verify"},
		{"tenant", "create", "b"},
		{"registry", "import", export},
	}
	s.Exec(databaseOf(c), "delete from tenant_registry")
	for _, args := range all {
		c.fails(exitFailure, `has lost its row; "tenantctl registry accept-restore" restores it`, args...)
	}
	c.in = "yes\n"
	assert.Contains(t, c.ok("registry", "accept-restore"), "accepted: ")
	c.ok("key", "revoke", k.ID)
	assert.Equal(t, 1, c.current().Len())

	s.Exec(databaseOf(c), "drop schema public cascade; create schema public")
	for _, args := range all[:6] {
		c.fails(exitFailure, "there is no registry in the database", args...)
	}
	c.fails(exitFailure, "import a gateway's snapshot, and then run", "registry", "accept-restore", "--yes")
	c.in = "yes\n"
	r := c.run("registry", "import", export)
	require.Zero(t, r.code, r.err)
	c.ok("registry", "accept-restore")
	c.ok("key", "revoke", k.ID)
}

func TestImport_KeepsEndedKeysEnded(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	c.ok("tenant", "create", "b")
	k := c.newKey("a")
	old := filepath.Join(t.TempDir(), "old.yaml")
	require.NoError(t, os.WriteFile(old, []byte(c.ok("registry", "export")), 0o600))
	c.ok("key", "revoke", k.ID)
	c.ok("tenant", "suspend", "b")
	c.in = "no\n"
	r := c.run("registry", "import", old, "--replace")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "These would be valid again, or for longer: tenant b was suspended")
	r = c.run("registry", "import", old, "--replace", "--yes")
	require.Zero(t, r.code, r.err)
	assert.Regexp(t, "key "+k.ID+" of tenant a was revoked at .* and stays so", r.err)
	assert.False(t, c.current().Key(apikey.Digest(k.Key)).RevokedAt.IsZero())
	assert.Equal(t, tenant.StatusActive, c.current().Tenant("b").Status)
}
