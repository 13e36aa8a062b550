// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
)

func (c *cli) entries(args ...string) []audit.Entry {
	c.t.Helper()
	var entries []audit.Entry
	c.json(&entries, append([]string{"audit", "list"}, args...)...)
	return entries
}

// auditEverything runs every command that changes something, and requires that each
// change is an entry without secrets.
func auditEverything(t *testing.T, c *cli) {
	c.ok("tenant", "create", "a", "--var", "x_token=s3cret-s3cret", "--reason", "ticket 7", "--actor", "alice")
	c.ok("tenant", "update", "a", "--name", "A")
	c.ok("tenant", "suspend", "a")
	c.ok("tenant", "resume", "a")
	var k, rotated struct{ ID, Key string }
	c.json(&k, "key", "create", "a")
	c.json(&rotated, "key", "rotate", k.ID)
	c.ok("key", "revoke", k.ID)
	c.ok("key", "revoke", k.ID) // changes nothing
	c.ok("onboard", "a", "--endpoint", "https://g")
	c.ok("onboard", "a", "--endpoint", "https://g", "--new-key")
	c.ok("tenant", "create", "b")
	c.ok("tenant", "delete", "b", "--yes")
	c.in = c.ok("registry", "export")
	c.ok("registry", "import", "-", "--replace") // changes nothing
	c.in = "tenants: [{id: c}]\n"
	c.ok("registry", "import", "-", "--replace", "--yes")
	c.fails(exitFailure, "there is already", "tenant", "create", "c")

	entries := c.entries()
	var actions []string
	for n, e := range entries {
		actions = append(actions, e.Action)
		assert.Equal(t, int64(n), e.Seq)
		assert.WithinDuration(t, time.Now(), e.Time, time.Minute)
		assert.Equal(t, audit.SystemUser(), e.User)
		require.NotEmpty(t, e.Changes)
		if n > 0 {
			assert.Equal(t, entries[n-1].After, e.Before)
		}
	}
	assert.Equal(t, []string{
		"tenant create", "tenant update", "tenant suspend", "tenant resume", "key create", "key rotate", "key revoke",
		"onboard", "tenant create", "tenant delete", "registry import",
	}, actions)
	assert.Equal(t, []string{"alice", "ticket 7"}, []string{entries[0].Actor, entries[0].Reason})
	assert.Equal(t, strings.Split(audit.SystemUser(), "@")[0], entries[1].Actor)
	assert.Len(t, entries[5].Changes[0].After, 2, "the new key and the end of the old one")
	assert.Len(t, entries[10].Changes, 3, "two are gone and one is new")
	assert.Len(t, c.entries("--tenant", "b"), 3)
	assert.Regexp(t, `\n0 +\S+ +alice +tenant create +a +ticket 7\n`, c.ok("audit", "list"))
	assert.Contains(t, c.ok("audit", "list", "--details"), "  - status: active\n  + status: suspended\n")

	printed := c.ok("audit", "list", "-o", "yaml") + c.ok("audit", "list", "--details")
	digest := apikey.Digest(k.Key)
	for _, secret := range []string{"s3cret", k.Key, rotated.Key, fmt.Sprintf("%x", digest[:])} {
		assert.NotContains(t, printed, secret)
	}
	assert.Contains(t, printed, "(hidden)")

	assert.Contains(t, c.ok("audit", "verify"), "11 entries, none changed since they were written")
	var v operate.Verification
	c.json(&v, "audit", "verify")
	assert.True(t, v.Valid)
	assert.Empty(t, v.Warnings)
	assert.Contains(t, v.Checkpoint, "otelcol-tenant.audit/")
}

func TestAudit_OfAFile(t *testing.T) {
	c := newCLI(t)
	auditEverything(t, c)
	info, err := os.Stat(c.path + ".audit-key")
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func testPostgresAudit(t *testing.T, s *pgtest.Server) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	c := newDBCLI(t, s)
	auditEverything(t, c)
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "otelcol-tenant", "audit.key"))
	require.NoError(t, err)
	dryRuns(t, c)
	s.Exec(strings.Split(strings.Split(c.path, "/")[3], "?")[0], "alter table tenant_registry_audit disable trigger all; update tenant_registry_audit set entry = replace(entry, 'alice', 'mallory')")
	r := c.run("audit", "verify")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.out, "entry 0 is not what was written")
}

func TestAuditVerify_FindsTampering(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a", "--actor", "alice")
	c.ok("tenant", "create", "b")
	path := filepath.Join(c.path+".audit", "entries.jsonl")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, bytes.Replace(whole, []byte("alice"), []byte("mallory"), 1), 0o600))
	r := c.run("audit", "verify")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.out, "fault: entry 0 is not what was written")
	assert.Contains(t, r.err, "was changed after it was written")
	r = c.run("audit", "verify", "-o", "json")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.out, `"valid": false`)
	require.NoError(t, os.WriteFile(path, append(whole, "x\n"...), 0o600))
	c.fails(exitFailure, "entry 2 cannot be decoded", "audit", "list")
}

// Text of other people can forge no line and no color of a list.
func TestAuditList_ControlCharacters(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	for _, forged := range []string{"x\n9  2026-01-01T00:00:00Z  root  tenant delete  a", "\x1b[31m", "a\tb", "\u009b1m", "a\u2028b"} {
		for _, flag := range []string{"--reason", "--actor"} {
			c.fails(exitUsage, "must not have control characters", "tenant", "suspend", "a", flag, forged)
		}
		t.Setenv(actorEnv, forged)
		c.fails(exitUsage, "must not have control characters", "tenant", "suspend", "a")
		t.Setenv(actorEnv, "")

		entries := []*audit.Entry{{Actor: forged, User: forged, Action: forged, Reason: forged, Outcome: forged, Changes: []audit.Change{
			{Tenant: forged, Before: map[string]any{forged: forged}, After: map[string]any{forged: forged}},
		}}}
		for details, lines := range map[bool]int{false: 2, true: 4} {
			var out strings.Builder
			require.NoError(t, writeEntries(&out, entries, details))
			assert.NotContains(t, out.String(), "\x1b")
			assert.NotContains(t, out.String(), "\u009b")
			assert.NotContains(t, out.String(), "\u2028")
			assert.Equal(t, lines, strings.Count(out.String(), "\n"), out.String())
		}
	}
}

func TestAuditVerify_WithoutTheKeyFile(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	var v operate.Verification
	c.json(&v, "audit", "verify")
	kept := filepath.Join(t.TempDir(), "kept.json")
	require.NoError(t, os.WriteFile(kept, []byte(c.ok("audit", "verify", "-o", "json")), 0o600))
	c.ok("tenant", "create", "b")
	require.NoError(t, os.Rename(c.path+".audit-key", c.path+".elsewhere"))
	c.fails(exitFailure, "The log exists: restore the key", "audit", "verify")
	require.NoError(t, os.Rename(c.path+".audit", c.path+".log"))
	c.fails(exitFailure, "There is no audit log either", "audit", "verify")
	require.NoError(t, os.Rename(c.path+".log", c.path+".audit"))
	require.NoError(t, os.WriteFile(c.path+".audit-key", []byte("x"), 0o600))
	c.fails(exitFailure, "is not the key of an audit log; restore the key", "audit", "verify")
	require.NoError(t, os.Remove(c.path+".audit-key"))
	c.ok("audit", "verify", "--verifier", v.Verifier, "--checkpoint", kept)
	c.fails(exitUsage, "--verifier: not a public key", "audit", "verify", "--verifier", "x")
	c.fails(exitFailure, "the key of the audit log is missing", "tenant", "create", "c")
	require.NoError(t, os.Rename(c.path+".elsewhere", filepath.Join(filepath.Dir(kept), "key")))
	c.ok("tenant", "create", "c", "--audit-key", filepath.Join(filepath.Dir(kept), "key"))
	t.Setenv(auditKeyEnv, filepath.Join(filepath.Dir(kept), "key"))
	assert.Contains(t, c.ok("audit", "verify"), "3 entries")
}

func TestAuditVerify_WarnsAboutChangesByHand(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	require.NoError(t, os.WriteFile(c.path, []byte(c.file()+"# by hand\n"), 0o600))
	assert.Contains(t, c.ok("audit", "verify"), "warning: the registry is not what the last entry says")
}

// dryRuns requires of every command that changes something that it changes
// nothing with --dry-run.
func dryRuns(t *testing.T, c *cli) {
	k := c.run("key", "create", "c")
	require.Zero(t, k.code)
	var keys []struct{ ID string }
	c.json(&keys, "key", "list", "c")
	before, entries := c.ok("registry", "export"), c.entries()
	c.in = "tenants: []\n"
	for line, want := range map[string]string{
		"tenant create new --name N":               "+ tenant new\n  + isolation: shared\n  + name: N\n",
		"tenant update c --name N":                 "  tenant c\n  + name: N\n",
		"tenant suspend c":                         "  - status: active\n  + status: suspended\n",
		"tenant delete c":                          "  + status: deleted\n",
		"key create c --scopes logs":               `"scopes":["logs"]`,
		"key rotate " + keys[0].ID:                 "expires_at",
		"key revoke " + keys[0].ID:                 "revoked_at",
		"onboard c --endpoint https://g --new-key": "+ keys.",
		"registry import - --replace":              "- tenant c\n",
	} {
		r := c.run(append(strings.Fields(line), "--dry-run")...)
		require.Equal(t, exitOK, r.code, "%s: %s", line, r.err)
		assert.Contains(t, r.out, want, line)
		assert.Contains(t, r.err, "Dry run: nothing was changed.", line)
		assert.NotContains(t, r.out, "obs_", "a key that is not created is not shown")
	}
	c.fails(exitFailure, "there is already", "tenant", "create", "c", "--dry-run")
	assert.Equal(t, before, c.ok("registry", "export"))
	assert.Equal(t, entries, c.entries())
	var changes []audit.Change
	c.json(&changes, "tenant", "suspend", "c", "--dry-run")
	assert.Equal(t, "suspended", changes[0].After["status"])
}

func TestDryRun_ChangesNothing(t *testing.T) {
	c := newCLI(t)
	assert.Contains(t, c.ok("tenant", "create", "c", "--dry-run"), "+ tenant c")
	files, err := os.ReadDir(filepath.Dir(c.path))
	require.NoError(t, err)
	assert.Empty(t, files, "not even a file is made")
	c.ok("tenant", "create", "c")
	dryRuns(t, c)
}

// A program that is killed at any moment leaves a registry and a log that agree after
// the next change.
func TestAudit_SurvivesKills(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "first")
	killed := 0
	for n := range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(40))*time.Millisecond)
		if err := c.program(ctx, "tenant", "create", fmt.Sprintf("t%d", n)).Run(); err != nil {
			killed++
		}
		cancel()
	}
	c.ok("tenant", "create", "last")
	assert.Contains(t, c.ok("audit", "verify"), "none changed since")
	logged := make(map[string]int)
	for _, e := range c.entries() {
		assert.Empty(t, e.Outcome)
		for _, change := range e.Changes {
			logged[change.Tenant]++
		}
	}
	there := make(map[string]int)
	for tn := range c.snapshot().Tenants() {
		there[string(tn.ID)]++
	}
	assert.Equal(t, there, logged, "each tenant has its entry, and each entry its tenant")
	t.Logf("%d of 40 were killed, %d tenants are there", killed, len(there))
}
