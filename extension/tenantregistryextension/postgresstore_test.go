// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// dbFixture is a fixture whose registry is in a database. The extension has a
// role that may only read.
type dbFixture struct {
	*fixture
	server   *pgtest.Server
	database string
	admin    *registrydb.Config
}

func newDBFixture(t *testing.T, s *pgtest.Server, ids ...string) *dbFixture {
	database := s.NewDatabase()
	admin, err := registrydb.ParseDSN(s.DSN(database))
	require.NoError(t, err)
	f := &dbFixture{newFixture(t), s, database, admin}
	f.write(yamlOf(ids...))
	f.cfg.File.Path = ""
	f.cfg.Postgres.DSN = configopaque.String(s.NewReader(database))
	f.cfg.Snapshot = f.path + ".snapshot"
	return f
}

// write makes text the registry, as tenantctl does.
func (f *dbFixture) write(text string) {
	f.t.Helper()
	require.NoError(f.t, registrydb.Edit(context.Background(), f.admin, registrydb.Options{Create: true}, func(d *registryedit.Document) error { return d.Replace([]byte(text)) }))
}

func (f *dbFixture) exec(sql string) { f.server.Exec(f.database, sql) }

func (f *dbFixture) statusSoon(want componentstatus.Status) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.host.status() == want }, 2*inForceWithin, time.Millisecond)
}

// One server serves all tests, each with its own database. Tests that kill it run sequentially.
func TestPostgres(t *testing.T) {
	s := pgtest.Start(t)
	for name, test := range map[string]func(*testing.T, *pgtest.Server){
		"a change is in force within a second":             testPostgresChange,
		"a change is seen without notification":            testPostgresPolling,
		"a bad row is named and changes nothing":           testPostgresBadRow,
		"a half set changes nothing":                       testPostgresHalfSet,
		"a slow database changes nothing":                  testPostgresSlow,
		"a start succeeds while the database is away":      testPostgresAwayAtStart,
		"a start does not wait for a database that hangs":  testPostgresHangsAtStart,
		"a hanging database shows in health":               testPostgresHangs,
		"a broken connection string stops no start":        testPostgresBrokenDSN,
		"messages agree when the row is gone":              testPostgresRowGone,
		"a start without a registry waits for one":         testPostgresEmpty,
		"many gateways share a database that is killed":    testPostgresKilled,
		"the password is in no log, status, error or copy": testPostgresPassword,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func testPostgresChange(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.start()
	assert.Equal(t, "a", f.ids())
	assert.Equal(t, componentstatus.StatusOK, f.host.status())
	for n := range 3 {
		id := fmt.Sprintf("b%d", n)
		begin := time.Now()
		f.write(yamlOf("a", id))
		f.eventually("a " + id)
		t.Logf("in force after %v", time.Since(begin))
	}
	metadatatest.AssertEqualExtensionTenantRegistryInfo(t, f.tel, []metricdata.DataPoint[int64]{
		point(1, attribute.String("hash", f.reg.Snapshot().Hash()[:12]), attribute.String("source", "postgres")),
	}, metricdatatest.IgnoreTimestamp())
	assert.Empty(t, f.errorsLogged())
}

func testPostgresPolling(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.exec("drop trigger notify_change on tenant_registry")
	f.start()
	begin := time.Now()
	f.write(yamlOf("a", "b"))
	f.eventually("a b")
	t.Logf("in force after %v", time.Since(begin))
}

func testPostgresBadRow(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a", "b")
	f.start()
	f.exec(`insert into tenant_registry_tenants (id, position, document) values ('c', 9, E'  - id: c\n    colour: red\n'), ('d', 10, E'  - id: d\n    status: x\n')`)
	f.statusSoon(componentstatus.StatusRecoverableError)
	f.always("a b")
	require.Len(t, f.errorsLogged(), 1)
	for _, want := range []string{"the last good one stays in force", `tenant "c": colour: unknown key`, `tenant "d": status: "x" must be one of`} {
		assert.Contains(t, f.errorsLogged()[0], want)
	}
	f.host.mu.Lock()
	assert.ErrorContains(t, f.host.events[len(f.host.events)-1].Err(), `tenant "c"`)
	f.host.mu.Unlock()
	f.exec("delete from tenant_registry_tenants where id = 'c'; update tenant_registry_tenants set document = E'  - id: d\\n' where id = 'd'")
	f.eventually("a b d")
	f.statusSoon(componentstatus.StatusOK)
}

func testPostgresHalfSet(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a", "b")
	f.start()
	f.exec("alter table tenant_registry_tenants disable trigger after_change; delete from tenant_registry_tenants where id = 'a'; update tenant_registry set token = gen_random_uuid()")
	f.statusSoon(componentstatus.StatusRecoverableError)
	f.always("a b")
	assert.Contains(t, f.errorsLogged()[0], "returned 1 tenants, and its registry has 2")
	f.exec("alter table tenant_registry_tenants enable trigger after_change; truncate tenant_registry_tenants")
	require.Eventually(t, func() bool { return len(f.errorsLogged()) == 2 }, inForceWithin, time.Millisecond)
	f.always("a b")
	f.write(yamlOf("a", "c"))
	f.eventually("a c")
}

func testPostgresSlow(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.cfg.Postgres.Timeout = 300 * time.Millisecond
	f.start()
	f.eventually("a") // the first read may exceed the timeout on a busy machine
	conn, err := pgx.Connect(t.Context(), s.DSN(f.database))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "begin; lock table tenant_registry in access exclusive mode", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	f.statusSoon(componentstatus.StatusRecoverableError)
	f.always("a")
	assert.Contains(t, f.errorsLogged()[0], "did not answer within 300ms")
	require.NoError(t, conn.Close(t.Context()))
	f.write(yamlOf("a", "b"))
	f.eventually("a b")
	f.statusSoon(componentstatus.StatusOK)
}

func testPostgresAwayAtStart(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.start()
	f.stop()
	s.Stop()
	f.start()
	assert.Equal(t, "a", f.ids(), "from the copy")
	assert.Equal(t, componentstatus.StatusRecoverableError, f.host.status())
	assert.Equal(t, "snapshot", f.reg.telemetry.source())
	s.Restart()
	f.statusSoon(componentstatus.StatusOK)
	assert.Equal(t, "postgres", f.reg.telemetry.source())
	f.write(yamlOf("a", "b"))
	f.eventually("a b")
}

func testPostgresHangsAtStart(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.start()
	f.stop()
	f.cfg.Postgres.Timeout = 300 * time.Millisecond
	thaw := s.Freeze()
	begin := time.Now()
	f.start()
	assert.Less(t, time.Since(begin), 10*time.Second, "it would hang until the server is thawed")
	assert.Equal(t, "a", f.ids())
	begin = time.Now()
	f.stop()
	assert.Less(t, time.Since(begin), 10*time.Second, "a shutdown does not wait either")
	thaw()
}

func testPostgresEmpty(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.exec("drop schema public cascade; create schema public; grant usage on schema public to public")
	f.start()
	assert.Equal(t, "none", f.ids())
	assert.Contains(t, f.errorsLogged()[0], "there is no registry in the database")
	f.write(yamlOf("b"))
	f.exec(fmt.Sprintf("grant select on tenant_registry, tenant_registry_tenants to reader_%s", f.database))
	f.eventually("b")
}

// Three gateways authenticate without a pause while keys are revoked and the
// server is killed again and again: no key is rejected that is good, and none
// that was revoked is valid a second later than the database reported it.
func testPostgresKilled(t *testing.T, s *pgtest.Server) {
	const gateways, kills = 3, 3
	f := newDBFixture(t, s, "steady", "changing")
	var fixtures []*fixture
	for n := range gateways {
		g := newFixture(t)
		*g.cfg = *f.cfg
		g.cfg.Snapshot = fmt.Sprintf("%s-%d", f.cfg.Snapshot, n)
		g.start()
		fixtures = append(fixtures, g)
	}
	var digest tenant.Digest
	for k := range fixtures[0].reg.Snapshot().Keys() {
		if k.ID == "k-steady" {
			digest = k.Digest
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var requests, rejected atomic.Int64
	for _, g := range fixtures {
		load.Go(func() {
			for ctx.Err() == nil {
				requests.Add(1)
				k := g.reg.Snapshot().Key(digest)
				if k == nil || k.Tenant().Status != tenant.StatusActive {
					rejected.Add(1)
				}
				time.Sleep(50 * time.Microsecond) // other goroutines need the processor
			}
		})
	}
	for n := range kills {
		id := fmt.Sprintf("k%d", n)
		f.write(yamlOf("steady", "changing") + fmt.Sprintf("      - {id: %s, sha256: %064x, scopes: [logs]}\n", id, n+1))
		inForce := func(revoked bool) {
			t.Helper()
			begin := time.Now()
			for _, g := range fixtures {
				require.Eventually(t, func() bool {
					k := g.reg.Snapshot().Key(tenant.Digest{31: byte(n + 1)})
					return k != nil && k.RevokedAt.IsZero() != revoked
				}, 2*inForceWithin, time.Millisecond)
			}
			t.Logf("in force everywhere after %v", time.Since(begin))
		}
		inForce(false)
		s.Kill()
		for _, g := range fixtures {
			require.Eventually(t, func() bool { return g.host.status() == componentstatus.StatusRecoverableError }, inForceWithin, time.Millisecond)
		}
		s.Restart()
		require.NoError(t, registrydb.Edit(t.Context(), f.admin, registrydb.Options{}, func(d *registryedit.Document) error {
			return d.Update("changing", func(t *tenant.Tenant) error {
				t.Keys[1].RevokedAt = time.Now().UTC()
				return nil
			})
		}))
		inForce(true)
	}
	cancel()
	load.Wait()
	assert.Zero(t, rejected.Load(), "of %d requests", requests.Load())
	t.Logf("%d requests", requests.Load())
	for _, g := range fixtures {
		require.Eventually(t, func() bool { return g.host.status() == componentstatus.StatusOK }, inForceWithin, time.Millisecond)
	}
}

func testPostgresPassword(t *testing.T, s *pgtest.Server) {
	f := newDBFixture(t, s, "a")
	f.start()
	s.Kill()
	f.statusSoon(componentstatus.StatusRecoverableError)
	s.Restart()
	f.statusSoon(componentstatus.StatusOK)
	f.stop()
	f.exec("alter role reader_" + f.database + " password 'another'")
	f.start()
	assert.Equal(t, "a", f.ids())
	require.NotEmpty(t, f.errorsLogged())
	assert.Contains(t, f.errorsLogged()[0], "password authentication failed")

	var logged strings.Builder
	for _, e := range f.logs.All() {
		fmt.Fprintln(&logged, e.Message, e.ContextMap())
	}
	f.host.mu.Lock()
	for _, e := range f.host.events {
		fmt.Fprintln(&logged, e.Err())
	}
	f.host.mu.Unlock()
	fmt.Fprintf(&logged, "%v %+v %v", f.cfg, f.cfg, f.reg.store)
	assert.Contains(t, logged.String(), f.database)
	assert.NotContains(t, logged.String(), pgtest.Password)
}
