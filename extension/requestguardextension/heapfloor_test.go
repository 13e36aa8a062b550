// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gcpace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// percent returns GOGC without a change. It is negative if no garbage is collected.
func percent() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64()) //nolint:gosec // all bits set is -1
}

// ownRuntime has the runtime's own values during a test, and an environment without others.
func ownRuntime(t *testing.T) {
	t.Helper()
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	gogc, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(gogc)
		debug.SetMemoryLimit(limit)
	})
}

func newFloor(t *testing.T, limit MemoryLimit, floor HeapFloor) *requestGuard {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.Memory, cfg.MemoryLimit, cfg.HeapFloor = 64<<20, limit, floor
	require.NoError(t, confmap.Validate(cfg))
	ext, err := create(context.Background(), extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	return ext.(*requestGuard)
}

func hostOf(guards ...*requestGuard) tenanttest.Host {
	host := tenanttest.Host{}
	for i, g := range guards {
		host[component.MustNewIDWithName("request_guard", string(rune('a'+i)))] = g
	}
	return host
}

func TestExtension_HeapFloor(t *testing.T) {
	memory, cgroup := guard.MemoryLimit()
	without := gcpace.DefaultFloor(math.MaxInt64, memory, cgroup)
	for name, tt := range map[string]struct {
		limit          MemoryLimit
		floor          HeapFloor
		gogc, memlimit string // environment
		before         int64  // soft memory limit
		want           int64
	}{
		"auto, the agent's memory_limit": {"224MiB", HeapFloorAuto, "", "", math.MaxInt64, 224 << 20 / 6},
		"auto, a large memory_limit":     {"8GiB", HeapFloorAuto, "", "", math.MaxInt64, 128 << 20},
		"auto, the least memory_limit":   {"64MiB", HeapFloorAuto, "", "", math.MaxInt64, 0},
		"auto, a small memory_limit":     {"96MiB", HeapFloorAuto, "", "", math.MaxInt64, 32 << 20},
		"auto, no soft memory limit":     {MemoryLimitOff, HeapFloorAuto, "", "", math.MaxInt64, without},
		"auto, GOMEMLIMIT":               {"224MiB", HeapFloorAuto, "", "384MiB", 384 << 20, 64 << 20},
		"auto, a tiny GOMEMLIMIT":        {MemoryLimitAuto, HeapFloorAuto, "", "48MiB", 48 << 20, 0},
		"auto, GOMEMLIMIT=off":           {MemoryLimitAuto, HeapFloorAuto, "", "off", math.MaxInt64, without},
		"a size":                         {"224MiB", "100MiB", "", "", math.MaxInt64, 100 << 20},
		"a size without a limit":         {MemoryLimitOff, "16MiB", "", "", math.MaxInt64, 16 << 20},
		"off":                            {"224MiB", HeapFloorOff, "", "", math.MaxInt64, 0},
		"GOGC":                           {"224MiB", HeapFloorAuto, "100", "", math.MaxInt64, 0},
		"GOGC before a size":             {"224MiB", "100MiB", "200", "", math.MaxInt64, 0},
		"GOGC=off":                       {"224MiB", "100MiB", "off", "", math.MaxInt64, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ownRuntime(t)
			t.Setenv("GOGC", tt.gogc)
			t.Setenv("GOMEMLIMIT", tt.memlimit)
			debug.SetMemoryLimit(tt.before)
			gogc := map[string]int{"": 100, "100": 100, "200": 200, "off": -1}[tt.gogc]
			debug.SetGCPercent(gogc)
			e := newFloor(t, tt.limit, tt.floor)
			require.NoError(t, e.Start(context.Background(), hostOf(e)))
			assert.Equal(t, tt.want, e.runtime.floor())
			if tt.want > 0 {
				assert.Greater(t, percent(), 100)
			} else {
				assert.Equal(t, gogc, percent())
			}
			require.NoError(t, e.Shutdown(context.Background()))
			assert.Equal(t, gogc, percent(), "as it was")
			assert.Equal(t, tt.before, debug.SetMemoryLimit(-1), "as it was")
		})
	}
}

// A reload of the configuration ends the extension and starts another.
func TestExtension_HeapFloorAfterAReload(t *testing.T) {
	ownRuntime(t)
	for _, tt := range []struct {
		floor HeapFloor
		want  int64
	}{{"64MiB", 64 << 20}, {HeapFloorOff, 0}, {"32MiB", 32 << 20}, {HeapFloorAuto, 224 << 20 / 6}} {
		e := newFloor(t, "224MiB", tt.floor)
		require.NoError(t, e.Start(context.Background(), hostOf(e)))
		assert.Equal(t, tt.want, e.runtime.floor())
		require.NoError(t, e.Shutdown(context.Background()))
		assert.Equal(t, 100, percent())
	}
}

// Of several guards the first sets GOGC, and each has garbage collected sooner.
func TestExtension_HeapFloorOfSeveralGuards(t *testing.T) {
	ownRuntime(t)
	all := []*requestGuard{newFloor(t, "224MiB", "64MiB"), newFloor(t, "224MiB", "96MiB"), newFloor(t, MemoryLimitOff, HeapFloorOff)}
	host := hostOf(all...)
	for _, e := range all {
		require.NoError(t, e.Start(context.Background(), host))
		assert.EqualValues(t, 64<<20, e.runtime.floor(), "the floor of the process")
	}
	usual := percent()
	assert.Greater(t, usual, 100)
	r, err := all[1].Guard().Admit(context.Background(), tenant.Logs)
	require.NoError(t, err)
	require.NoError(t, r.Reserve(17<<20))
	assert.Less(t, percent(), 100)
	all[0].runtime.collectSooner(true)
	require.NoError(t, all[1].Shutdown(context.Background()))
	assert.Less(t, percent(), 100, "another one still has much in flight")
	r.Release()
	all[0].runtime.collectSooner(false)
	assert.Greater(t, percent(), 100)
	require.NoError(t, all[2].Shutdown(context.Background()))
	assert.Greater(t, percent(), 100)
	require.NoError(t, all[0].Shutdown(context.Background()))
	assert.Equal(t, 100, percent(), "as it was")
}

func TestExtension_CollectsGarbageSoonerWhileMuchIsInFlight(t *testing.T) {
	for name, tt := range map[string]struct {
		limit       MemoryLimit
		floor       HeapFloor
		gogc        string
		sooner      bool
		percentIdle int // 0: more than 100
	}{
		"without a floor":         {MemoryLimitAuto, HeapFloorOff, "", true, 100},
		"with a floor":            {MemoryLimitAuto, "128MiB", "", true, 0},
		"memory_limit: off":       {MemoryLimitOff, HeapFloorOff, "", false, 100},
		"the operator sets GOGC":  {MemoryLimitAuto, "128MiB", "100", false, 100},
		"memory_limit off, floor": {MemoryLimitOff, "128MiB", "", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ownRuntime(t)
			t.Setenv("GOGC", tt.gogc)
			idle := func() {
				t.Helper()
				if tt.percentIdle == 0 {
					assert.Greater(t, percent(), 100)
				} else {
					assert.Equal(t, tt.percentIdle, percent())
				}
			}
			e := newFloor(t, tt.limit, tt.floor)
			require.NoError(t, e.Start(context.Background(), hostOf(e)))
			r, err := e.Guard().Admit(context.Background(), tenant.Logs)
			require.NoError(t, err)
			idle()
			require.NoError(t, r.Reserve(17<<20))
			if tt.sooner {
				assert.Equal(t, 40, percent())
			} else {
				idle()
			}
			r.Release()
			require.NoError(t, e.Shutdown(context.Background()))
			assert.Equal(t, 100, percent(), "as it was")
		})
	}
}

func TestExtension_HeapFloorIsAMetric(t *testing.T) {
	ownRuntime(t)
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, tel.Shutdown(context.Background())) })
	cfg := createDefaultConfig().(*Config)
	cfg.HeapFloor = "48MiB"
	set := extension.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: tel.NewTelemetrySettings()}
	ext, err := create(context.Background(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(context.Background(), hostOf(ext.(*requestGuard))))
	metadatatest.AssertEqualExtensionRequestGuardHeapFloor(t, tel, []metricdata.DataPoint[int64]{{Value: int64(48 * bytesize.MiB)}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, ext.Shutdown(context.Background()))
}

func TestFits(t *testing.T) {
	require.NoError(t, fits(bytesize.GiB, 0), "not known")
	require.NoError(t, fits(128*bytesize.MiB, 256<<20))
	require.EqualError(t, fits(129*bytesize.MiB, 256<<20),
		`"heap_floor" must be at most half of the memory of the control group or machine, which is 256MiB, got 129MiB`)
}
