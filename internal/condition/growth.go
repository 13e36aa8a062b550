// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import "time"

const (
	// LossHold is how long a condition lasts after data was lost.
	LossHold = 15 * time.Minute

	// RefusalHold is the same after a rejection. Rejected data is sent again sooner.
	RefusalHold = time.Minute
)

// Growth detects that a counter grows. The zero value is for a counter at 0.
type Growth struct {
	total       int64
	base        int64 // the total before it began to grow
	since, last time.Time
}

// Look takes a new total. It returns by how much the counter has grown since it began to,
// and when that was. When the counter has not grown for hold, it returns 0.
func (g *Growth) Look(total int64, now time.Time, hold time.Duration) (by int64, since time.Time) {
	if total > g.total {
		if g.last.IsZero() || now.Sub(g.last) >= hold {
			g.base, g.since = g.total, now
		}
		g.total, g.last = total, now
	}
	if g.last.IsZero() || now.Sub(g.last) >= hold {
		return 0, time.Time{}
	}
	return g.total - g.base, g.since
}
