// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxRecent is how many points a time series remembers. A point that is later than all of
// them may be a duplicate.
const maxRecent = 16

// recentPoints remembers which points are in a total. Points with a time between from and
// to, both included, may have been forgotten. All others are in list.
type recentPoints struct {
	list     []pointID
	from, to pcommon.Timestamp // to 0: no point was forgotten
}

// has reports whether the total certainly includes p.
func (r *recentPoints) has(p pointID) bool { return slices.Contains(r.list, p) }

// mayHaveForgotten reports whether the total may include a point of the time at that is not
// in list.
func (r *recentPoints) mayHaveForgotten(at pcommon.Timestamp) bool {
	return r.to != 0 && at >= r.from && at <= r.to
}

// add remembers p. If the list is full it returns the point that it forgets, which is p or
// another one. It forgets the point with the oldest time, not the one that was added first:
// a point with a time in the future must not make it forget all points before it.
func (r *recentPoints) add(p pointID) (forgotten pointID, full bool) {
	if len(r.list) < maxRecent {
		r.list = append(r.list, p)
		return pointID{}, false
	}
	oldest := 0
	for i, known := range r.list {
		if known.time < r.list[oldest].time {
			oldest = i
		}
	}
	forgotten = p
	if r.list[oldest].time <= p.time {
		forgotten, r.list[oldest] = r.list[oldest], p
	}
	if r.to == 0 || forgotten.time < r.from {
		r.from = forgotten.time
	}
	r.to = max(r.to, forgotten.time)
	return forgotten, true
}
