// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

// folder is a directory with files of file_storage.
type folder struct {
	t    *testing.T
	dir  string
	tel  *componenttest.Telemetry
	logs *observer.ObservedLogs
}

func newFolder(t *testing.T, components ...string) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir(), tel: componenttest.NewTelemetry()}
	t.Cleanup(func() { assert.NoError(t, f.tel.Shutdown(context.Background())) })
	for _, name := range components {
		c := f.client(name)
		require.NoError(t, c.Set(t.Context(), "key", []byte(name)))
		require.NoError(t, c.Close(t.Context()))
	}
	return f
}

func (f *folder) client(name string) storage.Client {
	f.t.Helper()
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = f.dir
	ext, err := factory.Create(f.t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(f.t, err)
	c, err := ext.(storage.Extension).GetClient(f.t.Context(), component.KindReceiver, component.MustNewID(name), "")
	require.NoError(f.t, err)
	return c
}

// check starts the extension as the collector does, and shuts it down.
func (f *folder) check() error {
	f.t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	f.logs = logs
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = f.tel.NewTelemetrySettings()
	set.Logger = zap.New(core)
	ext, err := NewFactory().Create(f.t.Context(), set, &Config{Directory: f.dir})
	require.NoError(f.t, err)
	defer func() { assert.NoError(f.t, ext.Shutdown(f.t.Context())) }()
	return ext.Start(f.t.Context(), componenttest.NewNopHost())
}

func (f *folder) names() (names []string) {
	f.t.Helper()
	entries, err := os.ReadDir(f.dir)
	require.NoError(f.t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), recordName+".") {
			names = append(names, e.Name())
		}
	}
	return names
}

func (f *folder) damage(name string) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, name), []byte(strings.Repeat("garbage\n", 4096)), 0o600))
}

var _ extension.Extension = (*storageCheck)(nil)

func TestStart_SetsOnlyDamagedFilesAside(t *testing.T) {
	f := newFolder(t, "one", "two", "three")
	other := []string{"registry.snapshot", "tempdb123", "receiver_one_.backup", "notes"}
	for _, name := range other {
		f.damage(name)
	}
	f.damage("receiver_two_")
	require.NoError(t, f.check())

	names := f.names()
	assert.Subset(t, names, append(other, "receiver_one_", "receiver_three_"))
	assert.NotContains(t, names, "receiver_two_")
	aside := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasSuffix(n, boltfile.AsideSuffix) })
	require.Len(t, aside, 1)
	assert.Regexp(t, `^receiver_two_\.\d{8}T\d{6}\.\d{9}Z\.damaged$`, aside[0])
	require.Equal(t, 1, f.logs.Len())
	entry := f.logs.All()[0]
	assert.Equal(t, zap.ErrorLevel, entry.Level)
	assert.Equal(t, filepath.Join(f.dir, aside[0]), entry.ContextMap()["set_aside"])
	metadatatest.AssertEqualExtensionStorageCheckDamagedFiles(t, f.tel,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())

	c := f.client("one")
	value, err := c.Get(t.Context(), "key")
	require.NoError(t, err)
	assert.Equal(t, "one", string(value))
	require.NoError(t, c.Close(t.Context()))
	c = f.client("two")
	value, err = c.Get(t.Context(), "key")
	require.NoError(t, err)
	assert.Nil(t, value)
	require.NoError(t, c.Close(t.Context()))

	require.NoError(t, f.check(), "a file is reported once")
	assert.Zero(t, f.logs.Len())
}

func TestStart_ChecksLinkedFilesAndNoFolders(t *testing.T) {
	f := newFolder(t)
	elsewhere := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.WriteFile(elsewhere, []byte(strings.Repeat("garbage\n", 4096)), 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(f.dir, "receiver_link_")))
	require.NoError(t, os.Symlink(filepath.Join(f.dir, "none"), filepath.Join(f.dir, "receiver_dangling_")))
	require.NoError(t, os.Mkdir(filepath.Join(f.dir, "receiver_folder_"), 0o700))
	require.NoError(t, os.Symlink(f.dir, filepath.Join(f.dir, "receiver_loop_")))
	require.NoError(t, f.check())
	names := f.names()
	assert.Subset(t, names, []string{"receiver_dangling_", "receiver_folder_", "receiver_loop_"})
	assert.NotContains(t, names, "receiver_link_")
	assert.Len(t, names, 4)
	assert.Equal(t, 1, f.logs.Len())

	c := f.client("link") // would crash with the damaged file
	require.NoError(t, c.Close(t.Context()))
}

func TestStart_KeepsTheNewestFileSetAside(t *testing.T) {
	f := newFolder(t, "one")
	for range 3 {
		f.damage("receiver_one_")
		require.NoError(t, f.check())
	}
	assert.Len(t, f.names(), 1)
}

func TestStart_KeepsFilesInUse(t *testing.T) {
	f := newFolder(t)
	c := f.client("one")
	path := filepath.Join(f.dir, "receiver_one_")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, before[:len(before)/2], 0o600)) // as during a write
	require.NoError(t, f.check())
	assert.Equal(t, []string{"receiver_one_"}, f.names())
	assert.Equal(t, 1, f.logs.FilterMessageSnippet("in use").Len())
	require.NoError(t, os.WriteFile(path, before, 0o600))
	require.NoError(t, c.Close(t.Context()))
}

func TestStart_WithoutFolder(t *testing.T) {
	f := newFolder(t)
	f.dir = filepath.Join(f.dir, "later")
	require.NoError(t, f.check())
}

func TestStart_FailsIfDirectoryIsAFile(t *testing.T) {
	f := newFolder(t)
	f.damage("file")
	f.dir = filepath.Join(f.dir, "file")
	var fault *fs.PathError
	require.ErrorAs(t, f.check(), &fault)
}

// Files that were set aside are a condition for an hour.
func TestFindings(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"exporter_a_", "receiver_b_"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), bytes.Repeat([]byte("no queue"), 4096), 0o600))
	}
	s, err := newStorageCheck(extensiontest.NewNopSettings(metadata.Type), &Config{Directory: dir})
	require.NoError(t, err)
	assert.Empty(t, s.findings(time.Now()))
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	got := s.findings(s.started.Add(time.Minute))
	require.Len(t, got, 1)
	assert.Equal(t, condition.StorageDamaged, got[0].Name)
	assert.Contains(t, got[0].Message, "2 queue or checkpoint files were set aside: "+filepath.Join(dir, "exporter_a_"))
	assert.Empty(t, s.findings(s.started.Add(time.Hour)))
	require.NoError(t, s.Shutdown(t.Context()))

	s, err = newStorageCheck(extensiontest.NewNopSettings(metadata.Type), &Config{Directory: dir})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	assert.Empty(t, s.findings(s.started), "the next start finds nothing")
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestStorageFile(t *testing.T) {
	for name, want := range map[string]bool{
		"receiver_pm2_":                              true,
		"exporter_otlp_http__logs":                   true,
		"processor_tenant__limits":                   true,
		"exporter_tenant_routing_a~002Fb_lanes_00":   true,
		strings.Repeat("0a", 32):                     true,
		"tempdb123":                                  false,
		"registry.snapshot":                          false,
		"key-use.json":                               false,
		"receiver_pm2_.20261121T000000.000Z.backup":  false,
		"receiver_pm2_.20261121T000000.000Z.damaged": false,
		"exporter_x_.20261121T000000.000Z.poison":    false,
		recordName + ".run":                          false,
		recordName + ".crash":                        false,
		"receiver":                                   false,
	} {
		assert.Equal(t, want, storageFile(name), name)
	}
}

func TestIsDamage(t *testing.T) {
	for err, want := range map[error]bool{
		boltfile.ErrDamaged: true, syscall.EIO: true,
		syscall.EACCES: false, syscall.EMFILE: false, syscall.ENOLCK: false, syscall.ENOMEM: false, syscall.EINTR: false,
	} {
		assert.Equal(t, want, isDamage(&fs.PathError{Op: "open", Path: "file", Err: err}), err)
	}
}
