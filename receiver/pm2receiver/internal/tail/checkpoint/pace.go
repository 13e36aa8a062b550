// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import "time"

const (
	// LargeSize is the size in bytes above which a checkpoint is large. That of a log with the most
	// files and copies is not, if their names are ordinary, of up to 32 bytes, and partial lines short.
	LargeSize = 128 << 10
	// smallRate and largeRate are how many bytes of small and large checkpoints are written in a
	// second. Checkpoints that are too many or too large are written less often.
	smallRate = 2 << 20
	largeRate = 1 << 20
)

// Pace bounds how many bytes of checkpoints are written, whatever the log files hold. Large
// checkpoints have an allowance of their own, so that small ones do not wait for them. A Pace is not
// safe for concurrent use.
//
// These parts of a checkpoint grow with what is read:
//
//	part                                       bound of one log          written again
//	partial lines of containers and processes  memory.Memory.Partial     less than 4 KiB of each line
//	lines whose dates may be PM2's             two lines, half a second  less than 4 KiB of each line
//	stack traces                               memory.Memory.Partial     all
//	names of processes in partial lines        64 of 1 KiB               all
//	names of processes in the daemon's log     256 of 1 KiB              all
//	open files, and contents that are gone     16 and 8 of 3 KiB         all
//	copies that need no reading                256 of 100 bytes          all
//	names of copies known by their content     1024 of 255 bytes         all
//	what was learned of dates and loggers      1 KiB                     all
//
// The index has a path for each log, and is written when a log comes or goes.
type Pace struct{ small, large allowance }

// Allows reports whether a checkpoint of size bytes may be written now.
func (p *Pace) Allows(size int, now time.Time) bool {
	a, rate := p.of(size)
	a.refill(rate, now)
	return a.free > 0
}

// Spend notes that a checkpoint of size bytes is written. It may be larger than the allowance: then
// the next ones wait longer.
func (p *Pace) Spend(size int) {
	a, _ := p.of(size)
	a.free -= float64(size)
}

func (p *Pace) of(size int) (a *allowance, rate float64) {
	if size > LargeSize {
		return &p.large, largeRate
	}
	return &p.small, smallRate
}

// allowance is how many bytes may be written.
type allowance struct {
	free float64
	at   time.Time // when it was refilled; zero: it is full
}

// refill adds what has come up since the last call, up to what comes up in a second.
func (a *allowance) refill(rate float64, now time.Time) {
	if a.at.IsZero() {
		a.free = rate
	} else if d := now.Sub(a.at); d > 0 {
		a.free = min(rate, a.free+rate*d.Seconds())
	}
	a.at = now
}
