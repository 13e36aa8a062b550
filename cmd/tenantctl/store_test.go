// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

// One server serves all tests, each with its own database.
func TestPostgres(t *testing.T) {
	s := pgtest.Start(t)
	for name, test := range map[string]func(*testing.T, *pgtest.Server){
		"every command does what it does to a file": testSameAsFile,
		"a registry moves between stores":           testMove,
		"several programs at the same time":         testParallelPrograms,
		"layouts":                                   testMigrate,
		"the audit log":                             testPostgresAudit,
		"a registry is restored":                    testPostgresRestore,
		"a registry is restored in part":            testPostgresRepair,
		"a damaged log in a database":               testPostgresNewLog,
		"a database that is away":                   testAway,
		"the password is shown nowhere":             testPassword,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func newDBCLI(t *testing.T, s *pgtest.Server) *cli {
	return &cli{t: t, path: s.DSN(s.NewDatabase())}
}

var (
	aKey    = regexp.MustCompile(`obs_[a-z0-9]+_[A-Za-z0-9]+|\bk[a-z2-7]{7}\b|[0-9a-f]{64}`)
	aMoment = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
)

// plain takes out of a text what two runs of one command line cannot share.
func (c *cli) plain(text string) string {
	if r, err := (&app{registry: c.path}).open(); assert.NoError(c.t, err) {
		text = strings.ReplaceAll(text, fmt.Sprint(r), "REGISTRY")
	}
	return aMoment.ReplaceAllString(aKey.ReplaceAllString(text, "KEY"), "TIME")
}

func testSameAsFile(t *testing.T, s *pgtest.Server) {
	file, db := newCLI(t), newDBCLI(t, s)
	both := func(args ...string) (result, result) {
		t.Helper()
		inFile, inDB := file.run(args...), db.run(args...)
		assert.Equal(t, inFile.code, inDB.code, "%v: %s", args, inDB.err)
		assert.Equal(t, file.plain(inFile.out), db.plain(inDB.out), "%v", args)
		assert.Equal(t, file.plain(inFile.err), db.plain(inDB.err), "%v", args)
		return inFile, inDB
	}
	for _, line := range []string{
		"tenant create a --name A --attribute plan=pro --var x_token=secret --route logs=l --limit daily_bytes=1GiB",
		"tenant create a", "tenant create b -o json", "tenant create ..", "tenant update nobody --name x",
		"tenant update a --name B --unset-var x_token", "tenant suspend b", "tenant list", "tenant list -o yaml", "tenant show a",
		"key create a --scopes logs --expires 5d", "key create nobody", "key list", "tenant resume b", "tenant delete b --yes",
		"tenant update b --name x", "tenant list --all", "onboard a --endpoint https://g", "registry validate", "registry export", "registry export --reformat",
		"registry import /does/not/exist",
	} {
		both(strings.Fields(line)...)
	}
	keyID := func(c *cli) string {
		var k []struct{ ID string }
		c.json(&k, "key", "list", "a")
		return k[0].ID
	}
	assert.Equal(t, file.plain(file.ok("key", "rotate", keyID(file))), db.plain(db.ok("key", "rotate", keyID(db))))
	assert.Equal(t, file.plain(file.ok("key", "revoke", keyID(file))), db.plain(db.ok("key", "revoke", keyID(db))))
	both("key", "list", "-o", "json")
	both("registry", "export")
}

func testMove(t *testing.T, s *pgtest.Server) {
	const text = "# ours\ntenants: # all of them\n  # the first\n  - id: b\n    name: B # old\n    keys:\n      - {id: k1, sha256: 3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea, scopes: [logs]}\n\n  - id: a\n    vars: {x: \"y\"}\n# end\n"
	from, db, to := newCLI(t), newDBCLI(t, s), newCLI(t)
	from.in = text
	from.ok("registry", "import", "-")
	db.ok("registry", "import", from.path)
	assert.Equal(t, text, db.ok("registry", "export"))
	to.in = db.ok("registry", "export")
	to.ok("registry", "import", "-")
	assert.Equal(t, text, to.file())

	db.in = "tenants:\n  - id: c\n"
	db.fails(exitFailure, "give --replace", "registry", "import", "-")
	db.fails(exitUsage, "2 tenants are not in the imported registry and would be removed (b, a): give --yes", "registry", "import", "-", "--replace")
	db.ok("registry", "import", "-", "--replace", "--yes")
	assert.Equal(t, db.in, db.ok("registry", "export"))
	db.in = "tenants:\n  - id: c\n    colour: red\n"
	db.fails(exitFailure, "line 3", "registry", "import", "-", "--replace")
}

func testParallelPrograms(t *testing.T, s *pgtest.Server) {
	c := newDBCLI(t, s)
	c.ok("tenant", "create", "a")
	var all []*exec.Cmd
	for n := range 12 {
		cmd := c.program(t.Context(), "tenant", "create", fmt.Sprintf("t%d", n))
		if n%2 == 0 {
			cmd = c.program(t.Context(), "key", "create", "a")
		}
		require.NoError(t, cmd.Start())
		all = append(all, cmd)
	}
	for _, cmd := range all {
		require.NoError(t, cmd.Wait())
	}
	snapshot, err := registryfile.Parse([]byte(c.ok("registry", "export")))
	require.NoError(t, err)
	assert.Equal(t, 7, snapshot.Len())
	assert.Len(t, snapshot.Tenant("a").Keys, 6)
}

func testMigrate(t *testing.T, s *pgtest.Server) {
	c := newDBCLI(t, s)
	c.fails(exitFailure, "there is no registry in the database", "tenant", "list")
	c.fails(exitFailure, "there is no registry in the database", "key", "create", "a")
	assert.Regexp(t, `now have layout \d+`, c.ok("registry", "migrate"))
	assert.Regexp(t, `already have layout \d+`, c.ok("registry", "migrate"))
	assert.Contains(t, c.ok("registry", "migrate", "-o", "json"), `"was":`)
	c.ok("tenant", "create", "a")
	newCLI(t).fails(exitUsage, "a registry file needs no migration", "registry", "migrate")
}

func testAway(t *testing.T, s *pgtest.Server) {
	c := newDBCLI(t, s)
	c.ok("tenant", "create", "a")
	s.Kill()
	c.fails(exitFailure, "connection refused", "tenant", "list")
	c.fails(exitFailure, "connection refused", "tenant", "create", "b")
	s.Restart()
	assert.Contains(t, c.ok("tenant", "list"), "a")
}

func testPassword(t *testing.T, s *pgtest.Server) {
	c := newDBCLI(t, s)
	t.Setenv(registryEnv, c.path)
	var printed strings.Builder
	say := func(args ...string) {
		r := c.run(args...)
		printed.WriteString(r.out + r.err)
	}
	for _, line := range []string{"--help", "tenant create a", "tenant show a -o json", "registry validate", "registry export", "nonsense", "tenant list --nonsense"} {
		say(strings.Fields(line)...)
	}
	good := c.path
	for _, bad := range []string{good + "x", good + ":x", strings.Replace(good, "postgres:", "mysql:", 1), good + "&sslmode=nonsense", strings.Replace(good, "@", "@[", 1)} {
		c.path = bad
		say("tenant", "list")
	}
	assert.Contains(t, printed.String(), "PostgreSQL database")
	assert.NotContains(t, printed.String(), pgtest.Password)
}
