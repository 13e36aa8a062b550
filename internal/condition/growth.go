package condition

import "time"

const (
	// LossHold is for how long a loss of data is a condition.
	LossHold = 15 * time.Minute

	// RefusalHold is the same for something refused that is tried again within that time.
	RefusalHold = time.Minute
)

// Growth notices that a counter grows. Its zero value is that of a counter at 0.
type Growth struct {
	total       int64
	base        int64 // total before it began to grow
	since, last time.Time
}

// Look takes a new total and returns by how much it has grown since it began to. It is
// over, and 0, when the counter has not grown for hold.
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
