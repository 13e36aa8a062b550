// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

var boardID = component.MustNewID("tenant_routing")

func TestBoard_ReadsWhatIsPosted(t *testing.T) {
	b := &board{}
	registries, lanes := b.read(time.Now())
	assert.Empty(t, registries)
	assert.Empty(t, lanes)

	removeRegistry := b.PostRegistry(boardID, func() healthboard.Registry { return healthboard.Registry{Hash: "abc"} })
	removeLanes := b.PostLanes(boardID, func() healthboard.Lanes { return healthboard.Lanes{Idle: 3} })
	registries, lanes = b.read(time.Now())
	assert.Equal(t, "abc", registries[boardID].Hash)
	assert.Equal(t, 3, lanes[boardID].Idle)

	removeRegistry()
	removeLanes()
	registries, lanes = b.read(time.Now())
	assert.Empty(t, registries)
	assert.Empty(t, lanes)
}

// The collector starts the components of a new configuration with the same IDs before it
// has forgotten the old ones.
func TestBoard_RemovesOnlyItsReport(t *testing.T) {
	b := &board{}
	removeOld := b.PostLanes(boardID, func() healthboard.Lanes { return healthboard.Lanes{Idle: 1} })
	removeNew := b.PostLanes(boardID, func() healthboard.Lanes { return healthboard.Lanes{Idle: 2} })
	removeOld()
	_, lanes := b.read(time.Now())
	assert.Equal(t, 2, lanes[boardID].Idle)
	removeNew()
	removeNew()
	_, lanes = b.read(time.Now())
	assert.Empty(t, lanes)
}

// A report of lanes takes the lock that requests need.
func TestBoard_ReportsLanesOncePerInterval(t *testing.T) {
	b, calls, now := &board{}, 0, time.Now()
	defer b.PostLanes(boardID, func() healthboard.Lanes { calls++; return healthboard.Lanes{Idle: calls} })()
	for range 10 {
		_, lanes := b.read(now)
		assert.Equal(t, 1, lanes[boardID].Idle)
	}
	_, lanes := b.read(now.Add(laneInterval - 1))
	assert.Equal(t, 1, lanes[boardID].Idle)
	_, lanes = b.read(now.Add(laneInterval))
	assert.Equal(t, 2, lanes[boardID].Idle)
	_, lanes = b.read(now.Add(-time.Hour)) // the clock was set back
	assert.Equal(t, 3, lanes[boardID].Idle)
}

// A component may free what its report reads as soon as remove has returned.
func TestBoard_CallsNoReportAfterItsRemoval(t *testing.T) {
	b := &board{}
	stop := make(chan struct{})
	var readers, posters sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for at := time.Now(); ; at = at.Add(laneInterval) {
				select {
				case <-stop:
					return
				default:
					b.read(at)
				}
			}
		})
	}
	for _, name := range []string{"a", "b", "c"} {
		posters.Go(func() {
			for range 200 {
				var removed, late atomic.Bool
				report := func() { late.Store(late.Load() || removed.Load()) }
				id := component.MustNewIDWithName("tenant_routing", name)
				removeLanes := b.PostLanes(id, func() healthboard.Lanes { report(); return healthboard.Lanes{} })
				removeRegistry := b.PostRegistry(id, func() healthboard.Registry { report(); return healthboard.Registry{} })
				removeLanes()
				removeRegistry()
				removed.Store(true)
				assert.False(t, late.Load())
			}
		})
	}
	posters.Wait()
	close(stop)
	readers.Wait()
	registries, lanes := b.read(time.Now())
	assert.Empty(t, registries)
	assert.Empty(t, lanes, "no report remains of components that have stopped")
}
