// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gcpace

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

const mib = 1 << 20

func TestDefaultFloor(t *testing.T) {
	const none = math.MaxInt64
	for name, tt := range map[string]struct {
		soft, memory int64
		group        bool
		want         int64
	}{
		"a tiny soft limit":                 {1 * mib, 8000 * mib, false, 0},
		"a soft limit of 95 MiB":            {95 * mib, 8000 * mib, false, 0},
		"a control group of 64 MiB":         {48 * mib, 64 * mib, true, 0},
		"a control group of 128 MiB":        {96 * mib, 128 * mib, true, 32 * mib},
		"a control group of 256 MiB":        {192 * mib, 256 * mib, true, 32 * mib},
		"the agent":                         {224 * mib, 512 * mib, true, 224 * mib / 6},
		"a control group of 512 MiB":        {384 * mib, 512 * mib, true, 64 * mib},
		"a control group of 1 GiB":          {768 * mib, 1024 * mib, true, 128 * mib},
		"a control group of 64 GiB":         {48 << 30, 64 << 30, true, 128 * mib},
		"a soft limit above the group":      {none - 1, 512 * mib, true, 128 * mib},
		"a group without a soft limit":      {none, 512 * mib, true, 64 * mib},
		"a tiny one without a soft limit":   {none, 64 * mib, true, 0},
		"nothing known":                     {none, 0, false, 64 * mib},
		"a machine with 64 MiB":             {none, 64 * mib, false, 0},
		"a machine with 256 MiB":            {none, 256 * mib, false, 32 * mib},
		"a machine with 64 GiB":             {none, 64 << 30, false, 64 * mib},
		"a machine with a soft limit":       {384 * mib, 64 << 30, false, 64 * mib},
		"a machine with a large soft limit": {8 << 30, 64 << 30, false, 128 * mib},
	} {
		t.Run(name, func(t *testing.T) {
			got := DefaultFloor(tt.soft, tt.memory, tt.group)
			assert.Equal(t, tt.want, got)
			assert.LessOrEqual(t, got, tt.soft/3)
		})
	}
}

func TestHeap_PercentFor(t *testing.T) {
	for name, tt := range map[string]struct {
		heap  heap
		floor uint64
		want  int
	}{
		"far below the floor":      {heap{live: mib}, 64 * mib, maxPercent},
		"before any collection":    {heap{}, 64 * mib, maxPercent},
		"below":                    {heap{live: 16 * mib}, 64 * mib, 300},
		"below, with roots":        {heap{live: 16 * mib, roots: 8 * mib}, 64 * mib, 200},
		"half of it":               {heap{live: 32 * mib}, 64 * mib, 100},
		"more than half of it":     {heap{live: 40 * mib}, 64 * mib, 100},
		"above it":                 {heap{live: 400 * mib}, 64 * mib, 100},
		"large roots and no heap":  {heap{live: mib, roots: 1024 * mib}, 64 * mib, 100},
		"no floor":                 {heap{live: 4 * mib}, 0, 100},
		"the highest floor, a lot": {heap{live: 127 * mib}, 128 * mib, 100},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.heap.percentFor(tt.floor, normalPercent)
			assert.Equal(t, tt.want, got)
			// The heap at the next collection is the floor, or twice the live heap.
			goal := tt.heap.live + (tt.heap.live+tt.heap.roots)*uint64(got)/100
			assert.LessOrEqual(t, goal, max(tt.floor, 2*tt.heap.live+tt.heap.roots))
		})
	}
}
