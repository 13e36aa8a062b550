// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2rotation

import "time"

// WatchStalls starts to measure how long the machine stops goroutines from running. The
// function that it returns ends the measurement, and returns the longest delay of a goroutine
// that should run every millisecond. A reader may have been delayed as long.
func WatchStalls() (stop func() time.Duration) {
	quit, longest := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		var worst time.Duration
		for last := time.Now(); ; {
			select {
			case <-quit:
				longest <- worst
				return
			case <-time.After(time.Millisecond):
			}
			now := time.Now()
			worst = max(worst, now.Sub(last)-time.Millisecond)
			last = now
		}
	}()
	return func() time.Duration {
		close(quit)
		return <-longest
	}
}
