// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func newRecorder(t *testing.T) *audit.Recorder {
	return &audit.Recorder{Actor: "alice", User: "root@host", Action: "tenant create", Key: filepath.Join(t.TempDir(), "key"), Now: time.Now}
}

func (d *database) add(r *audit.Recorder, id string) error {
	return Edit(d.t.Context(), d.cfg, Options{Create: true, Recorder: r}, func(doc *registryedit.Document) error {
		return doc.Add(&tenant.Tenant{ID: tenant.ID(id), Status: tenant.StatusActive, Isolation: tenant.IsolationShared})
	})
}

// verify returns what is wrong with the log, and the tenants its entries are
// about.
func (d *database) verify(r *audit.Recorder) (faults []string, about map[string]int) {
	d.t.Helper()
	key, err := audit.ReadKey(r.Key)
	require.NoError(d.t, err)
	about = make(map[string]int)
	require.NoError(d.t, ReadAudit(d.t.Context(), d.cfg, func(log audit.Storage, registry string) error {
		anchors := audit.Anchors{Public: key.Public(), LastKnown: audit.Keys{Path: r.Key, Registry: registry}.LastKnown()}
		report, err := audit.Verify(d.t.Context(), log, anchors, func(e *audit.Entry) {
			for _, c := range e.Changes {
				about[c.Tenant]++
			}
		})
		if err == nil {
			faults = report.Faults
		}
		return err
	}))
	return faults, about
}

func testAudit(t *testing.T, d *database) {
	r := newRecorder(t)
	require.NoError(t, d.add(r, "a"))
	var wg sync.WaitGroup
	for _, id := range []string{"b", "c", "d", "e", "f"} {
		wg.Go(func() { assert.NoError(t, d.add(r, id)) })
	}
	wg.Wait()
	require.ErrorIs(t, d.add(r, "a"), registryedit.ErrDuplicateTenant)
	faults, about := d.verify(r)
	assert.Empty(t, faults)
	assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}, about)

	other := newRecorder(t)
	require.ErrorIs(t, d.add(other, "g"), audit.ErrNoKey)
	assert.NotContains(t, d.text(), "id: g", "no change without its entry")
}

func testAuditTampering(t *testing.T, d *database) {
	r := newRecorder(t)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		require.NoError(t, d.add(r, id))
	}
	conn, err := d.cfg.connect(t.Context())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "delete from tenant_registry_audit where seq = 2")
	require.ErrorContains(t, err, "append-only")
	require.NoError(t, conn.Close(t.Context()))

	const mayChange = "alter table tenant_registry_audit disable trigger all; alter table tenant_registry_audit_hash disable trigger all; "
	const save = "create table saved as table tenant_registry_audit; create table saved_hash as table tenant_registry_audit_hash; create table saved_note as table tenant_registry_audit_checkpoint"
	const restore = `truncate tenant_registry_audit, tenant_registry_audit_hash, tenant_registry_audit_checkpoint;
		insert into tenant_registry_audit table saved; insert into tenant_registry_audit_hash table saved_hash; insert into tenant_registry_audit_checkpoint table saved_note`
	d.exec(mayChange + save)
	for name, sql := range map[string]string{
		"edited":                  "update tenant_registry_audit set entry = replace(entry, 'alice', 'mallory') where seq = 1",
		"dropped":                 "delete from tenant_registry_audit where seq = 1",
		"dropped and moved":       "delete from tenant_registry_audit where seq = 1; update tenant_registry_audit set seq = 1 where seq = 4",
		"cut off":                 "delete from tenant_registry_audit where seq = 4",
		"cut off with its hashes": "delete from tenant_registry_audit where seq = 4; delete from tenant_registry_audit_hash where idx >= 7",
		"numbers moved":           "update tenant_registry_audit set seq = seq + 10",
		"hash edited":             "update tenant_registry_audit_hash set hash = sha256('x') where idx = 0",
		"hash numbers":            "update tenant_registry_audit_hash set idx = 99 where idx = 7",
		"checkpoint edited":       "update tenant_registry_audit_checkpoint set note = replace(note, '5', '4')",
		"checkpoint gone":         "delete from tenant_registry_audit_checkpoint",
		"all gone":                "truncate tenant_registry_audit, tenant_registry_audit_hash, tenant_registry_audit_checkpoint",
	} {
		d.exec(sql)
		faults, _ := d.verify(r)
		assert.NotEmpty(t, faults, name)
		d.exec(restore)
		faults, _ = d.verify(r)
		assert.Empty(t, faults)
	}
	d.exec("truncate tenant_registry_audit, tenant_registry_audit_hash, tenant_registry_audit_checkpoint")
	require.ErrorIs(t, d.add(r, "f"), audit.ErrRestored)
}

func testMigrationOfAudit(t *testing.T, d *database) {
	require.NoError(t, withConn(t.Context(), d.cfg, func(conn *pgx.Conn) error {
		_, err := migrate(t.Context(), conn, 1)
		return err
	}))
	d.exec("insert into tenant_registry_tenants (id, position, document) values ('a', 1, E'  - id: a\n')")
	assert.Contains(t, d.text(), "- id: a", "a gateway reads the old layout")
	r := newRecorder(t)
	err := d.add(r, "b")
	require.ErrorIs(t, err, ErrSchema)
	require.ErrorContains(t, err, "registry migrate")
	was, is, err := Migrate(t.Context(), d.cfg)
	require.NoError(t, err)
	assert.Equal(t, []int{1, newest()}, []int{was, is})
	require.NoError(t, d.add(r, "b"))
	assert.Contains(t, d.text(), "- id: a")
	faults, about := d.verify(r)
	assert.Empty(t, faults)
	assert.Equal(t, map[string]int{"b": 1}, about)

	boom := errors.New("boom")
	require.ErrorIs(t, ReadAudit(context.Background(), d.cfg, func(audit.Storage, string) error { return boom }), boom)
}
