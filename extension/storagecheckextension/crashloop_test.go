// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lastend"
)

// begin starts the extension as a new process does.
func begin(t *testing.T, dir string, after int) (extension.Extension, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.ErrorLevel)
	set := extensiontest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	ext, err := NewFactory().Create(t.Context(), set, &Config{Directory: dir, SetAsideAfter: after})
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	return ext, logs
}

// crash starts the extension, and records the end of a process by a panic.
func crash(t *testing.T, dir string, after int) {
	t.Helper()
	ext, _ := begin(t, dir, after)
	run := ext.(*storageCheck).run
	ext.(*storageCheck).run = nil
	require.NoError(t, os.WriteFile(filepath.Join(dir, recordName+".crash"), []byte("panic: poison\n"), 0o600))
	require.NoError(t, ext.Shutdown(t.Context()))
	t.Cleanup(func() { _ = run.Close() })
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), ".2")
		if strings.HasSuffix(e.Name(), ".poison") {
			name += " set aside"
		}
		if !strings.HasPrefix(name, recordName) {
			names = append(names, name)
		}
	}
	return names
}

func TestCrashLoop_SetsQueuesOfExportersAside(t *testing.T) {
	dir := t.TempDir()
	names := []string{"exporter_otlp_http__logs", "exporter_otlp_http__traces", "exporter_tenant_routing__lanes_01", "processor_tenant__limits", "receiver_pm2__"}
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for range 3 {
		assert.Equal(t, names, files(t, dir))
		crash(t, dir, 3)
	}
	ext, logs := begin(t, dir, 3)
	assert.Equal(t, lastend.End{Kind: lastend.Fault, Faults: 3, Words: "panic: poison"}, ext.(lastend.Holder).LastEnd())
	assert.Equal(t, 2, logs.FilterMessageSnippet("a queue was set aside").Len())
	want := append([]string{"exporter_otlp_http__logs set aside", "exporter_otlp_http__traces set aside"}, names[2:]...)
	assert.Equal(t, want, files(t, dir))

	// The count of crashes starts again, and the files that were set aside remain.
	require.NoError(t, ext.Shutdown(t.Context()))
	for range 4 * 3 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, names[0]), nil, 0o600))
		crash(t, dir, 3)
	}
	ext, _ = begin(t, dir, 3)
	aside, err := filepath.Glob(filepath.Join(dir, names[0]+".*"))
	require.NoError(t, err)
	assert.Len(t, aside, maxRetired, "their number is bounded")
	assert.Contains(t, files(t, dir), names[0], "the next file is not set aside")
	require.NoError(t, ext.Shutdown(t.Context()))
}

func TestCrashLoop_IgnoresShutdownAndKill(t *testing.T) {
	for name, end := range map[string]func(ext extension.Extension, dir string){
		"shutdown": func(ext extension.Extension, _ string) { require.NoError(t, ext.Shutdown(t.Context())) },
		"kill": func(ext extension.Extension, _ string) {
			run := ext.(*storageCheck).run
			ext.(*storageCheck).run = nil
			require.NoError(t, ext.Shutdown(t.Context()))
			t.Cleanup(func() { _ = run.Close() })
		},
		"never": nil,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "exporter_otlp_http__logs"), nil, 0o600))
			for range 7 {
				if end == nil {
					crash(t, dir, 0)
					continue
				}
				ext, _ := begin(t, dir, 3)
				end(ext, dir)
			}
			ext, logs := begin(t, dir, map[bool]int{true: 0, false: 3}[end == nil])
			assert.Equal(t, []string{"exporter_otlp_http__logs"}, files(t, dir))
			assert.Equal(t, end != nil, logs.Len() == 0)
			require.NoError(t, ext.Shutdown(t.Context()))
		})
	}
}
