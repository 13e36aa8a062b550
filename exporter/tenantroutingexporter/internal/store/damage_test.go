// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
)

func filePath(dir, name string) string {
	return filepath.Join(dir, "exporter_tenant_routing__"+name)
}

// located returns settings whose files can be looked at before they are opened.
func located(t *testing.T, dir string) (Settings, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.ErrorLevel)
	return Settings{
		Open:   clients(t, dir, 0),
		Locate: func(name string) (string, bool) { return filePath(dir, name), true },
		Logger: zap.New(core),
	}, logs
}

func openLocated(t *testing.T, set Settings) (*Store, []lane.Part) {
	t.Helper()
	s, parts, err := Open(context.Background(), set)
	require.NoError(t, err)
	return s, parts
}

// injuries are what may happen to a file, none of which leaves it usable.
func injuries() map[string]func([]byte) []byte {
	all := damages()
	all["nothing left"] = func([]byte) []byte { return nil }
	all["one byte left"] = func(b []byte) []byte { return b[:1] }
	all["one page left"] = func(b []byte) []byte { return b[:4096] }
	all["a page and a half left"] = func(b []byte) []byte { return b[:6000] }
	all["headers left"] = func(b []byte) []byte { return b[:2*4096] }
	all["both headers flipped"] = func(b []byte) []byte { b[20] ^= 1; b[4096+20] ^= 1; return b }
	all["gone"] = nil
	return all
}

func injure(t *testing.T, path string, injury func([]byte) []byte) (left []byte) {
	t.Helper()
	if injury == nil {
		require.NoError(t, os.Remove(path))
		return nil
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data = injury(data)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return data
}

// filled makes a store with payloads of two tenants in different shards, of which
// the one of tenant c is in the second generation of its file.
func filled(t *testing.T, dir string) (want []string) {
	t.Helper()
	set, _ := located(t, dir)
	s, _ := openLocated(t, set)
	require.NotEqual(t, shardOf("a"), shardOf("b"))
	require.NotEqual(t, shardOf("a"), shardOf("c"))
	require.NotEqual(t, shardOf("b"), shardOf("c"))
	require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("c", "stale", "x")}))
	closeStore(t, s)
	injure(t, filePath(dir, fileName(shardOf("c"), 0)), func(b []byte) []byte { clear(b); return b })
	s, _ = openLocated(t, set)
	for i := range 30 {
		require.NoError(t, s.Put(context.Background(), []lane.Part{
			newPart("a", fmt.Sprintf("%d %s", i, strings.Repeat("x", 5000)), "x"), newPart("b", fmt.Sprint(i), "x"), newPart("c", fmt.Sprint(i), "x"),
		}))
		want = append(want, fmt.Sprintf("b %d [x]", i), fmt.Sprintf("c %d [x]", i))
	}
	closeStore(t, s)
	return want
}

func TestStore_ADamagedFileIsSetAsideBeforeItCanEndTheProcess(t *testing.T) {
	for name, injury := range injuries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			want := filled(t, dir)
			path := filePath(dir, fileName(shardOf("a"), 0))
			left := injure(t, path, injury)

			set, logs := located(t, dir)
			s, parts := openLocated(t, set)
			assert.ElementsMatch(t, want, held(t, s, parts))
			assert.EqualValues(t, 1, s.Faults())
			assert.Equal(t, 1, logs.Len(), logs.All())
			require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "new", "x")}), "the tenant goes on")
			closeStore(t, s)
			if len(left) > 0 {
				after, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, left, after, "the file is left for repair")
			}

			s, parts = openLocated(t, set)
			assert.ElementsMatch(t, append(want, "a new [x]"), held(t, s, parts))
			assert.Zero(t, s.Faults(), "it is counted once")
			closeStore(t, s)
		})
	}
}

func TestStore_DamagedIndexLosesNothing(t *testing.T) {
	all := injuries()
	delete(all, "cut in the middle") // the small file may have nothing but free pages there
	for name, injury := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			want := filled(t, dir)
			for i := range 30 {
				want = append(want, fmt.Sprintf("a %d %s [x]", i, strings.Repeat("x", 5000)))
			}
			path := filePath(dir, indexName)
			left := injure(t, path, injury)

			set, logs := located(t, dir)
			s, parts := openLocated(t, set)
			assert.ElementsMatch(t, want, held(t, s, parts), "the files in use are found without it")
			assert.EqualValues(t, 1, s.Faults())
			assert.Equal(t, 1, logs.Len(), logs.All())
			closeStore(t, s)
			if len(left) > 0 {
				kept, err := filepath.Glob(path + ".*" + boltfile.AsideSuffix)
				require.NoError(t, err)
				require.Len(t, kept, 1)
				after, err := os.ReadFile(kept[0])
				require.NoError(t, err)
				assert.Equal(t, left, after)
			}

			s, parts = openLocated(t, set)
			assert.ElementsMatch(t, want, held(t, s, parts))
			assert.Zero(t, s.Faults(), "it is counted once")
			closeStore(t, s)
		})
	}
}

func TestStore_OneDamagedHeaderCostsAtMostTheLastTransaction(t *testing.T) {
	for at := range 2 {
		dir := t.TempDir()
		want := filled(t, dir)
		path := filePath(dir, fileName(shardOf("b"), 0))
		injure(t, path, func(b []byte) []byte { b[at*4096+30] ^= 4; return b })
		set, _ := located(t, dir)
		s, parts := openLocated(t, set)
		assert.EqualValues(t, 1, s.Faults())
		got := held(t, s, parts)
		assert.GreaterOrEqual(t, len(got), len(want)+30-1)
		closeStore(t, s)
		s, parts = openLocated(t, set)
		assert.ElementsMatch(t, got, held(t, s, parts))
		closeStore(t, s)
	}
}

// TestStore_FlippedBitsNeverEndTheProcessNorChangeData flips bits anywhere. What
// is read afterwards is what was written, or reported as lost.
func TestStore_FlippedBitsNeverEndTheProcessNorChangeData(t *testing.T) {
	origin := t.TempDir()
	want := map[string]bool{}
	for _, w := range filled(t, origin) {
		want[w] = true
	}
	for i := range 30 {
		want[fmt.Sprintf("a %d %s [x]", i, strings.Repeat("x", 5000))] = true
	}
	r := rand.New(rand.NewPCG(3, 4))
	lost := 0
	for range 40 {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(origin)))
		for _, name := range []string{indexName, fileName(shardOf("a"), 0), fileName(shardOf("b"), 0)} {
			injure(t, filePath(dir, name), func(b []byte) []byte {
				for range 1 + r.IntN(4) {
					b[r.IntN(len(b))] ^= 1 << r.IntN(8)
				}
				return b
			})
		}
		set, _ := located(t, dir)
		s, parts := openLocated(t, set)
		got := 0
		for _, p := range parts {
			data, err := s.Read(context.Background(), []*lane.Payload{p.Payload})
			require.NoError(t, err)
			if data[0] != nil {
				got++
				text := fmt.Sprintf("%s %s [x]", p.Payload.Tenant, data[0])
				require.True(t, want[text], "nobody wrote %.80q", text)
			}
		}
		if got < len(want) {
			lost++
			require.Positive(t, s.Faults(), "a loss is counted")
		}
		closeStore(t, s)
	}
	t.Logf("something was lost in %d of 40", lost)
}

func TestOpen_SetsADamagedIndexAsideWhereFilesCannotBeLookedAt(t *testing.T) {
	dir := t.TempDir()
	o := clients(t, dir, 0)
	s, _ := open(t, o)
	require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "one", "x")}))
	closeStore(t, s)
	broken := func(ctx context.Context, name string) (storage.Client, error) {
		if name == indexName {
			panic("page 7 already freed")
		}
		return o(ctx, name)
	}
	s, parts := open(t, broken)
	assert.Equal(t, []string{"a one [x]"}, held(t, s, parts))
	assert.EqualValues(t, 1, s.Faults())
	closeStore(t, s)
}

// Files that were set aside may be removed, so that those in use have no
// predecessors any more.
func TestStore_DamagedIndexLosesNothingWhenOlderFilesWereRemoved(t *testing.T) {
	dir := t.TempDir()
	set, _ := located(t, dir)
	n := shardOf("a")
	for g := range uint8(2) {
		s, _ := openLocated(t, set)
		require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "lost", "x")}))
		closeStore(t, s)
		injure(t, filePath(dir, fileName(n, g)), func(b []byte) []byte { clear(b); return b })
	}
	s, _ := openLocated(t, set)
	require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "kept", "x")}))
	closeStore(t, s)
	for g := range uint8(2) {
		require.NoError(t, os.Remove(filePath(dir, fileName(n, g))))
	}
	injure(t, filePath(dir, indexName), func(b []byte) []byte { clear(b); return b })

	s, parts := openLocated(t, set)
	assert.Equal(t, []string{"a kept [x]"}, held(t, s, parts))
	closeStore(t, s)
}

// A start that sets the index and a queue file aside, and ends before all files are
// open, leaves an index that names one file only.
func TestStore_KillAfterADamagedIndexLosesNothing(t *testing.T) {
	dir := t.TempDir()
	set, _ := located(t, dir)
	filled(t, dir)
	injure(t, filePath(dir, indexName), func(b []byte) []byte { clear(b); return b })
	first, second := shardOf("a"), shardOf("c")
	require.NoError(t, os.Remove(filePath(dir, fileName(second, 0)))) // which was set aside
	injure(t, filePath(dir, fileName(first, 0)), func(b []byte) []byte { clear(b); return b })

	s := &Store{set: set}
	entries, err := s.openIndex(context.Background())
	require.NoError(t, err)
	f, generation, _, err := s.openShard(context.Background(), first, entries[first], opening{})
	require.NoError(t, err)
	require.EqualValues(t, 1, generation)
	require.NoError(t, f.close(context.Background()))
	require.NoError(t, s.index.close(context.Background()))

	s, parts := openLocated(t, set)
	assert.EqualValues(t, 1, s.shards[second].generation, "the file in use is found")
	of := map[string]int{}
	for _, p := range parts {
		of[string(p.Payload.Tenant)]++
	}
	assert.Equal(t, map[string]int{"b": 30, "c": 30}, of)
	closeStore(t, s)
}

// A file that was inspected is not damaged, however often a process was killed while it opened the
// file: the file may be large and the memory small.
func TestOpen_KillsCostNothingWithReadableFiles(t *testing.T) {
	dir := t.TempDir()
	set, logs := located(t, dir)
	s, _ := openLocated(t, set)
	require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "one", "x")}))
	for range openAttempts {
		interrupted, err := s.interrupted(context.Background())
		require.NoError(t, err)
		require.NoError(t, s.begin(context.Background(), fileName(shardOf("a"), 0), interrupted))
	}
	closeStore(t, s)
	s, parts := openLocated(t, set)
	assert.Equal(t, []string{"a one [x]"}, held(t, s, parts))
	assert.Zero(t, s.Faults())
	assert.Empty(t, logs.All())
	closeStore(t, s)
}

func TestStore_DamageThatAFullDiskKeepsFromBeingReplacedCountsOnce(t *testing.T) {
	n := shardOf("a")
	inner := clients(t, t.TempDir(), 0)
	broken, full := false, true
	s, _ := open(t, func(ctx context.Context, name string) (storage.Client, error) {
		if full && name == fileName(n, 1) {
			return nil, syscall.ENOSPC
		}
		c, err := inner(ctx, name)
		if name == fileName(n, 0) {
			c = panicking{failing{Client: c}, &broken}
		}
		return c, err
	})
	broken = true
	for range 3 {
		require.ErrorIs(t, s.Put(context.Background(), []lane.Part{newPart("a", "refused", "x")}), errDamaged)
	}
	full = false
	require.NoError(t, s.Put(context.Background(), []lane.Part{newPart("a", "taken", "x")}))
	assert.EqualValues(t, 1, s.Faults())
	closeStore(t, s)
}
