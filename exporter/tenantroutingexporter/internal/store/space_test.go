// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// Space follows what is free, keeps the reserve, and leaves those who hold little
// something of it.
func TestSpace(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		free, total, max, reserve, taken, live int64
		want                                   lane.Space
	}{
		"much":                  {free: 100 * mib, total: 1000 * mib, want: lane.Space{Disk: 50 * mib, Small: 256 << 10}},
		"a large disk":          {free: 100 * mib, total: 1000_000 * mib, want: lane.Space{Disk: 36 * mib, Small: 256 << 10}},
		"a reserve that is set": {free: 100 * mib, total: 1000 * mib, reserve: 80 * mib, want: lane.Space{Disk: 20 * mib, Small: 256 << 10}},
		"in the reserve":        {free: 30 * mib, total: 1000 * mib, want: lane.Space{Disk: -20 * mib, Small: 256 << 10}},
		"deep in the reserve":   {free: 25 * mib, total: 1000 * mib, want: lane.Space{}},
		"a small disk":          {free: 10 * mib, total: 20 * mib, want: lane.Space{Disk: 9 * mib, Small: mib / 8}},
		"free pages":            {free: 100 * mib, total: 1000 * mib, taken: 30 * mib, live: 5 * mib, want: lane.Space{Disk: 60 * mib, Small: 256 << 10}},
		"a bound":               {max: 50 * mib, taken: 30 * mib, live: 20 * mib, want: lane.Space{Quota: 20 * mib}},
		"a bound and pages":     {max: 50 * mib, taken: 30 * mib, live: 10 * mib, want: lane.Space{Quota: 25 * mib}},
		"far above a bound":     {max: 50 * mib, taken: 80 * mib, live: 10 * mib, want: lane.Space{Quota: -30 * mib}},
	} {
		s := &Store{}
		s.space.known, s.space.maxBytes, s.space.reserve = true, c.max, c.reserve
		s.space.free.Store(c.free)
		s.space.total.Store(c.total)
		n := shardOf("a")
		s.space.taken[n].Store(c.taken)
		s.space.live[n].Store(c.live)
		got := s.Space("a")
		if c.max == 0 {
			got.Quota = 0
		}
		if c.total == 0 {
			got.Disk = 0
		}
		assert.Equal(t, c.want, got, name)
	}
	assert.Greater(t, (&Store{}).Space("a").Disk, int64(1)<<60, "what is not known bounds nothing")
}

func TestEntryDisk_IsWhatAnEntryTakes(t *testing.T) {
	for _, size := range []int{43, 400, 3000} {
		dir := t.TempDir()
		set, _ := located(t, dir)
		s, _ := openLocated(t, set)
		before := taken(t, dir)
		const callers, each = 8, 1000
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range each {
					assert.NoError(t, s.Put(t.Context(), []lane.Part{newPart("a", incompressible(size), "x")}))
				}
			})
		}
		wg.Wait()
		cost := (taken(t, dir) - before) / (callers * each)
		t.Logf("a payload of %d bytes takes %d of the disk", size, cost)
		assert.Less(t, float64(cost), 1.5*float64(size+EntryDisk), "payload of %d bytes", size)
		closeStore(t, s)
	}
}
