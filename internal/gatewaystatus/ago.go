// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"fmt"
	"time"
)

// Ago returns how long ago at was, for people: two units at most, such as 2 h 5 min.
func Ago(now, at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return Duration(now.Sub(at)) + " ago"
}

// Duration returns d for people, to the second below a minute, and with two units at most.
func Duration(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	two := func(large int64, largeName string, small int64, smallName string) string {
		if small == 0 {
			return fmt.Sprintf("%d %s", large, largeName)
		}
		return fmt.Sprintf("%d %s %d %s", large, largeName, small, smallName)
	}
	switch {
	case d >= 24*time.Hour:
		d = d.Round(time.Hour)
	case d >= time.Hour:
		d = d.Round(time.Minute)
	}
	seconds := int64(d / time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", seconds)
	case d < time.Hour:
		return two(seconds/60, "min", seconds%60, "s")
	case d < 24*time.Hour:
		return two(seconds/3600, "h", seconds/60%60, "min")
	}
	return two(seconds/86400, "d", seconds/3600%24, "h")
}

// Counted returns a number with the word for one or for several.
func Counted(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}
