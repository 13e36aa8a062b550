// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package boltfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

func TestLocate_FindsTheFilesOfFileStorage(t *testing.T) {
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = t.TempDir()
	ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { assert.NoError(t, ext.Shutdown(t.Context())) }()
	for _, kind := range []component.Kind{component.KindExporter, component.KindProcessor} {
		for _, id := range []component.ID{component.MustNewID("tenant_routing"), component.MustNewIDWithName("tenant_routing", "a/b ~é")} {
			path, ok := Locate(ext, kind, id, "lanes_index")
			require.True(t, ok)
			state, err := Inspect(path)
			require.NoError(t, err)
			assert.Equal(t, Missing, state)

			c, err := ext.(storage.Extension).GetClient(t.Context(), kind, id, "lanes_index")
			require.NoError(t, err)
			state, err = Inspect(path)
			require.NoError(t, err)
			assert.Equal(t, Busy, state, "it exists where it was looked for")
			require.NoError(t, c.Close(t.Context()))
			state, err = Inspect(path)
			require.NoError(t, err)
			assert.Equal(t, Whole, state)
		}
	}
}

func TestExplain_NamesTheDirectoryThatAnotherProcessUses(t *testing.T) {
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.Timeout = t.TempDir(), time.Millisecond
	start := func() storage.Extension {
		ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
		require.NoError(t, err)
		require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { assert.NoError(t, ext.Shutdown(t.Context())) })
		return ext.(storage.Extension)
	}
	for name, file := range map[string]string{"": "receiver_pm2_a", "lanes": "receiver_pm2_a_lanes"} {
		id := component.MustNewIDWithName("pm2", "a")
		first, second := start(), start()
		c, err := first.GetClient(t.Context(), component.KindReceiver, id, name)
		require.NoError(t, err)
		defer func() { require.NoError(t, c.Close(t.Context())) }()
		_, err = second.GetClient(t.Context(), component.KindReceiver, id, name)
		explained := Explain(err, second, component.KindReceiver, id, name)
		require.ErrorIs(t, explained, err)
		assert.ErrorContains(t, explained, "the directory "+cfg.Directory+" is in use: another process, such as a second collector, holds the lock of its file "+file+";")
	}
	other := errors.New("no space left on device")
	assert.Equal(t, other, Explain(other, start(), component.KindReceiver, component.MustNewID("pm2"), ""))
	assert.Equal(t, berrors.ErrTimeout, Explain(berrors.ErrTimeout, storage.NewNopClient(), component.KindReceiver, component.MustNewID("pm2"), ""))
	assert.NoError(t, Explain(nil, nil, component.KindReceiver, component.MustNewID("pm2"), ""))
}

func TestLocate_IgnoresOtherStorage(t *testing.T) {
	for _, other := range []any{nil, storage.NewNopClient(), "text", &struct{ cfg *int }{}} {
		_, ok := Locate(other, component.KindExporter, component.MustNewID("x"), "y")
		assert.False(t, ok)
	}
}

func TestInspect_DoesNotKeepTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	state, err := Inspect(path)
	require.NoError(t, err)
	assert.Equal(t, Empty, state)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 1})
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func TestSetAside_KeepsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	require.NoError(t, os.WriteFile(path, []byte("broken"), 0o600))
	_, err := Inspect(path)
	require.ErrorIs(t, err, ErrDamaged)
	name, err := SetAside(path)
	require.NoError(t, err)
	state, err := Inspect(path)
	require.NoError(t, err)
	assert.Equal(t, Missing, state)
	kept, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, "broken", string(kept))
}
