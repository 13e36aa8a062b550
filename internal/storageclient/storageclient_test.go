// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storageclient_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/internal/storageclient"
)

var (
	id    = component.MustNewID("file_storage")
	owner = storageclient.Owner{Kind: component.KindReceiver, ID: component.MustNewID("pm2")}
)

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// fileStorage starts a file_storage extension on dir.
func fileStorage(t *testing.T, dir string) host {
	t.Helper()
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.Timeout = dir, 100*time.Millisecond
	ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, ext.Shutdown(context.Background())) })
	return host{id: ext}
}

func TestFind_NamesTheKeyAndTheExtension(t *testing.T) {
	_, err := storageclient.Find(host{}, "storage", id)
	require.EqualError(t, err, `"storage" names the extension "file_storage", which is not configured or not listed under "service::extensions"`)
	_, err = storageclient.Find(host{id: struct{ component.Component }{}}, "limits::storage", id)
	require.EqualError(t, err, `"limits::storage" names the extension "file_storage", which is not a storage extension`)
}

func TestOpen_KeepsStoredData(t *testing.T) {
	dir := t.TempDir()
	ext, err := storageclient.Find(fileStorage(t, dir), "storage", id)
	require.NoError(t, err)
	path, ok := ext.Locate(owner, "usage")
	require.True(t, ok)
	assert.Equal(t, filepath.Join(dir, "receiver_pm2__usage"), path)

	for _, want := range []string{"", "kept"} {
		client, err := ext.Open(t.Context(), owner, "usage")
		require.NoError(t, err)
		got, err := client.Get(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
		require.NoError(t, client.Set(t.Context(), "k", []byte("kept")))
		require.NoError(t, client.Close(t.Context()))
		assert.FileExists(t, path)
	}
}

func TestOpen_NamesAFileThatIsNotRegular(t *testing.T) {
	for kind, make := range map[string]func(t *testing.T, path string){
		"a directory": func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) },
		"a socket": func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
		},
		"a named pipe": namedPipe,
	} {
		t.Run(kind, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "sc") //nolint:usetesting // the path of a socket must be short
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			path := filepath.Join(dir, "receiver_pm2_")
			make(t, path)
			ext, err := storageclient.Find(fileStorage(t, dir), "storage", id)
			require.NoError(t, err)
			_, err = ext.Open(t.Context(), owner, "")
			require.EqualError(t, err, `"storage": failed to open a client of the extension "file_storage": `+
				path+" is "+kind+", not a regular file: remove it, or move it to another directory")
		})
	}
}

func TestOpen_NamesTheHeldLock(t *testing.T) {
	dir := t.TempDir()
	ext, err := storageclient.Find(fileStorage(t, dir), "storage", id)
	require.NoError(t, err)
	client, err := ext.Open(t.Context(), owner, "")
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close(context.Background())) }()
	_, err = ext.Open(t.Context(), owner, "")
	require.ErrorContains(t, err, `"storage": failed to open a client of the extension "file_storage": the directory `+dir+" is in use")
}

// failing is a storage extension that is not file_storage.
type failing struct{ component.Component }

var errPlanted = errors.New("planted")

func (failing) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return nil, errPlanted
}

func TestOpen_WrapsTheErrorOfTheExtension(t *testing.T) {
	ext, err := storageclient.Find(host{id: failing{}}, "storage", id)
	require.NoError(t, err)
	_, ok := ext.Locate(owner, "")
	assert.False(t, ok)
	_, err = ext.Open(t.Context(), owner, "")
	require.ErrorIs(t, err, errPlanted)
	require.ErrorContains(t, err, `"storage": failed to open a client of the extension "file_storage"`)
}
