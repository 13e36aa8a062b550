// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gcpace

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// percent returns GOGC without a change.
func percent() int { return int(value("/gc/gogc:percent")) }

func value(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// normal makes GOGC the runtime's own during a test.
func normal(t *testing.T) {
	t.Helper()
	old := debug.SetGCPercent(normalPercent)
	t.Cleanup(func() { debug.SetGCPercent(old) })
}

func TestReadHeap_KnowsTheMetrics(t *testing.T) {
	runtime.GC()
	h := readHeap()
	assert.Positive(t, h.live)
	assert.Positive(t, h.roots)
}

func TestPace_CollectsNoGarbageBelowTheFloor(t *testing.T) {
	normal(t)
	const allocated = 200 * mib
	collections := func(floor int64) (n uint64) {
		p := Start(floor)
		defer p.Stop()
		runtime.GC() // the floor holds from here, if the process has had no collection yet
		require.Eventually(t, func() bool { return (percent() > normalPercent) == (floor > 0) }, 10*time.Second, time.Millisecond)
		before := value("/gc/cycles/automatic:gc-cycles")
		for range allocated / 4096 {
			garbage = make([]byte, 4096)
		}
		return value("/gc/cycles/automatic:gc-cycles") - before
	}
	without, with := collections(0), collections(64*mib)
	assert.Greater(t, without, 2*with)
	assert.Equal(t, normalPercent, percent(), "as it was")
}

var garbage []byte

func TestPace_FollowsLiveMemory(t *testing.T) {
	normal(t)
	p := Start(32 * mib)
	defer p.Stop()
	runtime.GC()
	require.Eventually(t, func() bool { return percent() > normalPercent }, 10*time.Second, time.Millisecond)
	live := make([]byte, 40*mib)
	runtime.GC()
	require.Eventually(t, func() bool { return percent() == normalPercent }, 10*time.Second, time.Millisecond, "live memory is above the floor")
	runtime.KeepAlive(live)
	require.Eventually(t, func() bool { runtime.GC(); return percent() > normalPercent }, 10*time.Second, time.Millisecond, "and below it again")
}

// The memory limit of the runtime holds with a floor above it.
func TestPace_MemoryLimitHolds(t *testing.T) {
	normal(t)
	p := Start(1 << 30)
	defer p.Stop()
	runtime.GC()
	used := value("/memory/classes/total:bytes") - value("/memory/classes/heap/released:bytes")
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(used) + 32*mib))
	assert.LessOrEqual(t, value("/gc/heap/goal:bytes"), used+32*mib)
	before := value("/gc/cycles/automatic:gc-cycles")
	for range 100 * mib / 4096 {
		garbage = make([]byte, 4096)
	}
	assert.Greater(t, value("/gc/cycles/automatic:gc-cycles"), before)
}

func TestPace_HurriesBelowTheFloorToo(t *testing.T) {
	normal(t)
	p := Start(256 * mib)
	defer p.Stop()
	usual := percent()
	assert.Greater(t, usual, normalPercent)
	p.Hurry()
	p.Hurry() // of another guard
	assert.Equal(t, hurriedPercent, percent())
	runtime.GC()
	assert.Never(t, func() bool { return percent() != hurriedPercent }, 50*time.Millisecond, time.Millisecond, "a collection does not end it")
	p.Relax()
	assert.Equal(t, hurriedPercent, percent())
	p.Relax()
	assert.Greater(t, percent(), normalPercent)
}

func TestPace_HurriesWithoutAFloor(t *testing.T) {
	normal(t)
	p := Start(0)
	assert.Zero(t, p.Floor())
	assert.Equal(t, normalPercent, percent())
	p.Hurry()
	assert.Equal(t, hurriedPercent, percent())
	p.Relax()
	assert.Equal(t, normalPercent, percent())
	p.Hurry()
	p.Stop()
	assert.Equal(t, normalPercent, percent(), "as it was")
	p.Hurry()
	runtime.GC()
	assert.Equal(t, normalPercent, percent(), "it has stopped")
}

// Reloads of the configuration stop one and start another.
func TestPace_StartsAgain(t *testing.T) {
	normal(t)
	for _, floor := range []int64{64 * mib, 0, 128 * mib, 64 * mib} {
		p := Start(floor)
		require.NotNil(t, p)
		assert.Equal(t, floor, p.Floor())
		assert.Equal(t, floor > 0, percent() > normalPercent)
		p.Stop()
		p.Stop()
		runtime.GC()
		assert.Equal(t, normalPercent, percent())
	}
}

// What others set, such as an operator with GOGC, remains.
func TestPace_LeavesWhatOthersSet(t *testing.T) {
	for name, others := range map[string]int{"GOGC": 200, "GOGC=off": -1, "less": 50} {
		t.Run(name, func(t *testing.T) {
			normal(t)
			debug.SetGCPercent(others)
			p := Start(64 * mib)
			require.Nil(t, p)
			p.Hurry()
			p.Relax()
			p.Stop()
			assert.Zero(t, p.Floor())
			assert.Equal(t, others, debug.SetGCPercent(normalPercent))
		})
	}
	t.Run("later", func(t *testing.T) {
		normal(t)
		p := Start(64 * mib)
		debug.SetGCPercent(77)
		p.Hurry()
		assert.Equal(t, 77, percent())
		p.Stop()
		assert.Equal(t, 77, percent())
	})
	t.Run("of off", func(t *testing.T) {
		normal(t)
		debug.SetGCPercent(-1)
		assert.Equal(t, uint64(math.MaxUint64), value("/gc/gogc:percent"))
		assert.Nil(t, Start(0))
	})
}

func TestPace_IsSafeForConcurrentUse(t *testing.T) {
	normal(t)
	p := Start(64 * mib)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				p.Hurry()
				p.Relax()
			}
		})
		all.Go(func() {
			for range 5 {
				runtime.GC()
			}
		})
	}
	all.Wait()
	assert.Greater(t, percent(), normalPercent)
	p.Stop()
	assert.Equal(t, normalPercent, percent())
}
