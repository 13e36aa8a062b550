// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// source is a registry that an operator edits, backs up and restores.
type source interface {
	edit(func(*registryedit.Document) error)
	backup() (restore func())
	accept(above int64)
	configure(cfg *Config)
}

func update(s source, id tenant.ID, change func(*tenant.Tenant)) {
	s.edit(func(d *registryedit.Document) error {
		return d.Update(id, func(t *tenant.Tenant) error { change(t); return nil })
	})
}

func revoke(s source, id tenant.ID) {
	update(s, id, func(t *tenant.Tenant) { t.Keys[0].RevokedAt = time.Now().UTC().Truncate(time.Second) })
}

func suspend(s source, id tenant.ID) {
	update(s, id, func(t *tenant.Tenant) { t.Status = tenant.StatusSuspended })
}

func rename(s source, id tenant.ID, name string) {
	update(s, id, func(t *tenant.Tenant) { t.Name = name })
}

// noJournal is a journal of nothing: it makes an edit that of tenantctl.
type noJournal struct{}

func (noJournal) Begin(context.Context, []byte) error { return nil }

func (noJournal) Prepare(context.Context, []byte, []*tenant.Tenant, *registryedit.Document) error {
	return nil
}

func (noJournal) Commit(context.Context, []byte) error { return nil }

type fileSource struct {
	t    *testing.T
	path string
}

func (s *fileSource) edit(change func(*registryedit.Document) error) {
	s.t.Helper()
	require.NoError(s.t, registryedit.EditJournaled(s.t.Context(), s.path, true, noJournal{}, change))
}

func (s *fileSource) accept(above int64) {
	s.t.Helper()
	require.NoError(s.t, registryedit.Accept(s.t.Context(), s.path, func(was int64) int64 { return max(was, above) + 1 }, noJournal{},
		func(*registryedit.Document) error { return nil }))
}

func (s *fileSource) backup() func() {
	data, err := os.ReadFile(s.path)
	require.NoError(s.t, err)
	return func() { require.NoError(s.t, atomicfile.Write(s.path, data)) }
}

func (s *fileSource) configure(cfg *Config) { cfg.File.Path = s.path }

// dbSource is a fixture of a database.
type dbSource struct{ *dbFixture }

func (s dbSource) edit(change func(*registryedit.Document) error) {
	s.t.Helper()
	require.NoError(s.t, registrydb.Edit(s.t.Context(), s.admin, registrydb.Options{}, change))
}

func (s dbSource) accept(above int64) {
	s.t.Helper()
	require.NoError(s.t, registrydb.Edit(s.t.Context(), s.admin, registrydb.Options{Epoch: func(was int64) int64 { return max(was, above) + 1 }},
		func(*registryedit.Document) error { return nil }))
}

func (s dbSource) backup() func() {
	dump := s.server.Dump(s.database)
	return func() { s.server.Restore(s.database, dump) }
}

func (s dbSource) configure(cfg *Config) { cfg.File, cfg.Postgres = s.cfg.File, s.cfg.Postgres }

// fleet is gateways of one registry, and what works on any of them.
type fleet struct {
	t        *testing.T
	gateways []*fixture
}

func newFleet(t *testing.T, s source, size int) *fleet {
	f := &fleet{t: t}
	for range size {
		g := newFixture(t)
		s.configure(g.cfg)
		g.cfg.Snapshot = filepath.Join(g.dir, "registry.snapshot")
		g.start()
		f.gateways = append(f.gateways, g)
	}
	return f
}

// works reports whether a gateway accepts the key of a tenant.
func works(g *fixture, id tenant.ID) bool {
	s := g.running.Load().Snapshot()
	if s == nil {
		return false
	}
	k := s.Key(digestOf(id))
	return k != nil && k.RevokedAt.IsZero() && k.Tenant().Status == tenant.StatusActive
}

// digestOf is that of the key which yamlOf gives a tenant.
func digestOf(id tenant.ID) tenant.Digest {
	var d tenant.Digest
	copy(d[len(d)-len(id):], id)
	return d
}

func (f *fleet) soon(want bool, ids ...tenant.ID) {
	f.t.Helper()
	for _, g := range f.gateways {
		for _, id := range ids {
			require.Eventually(f.t, func() bool { return works(g, id) == want }, inForceWithin, time.Millisecond, "key of %s", id)
		}
	}
}

// never calls f, and again whenever it returns, and fails if any of the keys works
// on any gateway meanwhile.
func (f *fleet) never(ids []tenant.ID, during func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		for ctx.Err() == nil {
			for n, g := range f.gateways {
				for _, id := range ids {
					assert.False(f.t, works(g, id), "the key of %s works on gateway %d", id, n)
				}
			}
			time.Sleep(200 * time.Microsecond) // other goroutines need the processor
		}
	})
	defer watch.Wait()
	defer cancel()
	during()
}

// rejected waits until every gateway rejects the source as another history, and
// returns the command that it names.
func (f *fleet) rejected() string {
	f.t.Helper()
	var command string
	for _, g := range f.gateways {
		require.Eventually(f.t, func() bool {
			h := g.reg.health()
			return h.Failure != nil && h.Failure.Class == healthboard.FailureForked
		}, inForceWithin, time.Millisecond)
		command = g.reg.health().Failure.Action
		advice := fmt.Sprintf("If a backup was restored on purpose, run %q", command)
		require.Eventually(f.t, func() bool {
			logged := g.errorsLogged()
			return len(logged) > 0 && strings.Contains(logged[len(logged)-1], advice)
		}, inForceWithin, time.Millisecond, "the log has no %s", advice)
		metadatatest.AssertEqualExtensionTenantRegistryForked(f.t, g.tel, []metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	}
	return command
}

func (f *fleet) agree() {
	f.t.Helper()
	for _, g := range f.gateways {
		require.Eventually(f.t, func() bool { return g.reg.health().Failure == nil }, inForceWithin, time.Millisecond)
	}
}

func aboveOf(t *testing.T, command string) (above int64) {
	if _, flag, ok := strings.Cut(command, "--above "); ok {
		_, err := fmt.Sscan(flag, &above)
		require.NoError(t, err)
	}
	return above
}

func forEachSource(t *testing.T, test func(t *testing.T, s source)) {
	t.Run("file", func(t *testing.T) {
		s := &fileSource{t, filepath.Join(t.TempDir(), "tenants.yaml")}
		s.edit(func(d *registryedit.Document) error {
			return d.Replace([]byte(yamlOf("good", "revoked", "suspended", "late")))
		})
		test(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, dbSource{newDBFixture(t, pgtest.Start(t), "good", "revoked", "suspended", "late")})
	})
}

// Backup, revoke, suspend, restore, changes until the revision numbers meet and
// pass each other: nothing that was ended works at any moment on three gateways, of
// which one restarts, and the command that they name leads out. Twice, since the
// second restore is of a backup from before the first.
func TestRestoreDrill(t *testing.T) {
	forEachSource(t, func(t *testing.T, s source) {
		f := newFleet(t, s, 3)
		f.soon(true, "good", "revoked", "suspended", "late")
		rename(s, "good", "before")
		restore := s.backup()
		for round := range 2 {
			revoke(s, "revoked")
			suspend(s, "suspended")
			rename(s, "good", "after")
			f.soon(false, "revoked", "suspended")
			f.never([]tenant.ID{"revoked", "suspended"}, func() {
				restore()
				command := f.rejected()
				for n := range 5 { // behind, at and past the revision in force
					rename(s, "good", fmt.Sprint("restored ", n))
					time.Sleep(20 * time.Millisecond) // gateways may or may not read this version
					f.gateways[1].stop()
					f.gateways[1].start()
					assert.Equal(t, command, f.rejected())
				}
				f.soon(true, "good")
				// The operator ends again what was ended, and more, before accepting.
				revoke(s, "revoked")
				suspend(s, "suspended")
				revoke(s, "late")
				f.soon(false, "late")
				s.accept(aboveOf(t, command))
				f.agree()
			})
			f.soon(true, "good")
			f.soon(false, "late")
			if round == 0 {
				assert.Contains(t, f.gateways[0].reg.Snapshot().Tenant("good").Name, "restored 4")
			}
		}
	})
}

// A suspension in a restored registry applies before the registry is accepted. A suspension in a
// standby that lags does not.
func TestRestored_EndsKeysThatEndedLater(t *testing.T) {
	forEachSource(t, func(t *testing.T, s source) {
		suspend(s, "late")
		f := newFleet(t, s, 1)
		restore := s.backup() // with the tenant suspended
		update(s, "late", func(t *tenant.Tenant) { t.Status = tenant.StatusActive })
		f.soon(true, "late", "good")
		restore()
		f.rejected()
		require.Never(t, func() bool { return !works(f.gateways[0], "late") }, 500*time.Millisecond, time.Millisecond, "it is resumed in what is in force")
		rename(s, "good", "x")
		rename(s, "good", "y")
		rename(s, "good", "z")
		suspend(s, "good")
		f.soon(false, "good")
		assert.True(t, works(f.gateways[0], "late"))
		f.gateways[0].stop()
		f.gateways[0].start()
		f.rejected()
		f.soon(false, "good")
	})
}

// Without a copy on disk a gateway cannot know, and with one of an older revision
// it knows what it says.
func TestRestored_FromACopy(t *testing.T) {
	forEachSource(t, func(t *testing.T, s source) {
		f := newFleet(t, s, 2)
		var old []byte
		require.Eventually(t, func() (written bool) {
			var err error
			old, err = os.ReadFile(f.gateways[0].cfg.Snapshot)
			return err == nil
		}, inForceWithin, time.Millisecond)
		restore := s.backup()
		revoke(s, "revoked")
		f.soon(false, "revoked")
		restore()
		f.rejected()
		f.gateways[0].stop()
		require.NoError(t, os.WriteFile(f.gateways[0].cfg.Snapshot, old, 0o600))
		f.gateways[0].start()
		assert.True(t, works(f.gateways[0], "revoked"), "a copy that was restored too")
		f.gateways[0].stop()
		require.NoError(t, os.Remove(f.gateways[0].cfg.Snapshot))
		f.gateways[0].start()
		assert.True(t, works(f.gateways[0], "revoked"), "no copy")
		assert.False(t, works(f.gateways[1], "revoked"))
	})
}

// A file that operators edit by hand has no history. What was ended permanently stays
// ended anyway; a tenant may be resumed, and its routes restored.
func TestFileWithoutHistory(t *testing.T) {
	f := newFixture(t)
	f.cfg.Snapshot = filepath.Join(f.dir, "copies", "registry.snapshot")
	revoked := strings.ReplaceAll(yamlOf("a", "b"), "scopes: [logs]}", "scopes: [logs], revoked_at: 2026-01-01T00:00:00Z}")
	f.replace(strings.Replace(revoked, "  - id: b\n", "  - id: b\n    status: suspended\n", 1))
	f.start()
	require.Equal(t, "a b", f.ids())
	f.replace(revoked)
	require.Eventually(t, func() bool { return f.reg.Snapshot().Tenant("b").Status == tenant.StatusActive }, inForceWithin, time.Millisecond)

	f.replace(yamlOf("a", "b"))
	fl := &fleet{t, []*fixture{f}}
	fl.never([]tenant.ID{"a", "b"}, func() {
		require.Equal(t, "tenantctl registry accept-restore", fl.rejected())
		assert.Contains(t, f.errorsLogged()[0], "keys or tenants that were ended would be valid again, as in a restored backup:\nkey k-a of tenant a was revoked at 2026-01-01T00:00:00Z\nkey k-b of tenant b")
		f.stop()
		f.start()
		fl.rejected()
		f.replace(revoked)
		fl.agree()
		// Another ID does not make it another key.
		f.replace(strings.ReplaceAll(yamlOf("a", "b"), "id: k-", "id: new-"))
		fl.rejected()
	})
	(&fileSource{t, f.path}).accept(0)
	fl.soon(true, "a", "b")
}

// The history of a file goes back some dozen edits. A gateway that was away for
// longer takes the file if nothing works again that was ended.
func TestFile_MissingForLong(t *testing.T) {
	s := &fileSource{t, filepath.Join(t.TempDir(), "tenants.yaml")}
	s.edit(func(d *registryedit.Document) error { return d.Replace([]byte(yamlOf("good", "suspended"))) })
	restore := s.backup()
	suspend(s, "suspended")
	f := newFleet(t, s, 2)
	for _, g := range f.gateways {
		g.stop()
	}
	many := func() {
		for n := range 100 {
			rename(s, "good", fmt.Sprint(n))
		}
	}
	many()
	f.gateways[0].start()
	assert.Nil(t, f.gateways[0].reg.health().Failure)
	restore()
	many()
	f.gateways[1].start()
	require.Equal(t, healthboard.FailureForked, f.gateways[1].reg.health().Failure.Class)
	assert.Contains(t, f.gateways[1].errorsLogged()[0], "tenant suspended was suspended")
	assert.False(t, works(f.gateways[1], "suspended"))
}

// A file that lost its history line, has it twice, or is another registry's is
// rejected where it was known.
func TestFile_DamagedHistory(t *testing.T) {
	s := &fileSource{t, filepath.Join(t.TempDir(), "tenants.yaml")}
	s.edit(func(d *registryedit.Document) error { return d.Replace([]byte(yamlOf("good"))) })
	f := newFleet(t, s, 1)
	good, err := os.ReadFile(s.path)
	require.NoError(t, err)
	line, rest, _ := strings.Cut(string(good), "\n")
	require.True(t, strings.HasPrefix(line, "# history: registry "))
	for name, text := range map[string]string{
		"gone": rest, "twice": line + "\n" + string(good), "edited": strings.Replace(string(good), "epoch 0", "epoch x", 1),
		"of another registry": line[:19] + "ffffffffffffffff" + line[35:] + "\n" + rest,
	} {
		require.NoError(t, atomicfile.Write(s.path, []byte(text)), name)
		f.rejected()
		require.NoError(t, atomicfile.Write(s.path, good))
		f.agree()
	}
	require.NoError(t, atomicfile.Write(s.path, []byte(rest)))
	f.rejected()
	s.accept(0)
	f.agree()
	rename(s, "good", "by hand")
	data, err := os.ReadFile(s.path)
	require.NoError(t, err)
	require.NoError(t, atomicfile.Write(s.path, []byte(strings.Replace(string(data), "by hand", "by hand too", 1))))
	require.Eventually(t, func() bool { return f.gateways[0].reg.Snapshot().Tenant("good").Name == "by hand too" }, inForceWithin, time.Millisecond)
}

// A suspended tenant is not ended permanently, so that only the history distinguishes a
// restored backup from an operator who resumes it.
func TestRestoreDrill_OfASuspension(t *testing.T) {
	forEachSource(t, func(t *testing.T, s source) {
		f := newFleet(t, s, 1)
		restore := s.backup()
		suspend(s, "suspended")
		f.soon(false, "suspended")
		f.never([]tenant.ID{"suspended"}, func() {
			restore()
			f.rejected()
			for n := range 4 { // up to the revision in force, and past it
				rename(s, "good", fmt.Sprint("restored ", n))
				time.Sleep(150 * time.Millisecond) // the gateway reads this version, which changes nothing that it shows
				f.rejected()
			}
		})
		s.accept(0)
		f.agree()
		suspend(s, "suspended")
		f.soon(false, "suspended")
		update(s, "suspended", func(t *tenant.Tenant) { t.Status = tenant.StatusActive })
		f.soon(true, "suspended")
	})
}
