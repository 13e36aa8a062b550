// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// bbolt would end the process over some of these, at every start again.
func TestUsageStore_SetsADamagedFileAside(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"zeros":   func(b []byte) []byte { clear(b); return b },
		"cut":     func(b []byte) []byte { return b[:2*4096] },
		"flipped": func(b []byte) []byte { b[20] ^= 1; b[4096+20] ^= 1; return b },
		"pages": func(b []byte) []byte {
			for at := 2 * 4096; at < len(b); at += 4096 {
				b[at] ^= 0x40
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := filestorage.NewFactory()
			cfg := f.CreateDefaultConfig().(*filestorage.Config)
			cfg.Directory = dir
			ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
			require.NoError(t, err)
			require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
			defer func() { assert.NoError(t, ext.Shutdown(t.Context())) }()
			host, owner := tenanttest.Host{storageID: ext}, component.MustNewID("tenant")
			var reported []error
			open := func() (*usageStore, map[tenant.ID]ratelimit.Usage) {
				t.Helper()
				s, err := openUsageStore(t.Context(), host, storageID, owner, func(err error) { reported = append(reported, err) })
				require.NoError(t, err)
				all, err := s.load(t.Context())
				require.NoError(t, err)
				s.keep(func() map[tenant.ID]ratelimit.Usage { return all }, func(error) {})
				return s, all
			}
			want := map[tenant.ID]ratelimit.Usage{"a": {DayBytes: 7}}
			s, _ := open()
			require.NoError(t, s.close(t.Context(), want))

			path := filepath.Join(dir, "processor_tenant__limits")
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			data = damage(bytes.Clone(data))
			require.NoError(t, os.WriteFile(path, data, 0o600))
			s, all := open()
			assert.Empty(t, all)
			require.Len(t, reported, 1)
			assert.ErrorContains(t, reported[0], "set aside as processor_tenant__limits.20")
			kept, err := filepath.Glob(path + ".*" + boltfile.AsideSuffix)
			require.NoError(t, err)
			require.Len(t, kept, 1)
			after, err := os.ReadFile(kept[0])
			require.NoError(t, err)
			assert.Equal(t, data, after)
			require.NoError(t, s.close(t.Context(), want))

			s, all = open()
			assert.Equal(t, want, all)
			assert.Len(t, reported, 1, "it is reported once")
			require.NoError(t, s.close(t.Context(), want))
		})
	}
}

// A collector that reloads its configuration ends if a component's Shutdown fails.
func TestLimits_ThatCannotBeSavedFailNoShutdown(t *testing.T) {
	store := &memory{kept: map[string][]byte{}, full: storage.ErrStorageFull}
	host := tenanttest.Host{registryID: limited(t, tenant.Limits{DailyBytes: 1 << 20}), storageID: store}
	p := startPipelines(t, storingConfig(), host, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
	p.stop(t)
	assert.Positive(t, p.log.FilterMessageSnippet("Failed to save usage counters").Len())
}

// heeding is a storage that heeds contexts, as one on a network does.
type heeding struct{ *memory }

func (h heeding) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return h, nil
}

func (h heeding) Set(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.memory.Set(ctx, key, value)
}

func TestLimits_AreSavedByAShutdownWhoseTimeIsUp(t *testing.T) {
	store := heeding{&memory{kept: map[string][]byte{}}}
	host := tenanttest.Host{registryID: limited(t, tenant.Limits{DailyBytes: 1 << 20}), storageID: store}
	p := startPipelines(t, storingConfig(), host, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []component.Component{p.logs, p.metrics, p.traces} {
		require.NoError(t, c.Shutdown(ctx))
	}
	p.stop(t)
	assert.Contains(t, string(store.kept[usageKey]), "day_bytes")
}
