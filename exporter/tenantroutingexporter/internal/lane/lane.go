package lane

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// lane is guarded by Scheduler.mu.
type lane struct {
	key      Key
	target   Target
	endpoint *endpoint
	stats    *Stats

	queue    fifo[*Payload] // accepted, not yet part of a batch
	retries  fifo[*portion] // what goes again, before all that is queued
	searches fifo[*search]  // of what the destination refuses in batches
	sought   bool           // the last batch was of a search
	budget   budget         // of the searches
	futile   futility

	reserved int   // offers that hold room here and are not queued yet
	bytes    int64 // reserved, queued, to be sent again and in flight
	waiting  int64 // bytes of queue alone
	inFlight int
	attempts []*attempt // in flight
	known    bool       // an attempt has ended
	odd      bool       // the last answer was none of such a destination
	slow     bool       // the last one took long

	failures    int                // in a row
	failedSince time.Time          // the first of them
	answer      *tenant.LaneAnswer // of the last of them; nil: none
	logged      string             // reason of the failure in the log
	quietUntil  time.Time          // when a refusal is logged again
	unlogged    int64              // refusals since the last one that was logged
	notBefore   time.Time          // no attempt before, unless draining
	lingerUntil time.Time          // when a batch that is not full goes anyway
	batchCap    int                // learned from a destination that found batches too large; 0: none
	lastTook    time.Duration      // the last attempt
	lastUse     time.Time

	parked    bool // waits in the line of its endpoint, or for a slot of its tenant
	wakeAt    time.Time
	wakeIndex int // in wakeHeap; -1: not there
}

func (l *lane) hasWork() bool {
	return l.queue.len() > 0 || l.retries.len() > 0 || l.searches.len() > 0
}

// next returns the first payload of the chosen batch; nil if there is none.
func (l *lane) next(ch choice) *Payload {
	switch ch.source {
	case fromSearch:
		return l.searches.item(ch.search).parts.peek().entries[0]
	case fromRetries:
		return l.retries.peek().entries[0]
	case fromQueue:
		return l.queue.peek()
	}
	return nil
}

// concurrency is how many batches may be in flight while all is well.
func (l *lane) concurrency(c *Config) int {
	n := c.Concurrency
	if b := l.target.Bounds().Concurrency; b > 0 && b < n {
		n = b
	}
	return n
}

// limit is how many batches may be in flight. A lane whose last attempt failed
// probes with one.
func (l *lane) limit(c *Config) int {
	if l.failures > 0 {
		return 1
	}
	return l.concurrency(c)
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

// take removes what the chosen batch carries.
func (s *Scheduler) take(l *lane, ch choice, now time.Time) *portion {
	l.sought = ch.source == fromSearch
	switch ch.source {
	case fromSearch:
		return s.takeFrom(l, ch.search, now)
	case fromRetries:
		return l.retries.pop()
	}
	return l.takeQueued(&s.Config)
}

func (l *lane) takeQueued(c *Config) *portion {
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
	return &portion{entries: entries}
}

// oldest returns when the oldest payload that is not in flight was accepted.
func (l *lane) oldest() (at time.Time, ok bool) {
	note := func(parts *fifo[*portion]) {
		if parts.len() == 0 {
			return
		}
		for _, p := range parts.peek().entries {
			if !ok || p.Accepted.Before(at) {
				at, ok = p.Accepted, true
			}
		}
	}
	note(&l.retries)
	for i := range l.searches.len() {
		note(&l.searches.item(i).parts)
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

// idleUntil returns when the lane closes if nothing comes. A lane that was new would have a full
// budget.
func (l *lane) idleUntil(c *Config) time.Time {
	idle, full := l.lastUse.Add(c.IdleTimeout), l.budget.when(searchBurst)
	if full.After(idle) {
		return full
	}
	return idle
}

// expired removes what was accepted at the time cut or before and returns it.
func (l *lane) expired(cut time.Time) []*portion {
	var gone []*portion
	sift := func(parts *fifo[*portion]) {
		for range parts.len() {
			po := parts.pop()
			old, kept := po.split(func(p *Payload) bool { return !p.Accepted.After(cut) })
			if old != nil {
				gone = append(gone, old)
			}
			if kept != nil {
				parts.push(kept)
			}
		}
	}
	sift(&l.retries)
	for i := range l.searches.len() {
		sift(&l.searches.item(i).parts)
	}
	var entries []*Payload
	for l.queue.len() > 0 && !l.queue.peek().Accepted.After(cut) {
		p := l.queue.pop()
		l.waiting -= int64(p.Size)
		entries = append(entries, p)
	}
	if len(entries) > 0 {
		gone = append(gone, &portion{entries: entries})
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
