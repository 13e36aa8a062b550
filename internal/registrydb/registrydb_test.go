// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// database is an empty one of a running server.
type database struct {
	t      *testing.T
	server *pgtest.Server
	name   string
	cfg    *Config
}

func newDatabase(t *testing.T, s *pgtest.Server) *database {
	name := s.NewDatabase()
	cfg, err := ParseDSN(s.DSN(name))
	require.NoError(t, err)
	return &database{t, s, name, cfg}
}

func (d *database) create(text string) {
	d.t.Helper()
	require.NoError(d.t, Edit(d.t.Context(), d.cfg, Options{Create: true}, func(doc *registryedit.Document) error { return doc.Replace([]byte(text)) }))
}

func (d *database) text() string {
	d.t.Helper()
	text, err := Read(d.t.Context(), d.cfg)
	require.NoError(d.t, err)
	return string(text)
}

func (d *database) reader() *Reader {
	cfg, err := ParseDSN(d.server.NewReader(d.name))
	require.NoError(d.t, err)
	r := NewReader(cfg, 5*time.Second)
	d.t.Cleanup(r.Close)
	return r
}

func (d *database) exec(sql string) { d.server.Exec(d.name, sql) }

const twoTenants = "# ours\ntenants: # all\n  - id: a # first\n    name: A\n  - {id: b}\n"

func TestReader_ReportsHowLongItWaited(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	cfg, err := ParseDSN("postgres://u@" + l.Addr().String() + "/d?sslmode=disable")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = Read(ctx, cfg)
	// A machine that is slow may have less left of it.
	require.Regexp(t, "did not answer within (0s|[123]00ms)", err)
	_, err = NewReader(cfg, 200*time.Millisecond).Load(t.Context(), history.Version{})
	require.Regexp(t, "did not answer within (0s|[12]00ms)", err)
}

// One server serves all tests, each with a database of its own.
func TestPostgres(t *testing.T) {
	s := pgtest.Start(t)
	for name, test := range map[string]func(*testing.T, *database){
		"edit keeps comments and order":             testEditKeepsComments,
		"a connection that breaks":                  testBrokenConnection,
		"edit writes only what changed":             testEditWritesOnlyChanges,
		"edit of nothing":                           testEditOfNothing,
		"edits at the same time lose nothing":       testParallelEdits,
		"an edit that fails changes nothing":        testFailedEdit,
		"a database without a registry":             testNoRegistry,
		"layouts of other versions":                 testOtherSchema,
		"reader takes every kind of change":         testReaderChanges,
		"reader names every bad row":                testReaderBadRows,
		"reader rejects half a set":                 testReaderHalfSet,
		"a reader compares histories":               testReaderHistory,
		"a head with an entry of its own":           testHeadWithEntry,
		"a registry that was restored in part":      testRepair,
		"a connection that is never answered":       testHedge,
		"a password file that cannot be read":       testPassfile,
		"reader needs no more than to read":         testReaderRights,
		"transactions by hand at the same time":     testParallelSQL,
		"listen wakes and survives":                 testListen,
		"passwords are in no error":                 testNoPasswordInErrors,
		"TLS":                                       testTLS,
		"every change is an entry of the audit log": testAudit,
		"tampering with the audit log is found":     testAuditTampering,
		"the layout before the audit log":           testMigrationOfAudit,
		"a commit whose answer is lost is resolved": testResolveCommit,
	} {
		t.Run(name, func(t *testing.T) { test(t, newDatabase(t, s)) })
	}
}

func testEditKeepsComments(t *testing.T, d *database) {
	d.create(twoTenants)
	assert.Equal(t, twoTenants, d.text())
	require.NoError(t, Edit(t.Context(), d.cfg, Options{}, func(doc *registryedit.Document) error {
		if err := doc.Update("a", func(t *tenant.Tenant) error { t.Name = "Other"; return nil }); err != nil {
			return err
		}
		return doc.Add(&tenant.Tenant{ID: "0", Status: tenant.StatusActive, Isolation: tenant.IsolationShared})
	}))
	assert.Equal(t, "# ours\ntenants: # all\n  - id: a # first\n    name: Other\n  - {id: b}\n  - id: \"0\"\n    status: active\n    isolation: shared\n", d.text())
	d.create("tenants:\n  - id: b\n  - id: c\n  - id: a\n")
	assert.Equal(t, "tenants:\n  - id: b\n  - id: c\n  - id: a\n", d.text(), "in the order of the file")
	d.create("tenants: []\n")
	assert.Equal(t, "tenants: []\n", d.text())
}

func testEditWritesOnlyChanges(t *testing.T, d *database) {
	d.create(twoTenants)
	conn, err := d.cfg.connect(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	c, err := readContent(t.Context(), conn, nil, history.Version{}, func() {})
	require.NoError(t, err)
	text, err := c.text(nil)
	require.NoError(t, err)
	doc, err := registryedit.NewDocument(text)
	require.NoError(t, err)
	require.NoError(t, doc.Update("b", func(t *tenant.Tenant) error { t.Name = "B"; return nil }))
	p, err := newPlan(c, doc)
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, p.ids)
	assert.Empty(t, p.removed)
	require.NoError(t, p.write(t.Context(), d.cfg, Options{}, conn))
	require.ErrorIs(t, p.write(t.Context(), d.cfg, Options{}, conn), errConflict, "what it was made from is not there any more")
}

func testEditOfNothing(t *testing.T, d *database) {
	d.create(twoTenants)
	r := d.reader()
	_, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	require.NoError(t, Edit(t.Context(), d.cfg, Options{}, func(*registryedit.Document) error { return nil }))
	_, err = r.Load(t.Context(), history.Version{})
	require.ErrorIs(t, err, ErrUnchanged)
}

func testParallelEdits(t *testing.T, d *database) {
	var wg sync.WaitGroup
	const writers, each = 6, 5
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				id := tenant.ID(fmt.Sprintf("t%d-%d", w, n))
				assert.NoError(t, Edit(t.Context(), d.cfg, Options{Create: true}, func(doc *registryedit.Document) error {
					return doc.Add(&tenant.Tenant{ID: id, Status: tenant.StatusActive, Isolation: tenant.IsolationShared})
				}))
			}
		})
	}
	wg.Wait()
	s, err := registryfile.Parse([]byte(d.text()))
	require.NoError(t, err)
	assert.Equal(t, writers*each, s.Len())
}

func testFailedEdit(t *testing.T, d *database) {
	d.create(twoTenants)
	boom := errors.New("boom")
	require.ErrorIs(t, Edit(t.Context(), d.cfg, Options{}, func(doc *registryedit.Document) error {
		require.NoError(t, doc.Replace([]byte("tenants: []\n")))
		return boom
	}), boom)
	assert.Equal(t, twoTenants, d.text())
	require.ErrorIs(t, Edit(t.Context(), d.cfg, Options{}, func(doc *registryedit.Document) error {
		return doc.Add(&tenant.Tenant{ID: "a"})
	}), registryedit.ErrDuplicateTenant)
}

func testNoRegistry(t *testing.T, d *database) {
	_, err := Read(t.Context(), d.cfg)
	require.ErrorIs(t, err, ErrNoRegistry)
	require.ErrorIs(t, Edit(t.Context(), d.cfg, Options{}, func(*registryedit.Document) error { return nil }), ErrNoRegistry)
	was, is, err := Migrate(t.Context(), d.cfg)
	require.NoError(t, err)
	assert.Equal(t, []int{0, newest()}, []int{was, is})
	was, is, err = Migrate(t.Context(), d.cfg)
	require.NoError(t, err)
	assert.Equal(t, []int{newest(), newest()}, []int{was, is}, "a second time changes nothing")
	s, err := registryfile.Parse([]byte(d.text()))
	require.NoError(t, err)
	assert.Zero(t, s.Len())
}

func testOtherSchema(t *testing.T, d *database) {
	d.create(twoTenants)
	d.exec("update tenant_registry set schema = 1000")
	_, err := Read(t.Context(), d.cfg)
	require.ErrorIs(t, err, ErrSchema)
	require.ErrorContains(t, err, "upgrade the program")
	require.ErrorIs(t, Edit(t.Context(), d.cfg, Options{}, func(*registryedit.Document) error { return nil }), ErrSchema)
	_, _, err = Migrate(t.Context(), d.cfg)
	require.ErrorIs(t, err, ErrSchema)
	d.exec("delete from tenant_registry")
	require.ErrorContains(t, Edit(t.Context(), d.cfg, Options{}, func(*registryedit.Document) error { return nil }), "has lost its row")
}

func testReaderChanges(t *testing.T, d *database) {
	d.create(twoTenants)
	r := d.reader()
	load := func() string {
		loaded, err := r.Load(t.Context(), history.Version{})
		require.NoError(t, err)
		_, err = r.Load(t.Context(), history.Version{})
		require.ErrorIs(t, err, ErrUnchanged)
		return string(loaded.Text)
	}
	assert.Equal(t, twoTenants, load())
	d.exec("update tenant_registry_tenants set document = E'  - {id: b, name: B}\\n' where id = 'b'")
	assert.Equal(t, strings.Replace(twoTenants, "{id: b}", "{id: b, name: B}", 1), load())
	d.exec("insert into tenant_registry_tenants (id, position, document) values ('c', 0, E'  - id: c\\n')")
	assert.Contains(t, load(), "# all\n  - id: c\n  - id: a")
	d.exec("delete from tenant_registry_tenants where id <> 'c'")
	assert.Equal(t, "# ours\ntenants: # all\n  - id: c\n", load())

	d.server.Exec("postgres", "select pg_terminate_backend(pid) from pg_stat_activity where datname = '"+d.name+"'")
	_, err := r.Load(t.Context(), history.Version{})
	require.Error(t, err)
	assert.Equal(t, "# ours\ntenants: # all\n  - id: c\n", load(), "the first call after an error returns the registry, changed or not")
}

func testReaderBadRows(t *testing.T, d *database) {
	d.create(twoTenants)
	r := d.reader()
	_, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	d.exec(`insert into tenant_registry_tenants (id, position, document) values
		('swapped', 7, E'  - id: a\n'), ('cut', 8, '  - id: cut'), ('two', 9, E'  - id: two\n  - id: more\n'), ('column', 10, E'- id: column\n')`)
	_, err = r.Load(t.Context(), history.Version{})
	for _, want := range []string{
		`tenant "swapped": its row is about the tenant "a"`, `tenant "cut": its row is not made of whole lines`,
		`tenant "two": its row is not the entry of exactly one tenant`, `tenant "column": its row begins at column 0, and rows before it at 2`,
	} {
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, Edit(t.Context(), d.cfg, Options{}, func(*registryedit.Document) error { return nil }), "nothing was changed")
	d.exec("delete from tenant_registry_tenants where position > 6")
	loaded, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	assert.Equal(t, twoTenants, string(loaded.Text))

	d.exec("alter table tenant_registry_tenants disable trigger before_row; update tenant_registry_tenants set document = document || E'\n' where id = 'a'")
	_, err = NewReader(d.cfg, time.Second).Load(t.Context(), history.Version{})
	require.ErrorContains(t, err, `tenant "a": its document does not match its SHA-256`)
	d.exec("update tenant_registry_tenants set sha256 = '' where id = 'a'")
	_, err = r.Load(t.Context(), history.Version{})
	require.ErrorContains(t, err, `tenant "a": its row has no SHA-256`)
}

func testReaderHalfSet(t *testing.T, d *database) {
	d.create(twoTenants)
	r := d.reader()
	_, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	d.exec("alter table tenant_registry_tenants disable trigger after_change; delete from tenant_registry_tenants where id = 'a'; update tenant_registry set token = gen_random_uuid()")
	_, err = r.Load(t.Context(), history.Version{})
	require.ErrorContains(t, err, "returned 1 tenants, and its registry has 2", "a half set")
}

func testReaderRights(t *testing.T, d *database) {
	d.create(twoTenants)
	r := d.reader()
	_, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	for _, sql := range []string{"delete from tenant_registry_tenants", "update tenant_registry set tenants = 0"} {
		_, err = r.conn.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "read-only transaction")
		_, err = r.conn.Exec(t.Context(), "begin read write; "+sql, pgx.QueryExecModeSimpleProtocol)
		require.ErrorContains(t, err, "permission denied")
		_, err = r.conn.Exec(t.Context(), "rollback")
		require.NoError(t, err)
	}
}

// Two transactions that each insert a tenant leave the count right.
func testParallelSQL(t *testing.T, d *database) {
	d.create(twoTenants)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			d.exec(fmt.Sprintf("begin; insert into tenant_registry_tenants (id, position, document) values ('x%d', 50, E'  - id: x%[1]d\n'); select pg_sleep(0.05); commit", n))
		})
	}
	wg.Wait()
	s, err := registryfile.Parse([]byte(d.text()))
	require.NoError(t, err)
	assert.Equal(t, 10, s.Len())
}

func testListen(t *testing.T, d *database) {
	d.create(twoTenants)
	cfg := d.reader().cfg
	ctx, cancel := context.WithCancel(t.Context())
	woken, done := make(chan struct{}, 100), make(chan struct{})
	var mu sync.Mutex
	var failures []string
	go func() {
		defer close(done)
		Listen(ctx, cfg, 5*time.Second, func() { woken <- struct{}{} }, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, err.Error())
		})
	}()
	wait := func() {
		t.Helper()
		select {
		case <-woken:
		case <-time.After(5 * time.Second):
			t.Fatal("nobody was woken")
		}
	}
	wait() // at the start
	d.exec("update tenant_registry_tenants set document = E'  - {id: b, name: B}\\n' where id = 'b'")
	wait()
	d.server.Exec("postgres", "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen tenant_registry'")
	wait() // after it has connected again
	mu.Lock()
	assert.Len(t, failures, 1)
	mu.Unlock()
	cancel()
	<-done
}

func testNoPasswordInErrors(t *testing.T, d *database) {
	const wrong = "hunter2-hunter2"
	dsn := strings.Replace(d.server.DSN(d.name), pgtest.Password, wrong, 1)
	cfg, err := ParseDSN(dsn)
	require.NoError(t, err)
	_, err = Read(t.Context(), cfg)
	require.ErrorContains(t, err, "password authentication failed")
	assert.NotContains(t, err.Error(), wrong)
	assert.NotContains(t, cfg.String(), wrong)
	assert.NotContains(t, fmt.Sprintf("%v %+v", cfg, cfg), wrong)
	cleaned := cfg.clean(fmt.Errorf("it was %s: %w", wrong, context.Canceled))
	assert.EqualError(t, cleaned, "it was (hidden): context canceled")
	assert.ErrorIs(t, cleaned, context.Canceled)
}

func testTLS(t *testing.T, d *database) {
	d.create(twoTenants)
	base := fmt.Sprintf("postgres://admin:%s@localhost:%d/%s?sslrootcert=%s&sslmode=", pgtest.Password, d.server.Port(), d.name, d.server.CA())
	cfg, err := ParseDSN(base + "verify-full")
	require.NoError(t, err)
	text, err := Read(t.Context(), cfg)
	require.NoError(t, err)
	assert.Equal(t, twoTenants, string(text))
	assert.False(t, cfg.InClear())

	cfg, err = ParseDSN(strings.Replace(base, "localhost", "127.0.0.1", 1) + "verify-full")
	require.NoError(t, err)
	_, err = Read(t.Context(), cfg)
	require.ErrorContains(t, err, "certificate", "another name than the certificate's")
}

func testResolveCommit(t *testing.T, d *database) {
	d.create(twoTenants)
	conn, err := d.cfg.connect(t.Context())
	require.NoError(t, err)
	s, err := readState(t.Context(), conn)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	broken := errors.New("broken")
	assert.NoError(t, resolveCommit(t.Context(), d.cfg, s.token, "before", broken), "it was committed")
	assert.ErrorContains(t, resolveCommit(t.Context(), d.cfg, "written", s.token, broken), "nothing was changed: broken")
	assert.ErrorContains(t, resolveCommit(t.Context(), d.cfg, "written", "before", broken), "may or may not be in force: broken")
}
