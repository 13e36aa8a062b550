// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func TestStart_LoadsTheFileBeforeItReturns(t *testing.T) {
	f := newFixture(t)
	f.replace(yamlOf("a", "b"))
	f.start()
	assert.Equal(t, "a b", f.ids())
	assert.Equal(t, componentstatus.StatusOK, f.host.status())

	id := component.MustNewID("tenant_registry")
	found, err := tenant.FindRegistry(tenanttest.Host{id: f.reg}, id)
	require.NoError(t, err)
	assert.Same(t, f.reg, found)
}

func TestStart_WithoutAFileOrACopyWaitsForOne(t *testing.T) {
	f := newFixture(t)
	f.path = filepath.Join(f.dir, "sub", "tenants.yaml") // not even its folder is there
	f.cfg.File.Path = f.path
	f.start()
	assert.Equal(t, "none", f.ids())
	assert.Equal(t, componentstatus.StatusRecoverableError, f.host.status())
	require.Len(t, f.errorsLogged(), 1)
	assert.Contains(t, f.errorsLogged()[0], "no tenant is known until it is valid")
	assert.Contains(t, f.errorsLogged()[0], f.path)

	require.NoError(t, os.Mkdir(filepath.Dir(f.path), 0o700))
	require.NoError(t, os.WriteFile(f.path, []byte(yamlOf("a")), 0o600))
	f.eventually("a")
	require.Eventually(t, func() bool { return f.host.status() == componentstatus.StatusOK }, inForceWithin, time.Millisecond)
}

func TestChange_IsInForceWithinASecond(t *testing.T) {
	for name, write := range map[string]func(f *fixture, text string){
		"replaced": (*fixture).replace,
		"written in place": func(f *fixture, text string) {
			require.NoError(f.t, os.WriteFile(f.path, []byte(text), 0o600))
		},
		"moved away and written again, as editors do": func(f *fixture, text string) {
			require.NoError(f.t, os.Rename(f.path, f.path+"~"))
			require.NoError(f.t, os.WriteFile(f.path, []byte(text), 0o600))
		},
		"removed and written again": func(f *fixture, text string) {
			require.NoError(f.t, os.Remove(f.path))
			require.NoError(f.t, os.WriteFile(f.path, []byte(text), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.replace(yamlOf("a"))
			f.start()
			want := []string{"a"}
			for n := range 5 {
				want = append(want, fmt.Sprintf("b%d", n))
				if n == 3 {
					want = []string{"a"} // fewer tenants, a shorter file
				}
				begin := time.Now()
				write(f, yamlOf(want...))
				f.eventually(fmt.Sprint(want)[1 : len(fmt.Sprint(want))-1])
				t.Logf("in force after %v", time.Since(begin))
			}
			assert.Empty(t, f.errorsLogged(), "a moment without the file is no error")
		})
	}
}

func TestChange_IsDetectedWithoutNotification(t *testing.T) {
	f := newFixture(t)
	f.replace(yamlOf("a"))
	f.start()
	f.stop()
	r := f.reg
	r.store = unwatched{r.store}
	require.NoError(t, r.Start(context.Background(), f.host))
	begin := time.Now()
	f.replace(yamlOf("a", "b"))
	f.eventually("a b")
	t.Logf("in force after %v", time.Since(begin))
	assert.Equal(t, 1, f.logs.FilterMessageSnippet("polled instead").Len())
}

// unwatched is a store that reports no changes.
type unwatched struct{ store }

func (unwatched) watch(context.Context, func()) error { return os.ErrPermission }

// A ConfigMap is mounted as a folder of links to files behind the link ..data,
// which is replaced as a whole.
func TestChange_OfAMountedConfigMap(t *testing.T) {
	f := newFixture(t)
	revision := 0
	mount := func(text string) {
		revision++
		name := fmt.Sprintf("..2026_%d", revision)
		require.NoError(t, os.Mkdir(filepath.Join(f.dir, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(f.dir, name, "tenants.yaml"), []byte(text), 0o600))
		temp := filepath.Join(f.dir, "..data_tmp")
		require.NoError(t, os.Symlink(name, temp))
		require.NoError(t, os.Rename(temp, filepath.Join(f.dir, "..data")))
		if revision > 1 {
			require.NoError(t, os.RemoveAll(filepath.Join(f.dir, fmt.Sprintf("..2026_%d", revision-1))))
		}
	}
	mount(yamlOf("a"))
	require.NoError(t, os.Symlink(filepath.Join("..data", "tenants.yaml"), f.path))
	f.start()
	assert.Equal(t, "a", f.ids())
	for n := range 3 {
		id := fmt.Sprintf("b%d", n)
		begin := time.Now()
		mount(yamlOf(id))
		f.eventually(id)
		t.Logf("in force after %v", time.Since(begin))
	}
	assert.Empty(t, f.errorsLogged())
}

func TestChange_BehindALinkToAnotherFolder(t *testing.T) {
	f := newFixture(t)
	elsewhere := filepath.Join(t.TempDir(), "real.yaml")
	require.NoError(t, os.WriteFile(elsewhere, []byte(yamlOf("a")), 0o600))
	require.NoError(t, os.Symlink(elsewhere, f.path))
	f.start()
	assert.Equal(t, "a", f.ids())
	require.NoError(t, os.WriteFile(elsewhere, []byte(yamlOf("a", "b")), 0o600))
	f.eventually("a b")
}

func TestHalfWrittenFile_IsNeverInForce(t *testing.T) {
	f := newFixture(t)
	whole := yamlOf("a", "b", "c", "d")
	f.replace(whole)
	f.start()
	half := yamlOf("a", "b") // valid: cut off between two tenants
	require.NoError(t, os.WriteFile(f.path, []byte(half), 0o600))
	begin := time.Now()
	for time.Since(begin) < 150*time.Millisecond {
		require.Equal(t, "a b c d", f.ids())
	}
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = file.WriteString(whole[len(half):] + yamlOf("e")[len("tenants:\n"):])
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Eventually(t, func() bool {
		got := f.ids()
		require.NotEqual(t, "a b", got)
		return got == "a b c d e"
	}, inForceWithin, time.Millisecond)
}

func TestBadSource_NeverReplacesTheLastGoodOne(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(f *fixture)
		want  string
	}{
		"not valid": {func(f *fixture) { f.replace("tenants:\n  - id: a\n    colour: red\n") }, `line 3: tenant "a": colour: unknown key`},
		"empty":     {func(f *fixture) { require.NoError(f.t, os.Truncate(f.path, 0)) }, "the file is empty"},
		"removed":   {func(f *fixture) { require.NoError(f.t, os.Remove(f.path)) }, "no such file"},
		"a folder": {func(f *fixture) {
			require.NoError(f.t, os.Remove(f.path))
			require.NoError(f.t, os.Mkdir(f.path, 0o700))
		}, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.replace(yamlOf("a", "b"))
			f.start()
			tt.spoil(f)
			require.Eventually(t, func() bool { return f.host.status() == componentstatus.StatusRecoverableError }, inForceWithin, time.Millisecond)
			f.always("a b")
			require.Len(t, f.errorsLogged(), 1, "an error is reported once, not at every read")
			assert.Contains(t, f.errorsLogged()[0], "the last good one stays in force")
			assert.Contains(t, f.errorsLogged()[0], tt.want)

			require.NoError(t, os.RemoveAll(f.path))
			f.replace(yamlOf("a", "c"))
			f.eventually("a c")
			require.Eventually(t, func() bool { return f.host.status() == componentstatus.StatusOK }, inForceWithin, time.Millisecond)
		})
	}
}

func TestSubscribe(t *testing.T) {
	f := newFixture(t)
	f.replace(yamlOf("a"))
	f.start()
	var mu sync.Mutex
	seen := map[string][]int{}
	subscribe := func(name string) func() {
		return f.reg.Subscribe(func(s *tenant.Snapshot) {
			mu.Lock()
			defer mu.Unlock()
			seen[name] = append(seen[name], s.Len())
			assert.Same(t, s, f.reg.Snapshot(), "the snapshot that a subscriber gets is in force")
		})
	}
	cancelOne, cancelTwo := subscribe("one"), subscribe("two")
	defer cancelTwo()
	f.replace(yamlOf("a", "b"))
	f.eventually("a b")
	got := func(name string, want ...int) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return assert.ObjectsAreEqual(want, seen[name])
		}
	}
	require.Eventually(t, got("two", 1, 2), inForceWithin, time.Millisecond)
	cancelOne()
	cancelOne()
	f.replace(yamlOf("a", "b", "c"))
	require.Eventually(t, got("two", 1, 2, 3), inForceWithin, time.Millisecond)
	assert.True(t, got("one", 1, 2)())
}

func TestShutdown_TwiceAndWithoutStart(t *testing.T) {
	f := newFixture(t)
	f.replace(yamlOf("a"))
	f.start()
	f.stop()
	f.stop()
	assert.Equal(t, "a", f.ids(), "what is in force stays for those that shut down later")

	never := newFixture(t)
	never.start()
	r, err := newRegistry(settings(never), never.cfg)
	require.NoError(t, err)
	require.NoError(t, r.Shutdown(context.Background()))
}

// TestNotifyConfig rejects a configuration that loses data, and warns of one that
// can.
func TestNotifyConfig(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	set := extensiontest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	cfg := createDefaultConfig().(*Config)
	cfg.File.Path = filepath.Join(t.TempDir(), "tenants.yaml")
	r, err := newRegistry(set, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Shutdown(t.Context())) }()
	_, watches := any(r).(interface {
		NotifyConfig(context.Context, *confmap.Conf) error
	})
	require.True(t, watches, "as extensioncapabilities.ConfigWatcher has it")
	conf := func(processors ...any) *confmap.Conf {
		return confmap.NewFromStringMap(map[string]any{
			"processors": map[string]any{"tenant": map[string]any{"source": "config"}},
			"service": map[string]any{"pipelines": map[string]any{"logs": map[string]any{
				"receivers": []any{"pm2"}, "processors": processors, "exporters": []any{"tenant_routing"},
			}}},
		})
	}
	require.NoError(t, r.NotifyConfig(t.Context(), conf("memory_limiter", "tenant")))
	var keys []string
	for _, e := range logged.TakeAll() {
		assert.Equal(t, zap.WarnLevel, e.Level)
		keys = append(keys, e.ContextMap()["key"].(string))
	}
	assert.Equal(t, []string{"exporters::tenant_routing::dead_letter", "exporters::tenant_routing::storage"}, keys)
	assert.ErrorContains(t, r.NotifyConfig(t.Context(), conf("memory_limiter", "tenant", "batch")), "batch between tenant and tenant_routing")
}
