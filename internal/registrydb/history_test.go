// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (d *database) rename(id tenant.ID, name string) {
	d.t.Helper()
	require.NoError(d.t, Edit(d.t.Context(), d.cfg, Options{}, func(doc *registryedit.Document) error {
		return doc.Update(id, func(t *tenant.Tenant) error { t.Name = name; return nil })
	}))
}

func (d *database) accept(above int64) {
	d.t.Helper()
	require.NoError(d.t, Edit(d.t.Context(), d.cfg, Options{Epoch: func(was int64) int64 { return max(was, above) + 1 }},
		func(*registryedit.Document) error { return nil }))
}

func testReaderHistory(t *testing.T, d *database) {
	d.create(twoTenants)
	d.rename("a", "first")
	backup := d.server.Copy(d.name)
	r := d.reader()
	seen, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	d.rename("a", "second")
	judge := func(r *Reader, taken history.Version) (Loaded, history.Relation) {
		t.Helper()
		loaded, err := r.Load(t.Context(), taken)
		require.NoError(t, err)
		relation, _ := history.Compare(taken, loaded.Version, loaded.Contains)
		return loaded, relation
	}
	taken, relation := judge(r, seen.Version)
	assert.Equal(t, history.Descends, relation)
	_, err = r.Load(t.Context(), seen.Version)
	require.ErrorIs(t, err, ErrUnchanged)

	// The backup is the same registry in another database, with the same role.
	other, err := ParseDSN(d.server.DSN(backup))
	require.NoError(t, err)
	restored := &database{t, d.server, backup, other}
	rr := restored.reader()
	fresh := func() *Reader { // with the same rights
		r := NewReader(rr.cfg, 5*time.Second)
		t.Cleanup(r.Close)
		return r
	}
	_, relation = judge(rr, taken.Version)
	assert.Equal(t, history.Forked, relation, "behind")
	for n := range 4 { // up to, at and above the revision that was taken
		restored.rename("b", fmt.Sprint(n))
		loaded, relation := judge(rr, taken.Version)
		assert.Equal(t, history.Forked, relation, "at revision %d, %d was taken", loaded.Version.Revision, taken.Version.Revision)
		_, relation = judge(fresh(), seen.Version)
		assert.Equal(t, history.Descends, relation, "of what was taken before the backup")
	}
	restored.accept(0)
	accepted, relation := judge(rr, taken.Version)
	assert.Equal(t, history.Accepted, relation)
	restored.rename("b", "after")
	_, relation = judge(rr, accepted.Version)
	assert.Equal(t, history.Descends, relation)
	_, relation = judge(r, accepted.Version)
	assert.Equal(t, history.Forked, relation, "the abandoned history is not taken any more")
}

func testHeadWithEntry(t *testing.T, d *database) {
	d.create(twoTenants)
	r := d.reader()
	for name, head := range map[string]string{
		"below":      "tenants:\n  - id: evil\n",
		"in a list":  "tenants: [{id: evil}]\n",
		"other keys": "other: 1\ntenants:\n",
		"an anchor":  "tenants: &x [{id: evil}]\n",
	} {
		d.create(twoTenants)
		_, err := r.Load(t.Context(), history.Version{})
		require.NoError(t, err)
		d.exec("update tenant_registry set head = '" + head + "'")
		_, err = r.Load(t.Context(), history.Version{})
		require.ErrorIs(t, err, ErrInconsistent, name)
		require.ErrorContains(t, err, "correct the column head of the table tenant_registry: the text before the first tenant", name)
		d.exec("delete from tenant_registry_tenants")
		_, err = r.Load(t.Context(), history.Version{})
		require.ErrorIs(t, err, ErrInconsistent, name, "without rows")
		d.exec("update tenant_registry set head = 'tenants:\n'")
	}
}

// Every command says the same of a registry whose tables or row are gone, and that
// leads out.
func testRepair(t *testing.T, d *database) {
	nothing := func(*registryedit.Document) error { return nil }
	all := func() map[string]error {
		_, read := Read(t.Context(), d.cfg)
		_, _, migrated := Migrate(t.Context(), d.cfg)
		return map[string]error{"read": read, "edit": Edit(t.Context(), d.cfg, Options{}, nothing), "migrate": migrated}
	}
	d.create(twoTenants)
	d.exec("delete from tenant_registry")
	for name, err := range all() {
		require.ErrorIs(t, err, ErrRowGone, name)
	}
	d.accept(7)
	assert.Equal(t, strings.TrimSuffix(registryfile.Empty, "tenants: []\n")+"tenants:\n  - id: a # first\n    name: A\n  - {id: b}\n", d.text())

	d.exec("drop table tenant_registry_history; drop function tenant_registry_had")
	d.exec("drop trigger note_history on tenant_registry")
	r := d.reader()
	taken, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	d.rename("a", "later")
	_, err = r.Load(t.Context(), taken.Version)
	require.ErrorContains(t, err, `the history of the registry is not in the database: it was restored in part; run "tenantctl registry accept-restore"`)
	d.accept(taken.Version.Epoch)
	loaded, err := r.Load(t.Context(), taken.Version)
	require.NoError(t, err)
	relation, _ := history.Compare(taken.Version, loaded.Version, loaded.Contains)
	assert.Equal(t, history.Accepted, relation)

	d.exec("drop table tenant_registry, tenant_registry_tenants cascade")
	for name, err := range map[string]error{"edit": Edit(t.Context(), d.cfg, Options{}, nothing)} {
		require.ErrorIs(t, err, ErrNoRegistry, name)
	}
	_, err = Read(t.Context(), d.cfg)
	require.ErrorIs(t, err, ErrNoRegistry)
	require.ErrorIs(t, Edit(t.Context(), d.cfg, Options{Epoch: func(int64) int64 { return 1 }}, nothing), ErrNoRegistry)
}

// silentProxy forwards connections to a server. Those that are open when it is
// silenced are never answered again.
type silentProxy struct {
	net.Listener
	mu     sync.Mutex
	silent map[net.Conn]bool
	conns  map[net.Conn]net.Conn
	deaf   bool // new connections are not answered either
	down   sync.WaitGroup
}

func newSilentProxy(t *testing.T, port int) *silentProxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &silentProxy{Listener: l, silent: map[net.Conn]bool{}, conns: map[net.Conn]net.Conn{}}
	p.down.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				_ = c.Close()
				continue
			}
			p.mu.Lock()
			p.conns[c], p.silent[c] = s, p.deaf
			p.mu.Unlock()
			p.down.Go(func() { _, _ = io.Copy(s, c) })
			p.down.Go(func() {
				buf := make([]byte, 1<<16)
				for {
					n, err := s.Read(buf)
					p.mu.Lock()
					silent := p.silent[c]
					p.mu.Unlock()
					if err != nil {
						return
					}
					if !silent {
						_, _ = c.Write(buf[:n])
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for c, s := range p.conns {
			_, _ = c.Close(), s.Close()
		}
		p.mu.Unlock()
		p.down.Wait()
	})
	return p
}

func (p *silentProxy) silence(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.silent[c] = true
	}
	p.deaf = deaf
}

func testHedge(t *testing.T, d *database) {
	d.create(twoTenants)
	p := newSilentProxy(t, d.server.Port())
	cfg, err := ParseDSN(fmt.Sprintf("postgres://admin:%s@%s/%s?sslmode=disable", pgtest.Password, p.Addr(), d.name))
	require.NoError(t, err)
	r := NewReader(cfg, time.Minute) // longer than the test: waiting for it would show
	t.Cleanup(r.Close)
	_, err = r.Load(t.Context(), history.Version{})
	require.NoError(t, err)
	assert.True(t, r.SilentSince().IsZero())

	p.silence(false)
	d.rename("a", "other")
	loaded, err := r.Load(t.Context(), history.Version{})
	require.NoError(t, err, "over another connection")
	assert.Contains(t, string(loaded.Text), "other")

	// The database hangs for new connections too, and comes back for them alone.
	p.silence(true)
	d.rename("a", "more")
	time.AfterFunc(time.Second, func() { p.silence(false) })
	done := make(chan error, 1)
	go func() {
		loaded, err = r.Load(t.Context(), history.Version{})
		done <- err
	}()
	require.Eventually(t, func() bool { return !r.SilentSince().IsZero() && time.Since(r.SilentSince()) > hedgeAfter }, 5*time.Second, time.Millisecond)
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("the reader waits for a connection that is never answered")
	}
	assert.Contains(t, string(loaded.Text), "more")

	// A hang, and the end of the caller's patience, leave nothing behind.
	p.silence(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = r.Load(ctx, history.Version{})
	require.ErrorContains(t, err, "did not answer within")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func testPassfile(t *testing.T, d *database) {
	gone := filepath.Join(t.TempDir(), "gone")
	for name, dsn := range map[string]string{
		"URL":      fmt.Sprintf("postgres://admin@127.0.0.1:%d/%s?passfile=%s", d.server.Port(), d.name, gone),
		"keywords": fmt.Sprintf("host=127.0.0.1 port=%d user=admin dbname=%s passfile='%s'", d.server.Port(), d.name, gone),
	} {
		cfg, err := ParseDSN(dsn)
		require.NoError(t, err, name)
		_, err = Read(t.Context(), cfg)
		require.ErrorContains(t, err, fmt.Sprintf("(passfile: the file of the password cannot be read: %q: no such file", gone), name)
	}
	t.Setenv("PGPASSFILE", gone)
	cfg, err := ParseDSN(fmt.Sprintf("postgres://admin@127.0.0.1:%d/%s", d.server.Port(), d.name))
	require.NoError(t, err)
	_, err = Read(t.Context(), cfg)
	require.ErrorContains(t, err, "(PGPASSFILE: the file of the password cannot be read: ")
}
