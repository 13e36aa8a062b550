// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestJournal_AddsAnEntryPerChange(t *testing.T) {
	f := newFixture(t)
	f.add("a")
	f.add("b")
	f.edit(func(*registryedit.Document) error { return nil }) // changes nothing
	f.edit(func(d *registryedit.Document) error {
		return d.Update("a", func(t *tenant.Tenant) error {
			t.Name, t.Vars["x_token"] = "A", "s3cret-s3cret"
			t.Keys = append(t.Keys, &tenant.Key{ID: "k1", Digest: tenant.Digest{1, 2, 3}, Scopes: tenant.NewSignals(tenant.Logs)})
			return nil
		})
	})
	assert.Equal(t, "[a b a]", f.requireIntact())

	var entries []*Entry
	r, err := Verify(t.Context(), f.dir, f.anchors(), func(e *Entry) { entries = append(entries, e) })
	require.NoError(t, err)
	registry, err := os.ReadFile(f.registry)
	require.NoError(t, err)
	assert.Equal(t, Hash(registry), r.LastAfter)
	assert.Empty(t, entries[0].Before, "the registry did not exist")
	assert.Equal(t, entries[0].After, entries[1].Before)
	e := entries[2]
	assert.Equal(t, []any{int64(2), "alice", "root@host", "tenant create", "ticket <7>"}, []any{e.Seq, e.Actor, e.User, e.Action, e.Reason})
	assert.Equal(t, time.Date(2026, 1, 1, 0, 3, 0, 0, time.UTC), e.Time)
	require.Len(t, e.Changes, 1)
	assert.Equal(t, map[string]any{}, e.Changes[0].Before)
	assert.Equal(t, map[string]any{"name": "A", "vars.x_token": "(hidden)", "keys.k1": map[string]any{"scopes": []any{"logs"}}}, e.Changes[0].After)
	for path, data := range f.files() {
		assert.NotContains(t, string(data), "s3cret", path)
		assert.NotContains(t, string(data), "010203", path)
	}
}

func TestJournal_CreatesTheKeyOnce(t *testing.T) {
	f := newFixture(t)
	f.add("a")
	info, err := os.Stat(f.recorder.Key)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	before, err := os.ReadFile(f.recorder.Key)
	require.NoError(t, err)
	f.add("b")
	after, err := os.ReadFile(f.recorder.Key)
	require.NoError(t, err)
	assert.Equal(t, before, after)

	edit := func() error {
		return registryedit.EditJournaled(t.Context(), f.registry, true, f.journal(), func(d *registryedit.Document) error { return d.Add(newTenant("c")) })
	}
	require.NoError(t, os.Chmod(f.recorder.Key, 0o644))
	require.ErrorContains(t, edit(), "chmod 600")
	require.NoError(t, os.Remove(f.recorder.Key))
	require.ErrorIs(t, edit(), ErrNoKey, "an existing log needs its own key")
	_, err = CreateKey(f.recorder.Key)
	require.NoError(t, err)
	require.ErrorContains(t, edit(), "not signed with the key")
	require.NoError(t, os.WriteFile(f.recorder.Key, []byte("PRIVATE+KEY+x+secret"), 0o600))
	err = edit()
	require.ErrorContains(t, err, "is not the key of an audit log")
	assert.NotContains(t, err.Error(), "secret")
	registry, err := os.ReadFile(f.registry)
	require.NoError(t, err)
	assert.NotContains(t, string(registry), "id: c", "a change that cannot be logged is not made")
}

// crash adds tenant c and stops after a step, as a crash would.
func (f *fixture) crash(step string) {
	f.t.Helper()
	ctx := f.t.Context()
	before, err := os.ReadFile(f.registry)
	require.NoError(f.t, err)
	doc, err := registryedit.NewDocument(before)
	require.NoError(f.t, err)
	tenants := doc.Tenants()
	require.NoError(f.t, doc.Add(newTenant("c")))
	j := f.journal()
	require.NoError(f.t, j.Prepare(ctx, before, tenants, doc))
	pendingFile, err := os.ReadFile(f.dir.pendingFile())
	require.NoError(f.t, err)
	if step == "prepared" {
		return
	}
	require.NoError(f.t, atomicfile.Write(f.registry, doc.Bytes()))
	if step == "replaced" {
		return
	}
	intact := f.files()
	require.NoError(f.t, j.Commit(ctx, doc.Bytes()))
	done := f.files()
	require.NoError(f.t, os.WriteFile(f.dir.pendingFile(), pendingFile, 0o600))
	entries, hashes := done[f.dir.entriesFile()], done[f.dir.hashesFile()]
	truncateTo := func(entriesTo, hashesTo int) {
		require.NoError(f.t, os.WriteFile(f.dir.checkpointFile(), intact[f.dir.checkpointFile()], 0o600))
		require.NoError(f.t, os.WriteFile(f.keys().LastKnown(), intact[f.dir.checkpointFile()], 0o600))
		require.NoError(f.t, os.WriteFile(f.dir.entriesFile(), entries[:entriesTo], 0o600))
		require.NoError(f.t, os.WriteFile(f.dir.hashesFile(), hashes[:hashesTo], 0o600))
	}
	switch step {
	case "half an entry written":
		truncateTo(len(entries)-10, len(intact[f.dir.hashesFile()]))
	case "entry written":
		truncateTo(len(entries), len(intact[f.dir.hashesFile()]))
	case "half a hash written":
		truncateTo(len(entries), len(hashes)-7)
	case "hashes written":
		truncateTo(len(entries), len(hashes))
	case "checkpoint written":
		require.NoError(f.t, os.WriteFile(f.keys().LastKnown(), intact[f.dir.checkpointFile()], 0o600))
	case "last known written":
	default:
		f.t.Fatal(step)
	}
}

func TestJournal_CrashKeepsRegistryAndLogConsistent(t *testing.T) {
	for step, want := range map[string]string{
		"prepared":              "[a b d]",
		"replaced":              "[a b c d]",
		"half an entry written": "[a b c d]",
		"entry written":         "[a b c d]",
		"half a hash written":   "[a b c d]",
		"hashes written":        "[a b c d]",
		"checkpoint written":    "[a b c d]",
		"last known written":    "[a b c d]",
	} {
		t.Run(step, func(t *testing.T) {
			f := newFixture(t)
			f.add("a")
			f.add("b")
			f.crash(step)
			pending, err := f.dir.Pending()
			require.NoError(t, err)
			assert.True(t, pending)
			f.add("d")
			assert.Equal(t, want, f.requireIntact())
			s, err := os.ReadFile(f.registry)
			require.NoError(t, err)
			assert.Equal(t, strings.Contains(want, "c"), strings.Contains(string(s), "id: c"), "the log agrees with the registry")
		})
	}
}

func TestJournal_CrashAndManualEditMakeTheEntryUncertain(t *testing.T) {
	f := newFixture(t)
	f.add("a")
	f.add("b")
	f.crash("prepared")
	require.NoError(t, os.WriteFile(f.registry, []byte("tenants:\n  - id: hand\n"), 0o600))
	f.add("d")
	assert.Equal(t, "[a b uncertainc d]", f.requireIntact())
}

func TestJournal_RejectsAForeignPendingFile(t *testing.T) {
	f := newFixture(t)
	f.add("a")
	f.crash("replaced")
	text, err := json.Marshal(pendingChange{Size: 1, Entry: Entry{Actor: "mallory"}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.dir.pendingFile(), append(text, '\n'), 0o600))
	err = registryedit.EditJournaled(t.Context(), f.registry, true, f.journal(), func(d *registryedit.Document) error { return d.Add(newTenant("d")) })
	require.ErrorContains(t, err, "was not written with the key of this log")
}

func TestJournal_DoesNotContinueADamagedLog(t *testing.T) {
	for name, damage := range map[string]func(f *fixture){
		"missing":          func(f *fixture) { require.NoError(f.t, os.RemoveAll(f.dir.path)) },
		"hashes edited":    func(f *fixture) { require.NoError(f.t, os.WriteFile(f.dir.hashesFile(), make([]byte, 96), 0o600)) },
		"hashes missing":   func(f *fixture) { require.NoError(f.t, os.Remove(f.dir.hashesFile())) },
		"checkpoint older": func(f *fixture) { f.add("c") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.add("a")
			f.add("b")
			old := f.files()
			damage(f)
			if name == "checkpoint older" {
				for path, data := range old {
					require.NoError(t, os.WriteFile(path, data, 0o600))
				}
			}
			err := registryedit.EditJournaled(t.Context(), f.registry, true, f.journal(), func(d *registryedit.Document) error { return d.Add(newTenant("d")) })
			want := ErrDamaged
			if name == "missing" || name == "checkpoint older" {
				want = ErrRestored // the log is intact or does not exist
			}
			require.ErrorIs(t, err, want)
			r, _ := f.verify()
			assert.NotEmpty(t, r.Faults)
		})
	}
}

// After a log was restored from a backup, changes that revoke a key are recorded,
// and the last known checkpoint remains until an operator accepts the log.
func TestJournal_ContinuesARestoredLog(t *testing.T) {
	for name, restore := range map[string]func(f *fixture, backup map[string][]byte){
		"log restored": func(f *fixture, backup map[string][]byte) {
			for path, data := range backup {
				require.NoError(f.t, os.WriteFile(path, data, 0o600))
			}
		},
		"log missing": func(f *fixture, _ map[string][]byte) { require.NoError(f.t, os.RemoveAll(f.dir.path)) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.add("a")
			backup := f.files()
			f.add("b")
			f.add("c")
			restore(f, backup)
			edit := func(policy RestorePolicy, id string) error {
				r := *f.recorder
				r.Restore, r.Action = policy, "key revoke"
				if policy == RestoreAccepted {
					r.Accepted = &Accepted{Epoch: 3}
				}
				return registryedit.EditJournaled(t.Context(), f.registry, true, NewJournal(&r, f.dir, f.registry),
					func(d *registryedit.Document) error { return d.Add(newTenant(id)) })
			}
			require.ErrorIs(t, edit(RestoreRejected, "d"), ErrRestored)
			for n := range 4 { // up to the length of the known log and beyond
				require.NoError(t, edit(RestoreTolerated, fmt.Sprint("x", n)))
				require.ErrorIs(t, edit(RestoreRejected, "d"), ErrRestored)
				r, _ := f.verify()
				require.NotEmpty(t, r.Faults)
			}
			require.NoError(t, edit(RestoreAccepted, "accepted"))
			var last *Entry
			r, err := Verify(t.Context(), f.dir, f.anchors(), func(e *Entry) { last = e })
			require.NoError(t, err)
			assert.Empty(t, r.Faults)
			assert.Equal(t, &Accepted{Epoch: 3}, last.Accepted)
			require.NoError(t, edit(RestoreRejected, "d"))
		})
	}
}

// A damaged log is moved aside, and a new log starts with the same change.
func TestJournal_StartsNewLog(t *testing.T) {
	f := newFixture(t)
	f.add("a")
	f.add("b")
	require.NoError(t, os.WriteFile(f.dir.hashesFile(), make([]byte, 96), 0o600))
	r := *f.recorder
	r.Restore, r.NewLog = RestoreAccepted, true
	require.NoError(t, registryedit.EditJournaled(t.Context(), f.registry, true, NewJournal(&r, f.dir, f.registry),
		func(d *registryedit.Document) error { return d.Add(newTenant("c")) }))
	report, entries := f.verify()
	assert.Empty(t, report.Faults)
	assert.Len(t, entries, 1)
	old, err := filepath.Glob(f.dir.path + "-old-*")
	require.NoError(t, err)
	assert.Len(t, old, 1)
}
