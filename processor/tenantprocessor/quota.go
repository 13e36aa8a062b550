package tenantprocessor

import "time"

// usage is what a tenant has sent in the running day and month, in bytes.
// Days and months are those of UTC.
type usage struct {
	Day        string `json:"day"` // 2006-01-02
	DayBytes   int64  `json:"day_bytes"`
	Month      string `json:"month"` // 2006-01
	MonthBytes int64  `json:"month_bytes"`

	midnight               time.Time // when to look at the calendar again
	dayWarned, monthWarned bool
}

// turn begins a new day or month if now is in one.
func (u *usage) turn(now time.Time) {
	if now.Before(u.midnight) {
		return
	}
	now = now.UTC()
	u.midnight = now.Add(untilTomorrow(now))
	if day := now.Format(time.DateOnly); day != u.Day {
		u.Day, u.DayBytes, u.dayWarned = day, 0, false
	}
	if month := now.Format("2006-01"); month != u.Month {
		u.Month, u.MonthBytes, u.monthWarned = month, 0, false
	}
}

// add counts bytes, or takes them back if they are negative, which never goes
// below what the running period has.
func (u *usage) add(bytes int64) {
	u.DayBytes = max(0, u.DayBytes+bytes)
	u.MonthBytes = max(0, u.MonthBytes+bytes)
}

func untilTomorrow(now time.Time) time.Duration {
	y, m, d := now.UTC().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC).Sub(now)
}

func untilNextMonth(now time.Time) time.Duration {
	y, m, _ := now.UTC().Date()
	return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).Sub(now)
}
