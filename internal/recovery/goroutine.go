// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package recovery

import (
	"sync"
	"time"
)

// restartPause is how long a goroutine that has panicked rests. What panics at once, each
// time, would otherwise keep a processor busy.
const restartPause = time.Second

// Go calls f on a goroutine that wg waits for. If f panics, the goroutine ends and the
// process does not. It is for work that is done once. Work that must continue needs [Recoverer.Keep].
func (r *Recoverer) Go(wg *sync.WaitGroup, doing string, f func()) {
	wg.Go(func() { _ = r.Run(doing, f) })
}

// Keep calls f on a goroutine that wg waits for, and calls it again after a pause if it
// panics, until it returns. f returns when stop is closed. If that is after a panic, f is
// called once more for what it does at the end.
//
// f must hold no lock that it does not unlock when it panics: a lock that is never released
// is worse than the end of the process.
func (r *Recoverer) Keep(stop <-chan struct{}, wg *sync.WaitGroup, doing string, f func()) {
	wg.Go(func() {
		for r.Run(doing, f) != nil {
			timer := time.NewTimer(restartPause)
			select {
			case <-timer.C:
			case <-stop:
				timer.Stop()
				_ = r.Run(doing, f)
				return
			}
		}
	})
}
