package lane

import (
	"time"
)

// lane is guarded by Scheduler.mu.
type lane struct {
	key      Key
	target   Target
	endpoint *endpoint
	stats    *Stats

	queue fifo[*Payload]   // accepted, not yet part of a batch
	redo  fifo[[]*Payload] // batches that failed, in the order in which they go again

	reserved int   // offers that hold room here and are not queued yet
	bytes    int64 // reserved, queued, to redo and in flight
	waiting  int64 // bytes of queue alone
	inFlight int
	attempts []*attempt // in flight
	known    bool       // an attempt has ended
	slow     bool       // the last one took long

	failures    int       // in a row
	logged      string    // reason of the failure in the log
	quietUntil  time.Time // when a refusal is logged again
	unlogged    int64     // refusals since the last one that was logged
	notBefore   time.Time // no attempt before, unless draining
	lingerUntil time.Time // when a batch that is not full goes anyway
	batchCap    int       // learned from a destination that found batches too large; 0: none
	lastUse     time.Time

	parked    bool // waits in the line of its endpoint, or for a slot of its tenant
	wakeAt    time.Time
	wakeIndex int // in wakeHeap; -1: not there
}

func (l *lane) hasWork() bool { return l.queue.len() > 0 || l.redo.len() > 0 }

// next returns the first payload of the next batch. The lane has work.
func (l *lane) next() *Payload {
	if l.redo.len() > 0 {
		return l.redo.peek()[0]
	}
	return l.queue.peek()
}

// limit is how many batches may be in flight. A lane whose last attempt failed
// probes with one.
func (l *lane) limit(c *Config) int {
	if l.failures > 0 {
		return 1
	}
	n := c.Concurrency
	if b := l.target.Bounds().Concurrency; b > 0 && b < n {
		n = b
	}
	return n
}

func (l *lane) batchBytes(c *Config) int {
	n := c.BatchMaxBytes
	if b := l.target.Bounds().BatchBytes; b > 0 && b < n {
		n = b
	}
	if l.batchCap > 0 && l.batchCap < n {
		n = l.batchCap
	}
	return n
}

// maxWatched bounds a batch of watched payloads: all of it is suspected if the process
// ends.
const maxWatched = 32

// take removes the next batch. The lane has work.
func (l *lane) take(c *Config) *Batch {
	if l.redo.len() > 0 {
		return newBatch(l.key, l.redo.pop())
	}
	limit := l.batchBytes(c)
	var entries []*Payload
	size := 0
	for l.queue.len() > 0 {
		p := l.queue.peek()
		if len(entries) > 0 && (size+p.Size > limit || p.Deaths > 0 || entries[0].Deaths > 0 || p.Watched && len(entries) == maxWatched || p.Refusal != entries[0].Refusal) {
			break
		}
		l.queue.pop()
		l.waiting -= int64(p.Size)
		size += p.Size
		entries = append(entries, p)
	}
	return newBatch(l.key, entries)
}

// oldest returns when the oldest payload that is not in flight was accepted.
func (l *lane) oldest() (at time.Time, ok bool) {
	if l.redo.len() > 0 {
		for _, p := range l.redo.peek() {
			if !ok || p.Accepted.Before(at) {
				at, ok = p.Accepted, true
			}
		}
	}
	if l.queue.len() > 0 {
		if p := l.queue.peek(); !ok || p.Accepted.Before(at) {
			at, ok = p.Accepted, true
		}
	}
	return at, ok
}

// oldestHeld returns the same of all that the lane holds.
func (l *lane) oldestHeld() (at time.Time, ok bool) {
	at, ok = l.oldest()
	for _, a := range l.attempts {
		if !ok || a.since.Before(at) {
			at, ok = a.since, true
		}
	}
	return at, ok
}

// expired removes what was accepted at the time cut or before and returns it.
func (l *lane) expired(cut time.Time) []*Payload {
	var gone []*Payload
	for range l.redo.len() {
		entries := l.redo.pop()
		kept := entries[:0:0]
		for _, p := range entries {
			if !p.Accepted.After(cut) {
				gone = append(gone, p)
			} else {
				kept = append(kept, p)
			}
		}
		if len(kept) > 0 {
			l.redo.push(kept)
		}
	}
	for l.queue.len() > 0 && !l.queue.peek().Accepted.After(cut) {
		p := l.queue.pop()
		l.waiting -= int64(p.Size)
		gone = append(gone, p)
	}
	return gone
}

// state names what the lane does, for metrics.
func (l *lane) state(now time.Time, c *Config) State {
	switch {
	case l.failures >= c.BreakerFailures && l.failures > 0:
		return StateOpen
	case l.failures > 0 || (l.target == nil && l.hasWork()):
		return StateWaiting
	case l.hasWork() || l.inFlight > 0:
		return StateActive
	}
	return StateIdle
}
