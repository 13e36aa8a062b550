// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gcpace

import (
	"runtime"
	"runtime/debug"
	"sync"
)

const (
	// normalPercent is the runtime's own GOGC. Garbage may be as large as live memory.
	normalPercent = 100

	// hurriedPercent is GOGC while requests hold much memory. The machine must have both, live
	// memory and garbage.
	hurriedPercent = 40

	// maxPercent bounds how far the heap grows if live memory grows much between two collections: GOGC
	// is computed from the live memory of the former. The runtime also derives a least heap from it,
	// 4 MiB * GOGC / 100, which must be at most the floor.
	maxPercent = 400
)

// Pace sets GOGC after each garbage collection. The value belongs to the process, so a process
// needs at most one Pace at a time. A nil Pace does nothing. It is safe for concurrent use.
type Pace struct {
	floor uint64

	mu      sync.Mutex
	percent int // as it was set last
	hurried int // calls of Hurry without Relax
	stopped bool
}

// Start starts a Pace with a floor in bytes; 0 is none. It returns nil if GOGC is not the
// runtime's own: somebody else decides then.
func Start(floor int64) *Pace {
	if old := debug.SetGCPercent(normalPercent); old != normalPercent {
		debug.SetGCPercent(old)
		return nil
	}
	p := &Pace{floor: uint64(max(floor, 0)), percent: normalPercent}
	if p.floor > 0 {
		p.adjust()
	}
	return p
}

// Floor returns the size of the heap in bytes below which no garbage is collected. It is 0 once
// somebody else has set GOGC.
func (p *Pace) Floor() int64 {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return 0
	}
	return int64(p.floor)
}

// Hurry has garbage collected sooner, also below the floor, until Relax is called as often.
func (p *Pace) Hurry() { p.hurry(1) }

// Relax ends what a call of Hurry began.
func (p *Pace) Relax() { p.hurry(-1) }

func (p *Pace) hurry(n int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurried += n
	p.set()
}

// Stop sets GOGC back.
func (p *Pace) Stop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.change(normalPercent)
		p.stopped = true
	}
}

// collected is an object that is unreachable at once, so its finalizer runs after the next
// collection. The pointer keeps it out of the blocks of tiny objects, which are freed together.
type collected struct{ pace *Pace }

// adjust sets GOGC after a collection, and arranges its call after the next one. Cleanups of package
// runtime are no alternative to a finalizer: on a busy machine they run milliseconds later, when the
// heap may have grown beyond the floor.
func (p *Pace) adjust() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.set()
	runtime.SetFinalizer(&collected{pace: p}, func(c *collected) { c.pace.adjust() })
}

// set sets GOGC to what the state of p asks for.
func (p *Pace) set() {
	switch {
	case p.stopped:
	case p.hurried > 0:
		p.change(hurriedPercent)
	case p.floor == 0:
		p.change(normalPercent)
	default:
		p.change(readHeap().percentFor(p.floor, normalPercent))
	}
}

// change sets GOGC. If somebody else has set it since, that value remains, and p stops.
func (p *Pace) change(percent int) {
	if percent == p.percent {
		return
	}
	if old := debug.SetGCPercent(percent); old != p.percent {
		debug.SetGCPercent(old)
		p.stopped = true
		return
	}
	p.percent = percent
}
