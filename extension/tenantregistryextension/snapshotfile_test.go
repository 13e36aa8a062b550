// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func settings(f *fixture) extension.Settings {
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = f.tel.NewTelemetrySettings()
	return set
}

func TestStart_FromTheCopyWhileTheSourceIsUnavailable(t *testing.T) {
	for name, spoil := range map[string]func(f *fixture){
		"away": func(f *fixture) { require.NoError(f.t, os.Remove(f.path)) },
		"bad":  func(f *fixture) { f.replace("tenants: [") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.cfg.Snapshot = filepath.Join(f.dir, "state", "registry.snapshot")
			f.replace(yamlOf("a", "b"))
			f.start()
			hash := f.reg.Snapshot().Hash()
			f.stop()
			info, err := os.Stat(f.cfg.Snapshot)
			require.NoError(t, err)
			assert.Equal(t, fs.FileMode(0o600), info.Mode())

			spoil(f)
			f.start()
			assert.Equal(t, "a b", f.ids())
			assert.Equal(t, hash, f.reg.Snapshot().Hash())
			assert.Equal(t, componentstatus.StatusRecoverableError, f.host.status())
			assert.Equal(t, 1, f.logs.FilterMessage("Started with the copy of the registry").Len())
			assert.Contains(t, f.errorsLogged()[len(f.errorsLogged())-1], "without a copy, no tenant is known")

			f.replace(yamlOf("c"))
			f.eventually("c")
			f.stop()
			require.NoError(t, os.Remove(f.path))
			f.start()
			assert.Equal(t, "c", f.ids(), "the copy follows")
		})
	}
}

// A change that comes into force while the extension stops is in the copy: the
// revocation of a key must not be undone by a start without the source.
func TestShutdown_SavesTheLastChange(t *testing.T) {
	f := newFixture(t)
	f.cfg.Snapshot = filepath.Join(f.dir, "registry.snapshot")
	f.replace(yamlOf("a"))
	f.start()
	stopping := make(chan struct{})
	cancel := f.reg.cancel
	f.reg.cancel = sync.OnceFunc(func() { cancel(); close(stopping) })
	stopped := make(chan struct{})
	f.reg.Subscribe(func(s *tenant.Snapshot) { // it is in force, and not yet handed over to be saved
		if s.Len() != 2 {
			return
		}
		go func() { defer close(stopped); f.stop() }()
		<-stopping
		time.Sleep(100 * time.Millisecond) // a saving goroutine that ends too early ends within this time
	})
	f.replace(yamlOf("a", "b"))
	<-stopped
	require.NoError(t, os.Remove(f.path))
	f.start()
	assert.Equal(t, "a b", f.ids())
}

func TestStart_WithADamagedCopyHasNoTenant(t *testing.T) {
	for name, spoil := range map[string]func(data []byte) []byte{
		"cut off": func(data []byte) []byte { return data[:len(data)-1] },
		"edited":  func(data []byte) []byte { data[len(data)-10] ^= 1; return data },
		"foreign": func([]byte) []byte { return []byte(yamlOf("a")) },
		"empty":   func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.cfg.Snapshot = filepath.Join(f.dir, "registry.snapshot")
			b := snapshotFile{f.cfg.Snapshot}
			require.NoError(t, b.write(content{data: []byte(yamlOf("a")), readAt: time.Now()}))
			data, err := os.ReadFile(b.path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(b.path, spoil(data), 0o600))
			f.start()
			assert.Equal(t, "none", f.ids())
			assert.Len(t, f.errorsLogged(), 2)
		})
	}
}

func TestBackup_KeepsTheTime(t *testing.T) {
	b := snapshotFile{filepath.Join(t.TempDir(), "copy")}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	for _, text := range []string{yamlOf("a"), ""} {
		mark := history.Version{Kind: history.KindFile, Registry: "r", Epoch: 1, Revision: 2, Token: "t"}
		require.NoError(t, b.write(content{data: []byte(text), readAt: at, version: mark, changedAt: at.Add(time.Hour)}))
		c, err := b.read()
		require.NoError(t, err)
		assert.Equal(t, text, string(c.data))
		assert.Equal(t, mark, c.version)
		assert.True(t, at.Equal(c.readAt))
		assert.True(t, at.Add(time.Hour).Equal(c.changedAt))
	}
}

func TestSnapshotFile_WriteFailureDelaysNoChange(t *testing.T) {
	f := newFixture(t)
	blocker := filepath.Join(f.dir, "blocker")
	require.NoError(t, os.WriteFile(blocker, nil, 0o600))
	f.cfg.Snapshot = filepath.Join(blocker, "registry.snapshot")
	f.replace(yamlOf("a"))
	f.start()
	f.replace(yamlOf("a", "b"))
	f.eventually("a b")
	require.Eventually(t, func() bool { return len(f.errorsLogged()) > 0 }, inForceWithin, time.Millisecond)
	assert.Contains(t, f.errorsLogged()[0], "Failed to write the snapshot file of the registry")
}

// A copy that could not be written when the change came is written later, at the
// latest when the extension stops.
func TestShutdown_RetriesAFailedSave(t *testing.T) {
	f := newFixture(t)
	folder := filepath.Join(f.dir, "copies")
	f.cfg.Snapshot = filepath.Join(folder, "registry.snapshot")
	f.cfg.PollInterval = time.Hour
	require.NoError(t, os.WriteFile(folder, nil, 0o600)) // no folder can be made there
	f.replace(yamlOf("a"))
	f.start()
	require.Eventually(t, func() bool { return len(f.errorsLogged()) == 1 }, inForceWithin, time.Millisecond)
	require.NoError(t, os.Remove(folder))
	f.stop()
	require.NoError(t, os.Remove(f.path))
	f.start()
	assert.Equal(t, "a", f.ids())
}

func TestSave_TriesAgain(t *testing.T) {
	f := newFixture(t)
	folder := filepath.Join(f.dir, "copies")
	f.cfg.Snapshot = filepath.Join(folder, "registry.snapshot")
	f.cfg.PollInterval = 5 * time.Millisecond
	require.NoError(t, os.WriteFile(folder, nil, 0o600))
	f.replace(yamlOf("a"))
	f.start()
	require.Eventually(t, func() bool { return len(f.errorsLogged()) > 0 }, inForceWithin, time.Millisecond)
	time.Sleep(50 * time.Millisecond) // ten attempts
	assert.Len(t, f.errorsLogged(), 1, "it is logged once")
	require.NoError(t, os.Remove(folder))
	require.Eventually(t, func() bool { _, err := os.Stat(f.cfg.Snapshot); return err == nil }, inForceWithin, time.Millisecond)
}

// A copy that an earlier version wrote has no mark, and serves anyway. What
// was ended permanently in it stays ended.
func TestStart_WithACopyOfAnEarlierVersion(t *testing.T) {
	f := newFixture(t)
	f.cfg.Snapshot = filepath.Join(f.dir, "registry.snapshot")
	text := strings.ReplaceAll(yamlOf("a"), "scopes: [logs]}", "scopes: [logs], revoked_at: 2026-01-01T00:00:00Z}")
	head := fmt.Sprintf(snapshotHeader, time.Now().UTC().Format(time.RFC3339Nano), sha256.Sum256([]byte(text)))
	require.NoError(t, os.WriteFile(f.cfg.Snapshot, []byte(head+text), 0o600))
	f.start()
	assert.Equal(t, "a", f.ids())
	f.stop()
	f.replace(yamlOf("a"))
	f.start()
	assert.False(t, works(f, "a"))
	assert.Equal(t, healthboard.FailureForked, f.reg.health().Failure.Class)
	f.replace(text + "  - id: b\n")
	f.eventually("a b")
}
