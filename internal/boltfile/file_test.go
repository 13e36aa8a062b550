package boltfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
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

func TestLocate_KnowsNoOtherStorage(t *testing.T) {
	for _, other := range []any{nil, storage.NewNopClient(), "text", &struct{ cfg *int }{}} {
		_, ok := Locate(other, component.KindExporter, component.MustNewID("x"), "y")
		assert.False(t, ok)
	}
}

func TestInspect_LeavesTheLockToOthers(t *testing.T) {
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
