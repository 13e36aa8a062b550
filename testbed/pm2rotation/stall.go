package pm2rotation

import "time"

// WatchStalls returns a function that stops watching and tells the longest time for
// which a goroutine that wanted to run every millisecond did not: what the machine
// may have kept a reader from looking, too.
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
