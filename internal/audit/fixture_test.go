// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fixture is a registry file with its log.
type fixture struct {
	t        *testing.T
	registry string
	dir      *Dir
	recorder *Recorder
}

func newFixture(t *testing.T) *fixture { return newFixtureIn(t, t.TempDir()) }

// memoryDir returns a directory in memory if the system has one.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "audit") //nolint:usetesting // t.TempDir cannot name the parent directory
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func newFixtureIn(t *testing.T, dir string) *fixture {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &fixture{
		t: t, registry: filepath.Join(dir, "tenants.yaml"), dir: NewDir(filepath.Join(dir, "log")),
		recorder: &Recorder{
			Actor: "alice", User: "root@host", Action: "tenant create", Reason: "ticket <7>", Key: filepath.Join(dir, "key"),
			Now: func() time.Time { clock = clock.Add(time.Minute); return clock },
		},
	}
}

func (f *fixture) journal() *Journal { return NewJournal(f.recorder, f.dir, f.registry) }

func (f *fixture) edit(change func(*registryedit.Document) error) {
	f.t.Helper()
	require.NoError(f.t, registryedit.EditJournaled(f.t.Context(), f.registry, true, f.journal(), change))
}

func (f *fixture) add(id string) {
	f.t.Helper()
	f.edit(func(d *registryedit.Document) error { return d.Add(newTenant(id)) })
}

func newTenant(id string) *tenant.Tenant {
	return &tenant.Tenant{ID: tenant.ID(id), Status: tenant.StatusActive, Isolation: tenant.IsolationShared}
}

func (f *fixture) keys() Keys { return Keys{Path: f.recorder.Key, Registry: f.registry} }

func (f *fixture) anchors() Anchors {
	f.t.Helper()
	key, err := ReadKey(f.recorder.Key)
	require.NoError(f.t, err)
	return Anchors{Public: key.Public(), LastKnown: f.keys().LastKnown()}
}

// verify returns the report and the tenants that the entries change.
func (f *fixture) verify() (*Report, []string) {
	f.t.Helper()
	tenants := []string{}
	r, err := Verify(context.Background(), f.dir, f.anchors(), func(e *Entry) {
		text := e.Outcome
		for _, c := range e.Changes {
			text += c.Tenant
		}
		tenants = append(tenants, text)
	})
	require.NoError(f.t, err)
	return r, tenants
}

// requireIntact fails the test if the log has a fault, and returns the tenants that
// the entries change.
func (f *fixture) requireIntact() string {
	f.t.Helper()
	r, tenants := f.verify()
	require.Empty(f.t, r.Faults)
	pending, err := f.dir.Pending()
	require.NoError(f.t, err)
	require.False(f.t, pending)
	return fmt.Sprint(tenants)
}

func (f *fixture) files() map[string][]byte {
	f.t.Helper()
	out := make(map[string][]byte)
	for _, path := range []string{f.dir.entriesFile(), f.dir.hashesFile(), f.dir.checkpointFile()} {
		data, err := os.ReadFile(path)
		require.NoError(f.t, err)
		out[path] = data
	}
	return out
}
