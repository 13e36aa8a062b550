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

	queue   fifo[*Payload] // accepted, not yet part of a batch
	retries fifo[*portion] // what goes again, before all that is queued

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
	searchCap   int                // requests of the next search
	lastUse     time.Time

	parked    bool // waits in the line of its endpoint, or for a slot of its tenant
	wakeAt    time.Time
	wakeIndex int // in wakeHeap; -1: not there
}

func (l *lane) hasWork() bool { return l.queue.len() > 0 || l.retries.len() > 0 }

// next returns the first payload of the next batch. The lane has work.
func (l *lane) next() *Payload {
	if l.retries.len() > 0 {
		return l.retries.peek().entries[0]
	}
	return l.queue.peek()
}

// limit is how many batches may be in flight. A lane whose last attempt failed
// probes with one, and what a destination refused is taken apart one by one.
func (l *lane) limit(c *Config) int {
	if l.failures > 0 || l.searching() {
		return 1
	}
	n := c.Concurrency
	if b := l.target.Bounds().Concurrency; b > 0 && b < n {
		n = b
	}
	return n
}

func (l *lane) searching() bool {
	if l.retries.len() > 0 && l.retries.peek().search != nil {
		return true
	}
	for _, a := range l.attempts {
		if a.searches {
			return true
		}
	}
	return false
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

// take removes what the next batch carries. The lane has work. With cuts, payloads can be
// taken apart.
func (l *lane) take(c *Config, cuts bool) *portion {
	if l.retries.len() > 0 {
		po := l.retries.pop()
		// What has to be in it needs no request to be found out, unless all of it is refused.
		if po.refusing && po.refusals < po.records() && po.divisible(cuts) && po.search.left > 0 {
			po = l.divide(po, po.refusals)
		}
		return po
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
	return &portion{entries: entries}
}

// divide returns the first half of a portion that is refused, in so many records if that
// is known, and puts the second before all else.
func (l *lane) divide(po *portion, refused int) *portion {
	a, b := po.divide()
	a.after, a.refused = b, refused
	l.retries.pushFront(b)
	return a
}

// oldest returns when the oldest payload that is not in flight was accepted.
func (l *lane) oldest() (at time.Time, ok bool) {
	if l.retries.len() > 0 {
		for _, p := range l.retries.peek().entries {
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

// hold keeps a refused portion of a payload until it is known whether its neighbours are
// refused too: together they are one dead letter.
func (l *lane) hold(po *portion, res *Result) {
	c := po.cut
	if run := c.run; run != nil && run.end == po.first && alike(run.letter, res) {
		run.end = po.end
	} else {
		if run != nil {
			l.retries.pushFront(run)
		}
		why := *res
		c.run = &portion{entries: po.entries, cut: c, first: po.first, end: po.end, letter: &why}
	}
	l.flush(c)
}

// flush queues what is held of a payload if nothing else of it is without an outcome.
func (l *lane) flush(c *cut) {
	if c.run != nil && c.left == c.run.records() {
		l.retries.pushFront(c.run)
		c.run = nil
	}
}

// alike tells whether two refusals say the same.
func alike(a, b *Result) bool {
	if a.Reason != b.Reason || (a.Err == nil) != (b.Err == nil) {
		return false
	}
	return a.Err == nil || a.Err.Error() == b.Err.Error()
}

// spend takes what it cost to send po from its search.
func (l *lane) spend(po *portion) {
	se := po.search
	if se == nil {
		return
	}
	if se.left -= po.cost(); se.left <= 0 && !se.exhausted {
		se.exhausted = true
		l.searchCap = max(l.searchCap/2, minSearch)
	}
}

// expired removes what was accepted at the time cut or before and returns it.
func (l *lane) expired(cut time.Time) []*portion {
	var gone []*portion
	for range l.retries.len() {
		po := l.retries.pop()
		old, kept := po.split(func(p *Payload) bool { return !p.Accepted.After(cut) })
		if old != nil {
			gone = append(gone, old)
		}
		if kept != nil {
			l.retries.push(kept)
		}
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
