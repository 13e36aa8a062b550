// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxMarks is how many points a time series remembers. It bounds by how many points
// one may be late.
const maxMarks = 16

// mark is what is remembered of a point.
type mark struct {
	time  pcommon.Timestamp
	print fingerprint
}

// marks remember which points are in a total. All that were added between from and to,
// both included, may be forgotten; of others every one is in list.
type marks struct {
	list     []mark
	from, to pcommon.Timestamp // to 0: none is forgotten
}

// has reports whether the total certainly has p.
func (m *marks) has(p mark) bool { return slices.Contains(m.list, p) }

// forgot reports whether the total may have a point of the time at that is not in list.
func (m *marks) forgot(at pcommon.Timestamp) bool { return m.to != 0 && at >= m.from && at <= m.to }

// add remembers p, and returns the point that is forgotten for it, if any: p or another. The
// oldest is forgotten, not the one that came first: a point dated ahead must not make
// those before it unknown.
func (m *marks) add(p mark) (gone mark, forgets bool) {
	if len(m.list) < maxMarks {
		m.list = append(m.list, p)
		return mark{}, false
	}
	oldest := 0
	for i, known := range m.list {
		if known.time < m.list[oldest].time {
			oldest = i
		}
	}
	gone = p
	if m.list[oldest].time <= p.time {
		gone, m.list[oldest] = m.list[oldest], p
	}
	if m.to == 0 || gone.time < m.from {
		m.from = gone.time
	}
	m.to = max(m.to, gone.time)
	return gone, true
}
