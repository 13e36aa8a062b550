// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// maxWatched bounds a batch of watched payloads: if the process ends while it sends them, all
// of them may be the cause.
const maxWatched = 32

// lane is the queue of one tenant, destination and signal. It is guarded by Scheduler.mu.
type lane struct {
	key      Key
	target   Target    // nil: not known yet
	endpoint *endpoint // of target
	stats    *Stats
	breaker  breaker

	queue      fifo[*Payload] // accepted, not yet part of a batch
	retries    fifo[*portion] // goes before the queue
	searches   fifo[*search]  // for the records of batches that the destination rejected
	fromSearch bool           // the last batch was part of a search
	budget     budget         // of the searches
	rejectsAll rejectsAll

	reserved    int   // offers that are admitted here and not queued yet
	bytes       int64 // reserved, queued, to be retried and in flight
	queuedBytes int64 // of queue alone
	inFlight    int
	attempts    []*attempt // in flight

	measured   bool // an attempt has ended
	slow       bool // the last one took long
	unexpected bool // the last answer is not one that such a destination gives

	answer       *healthboard.LaneAnswer // to the last attempt, if it failed
	delivered    time.Time               // when the last attempt succeeded; zero: none has
	loggedReason string                  // of the failure in the log
	quietUntil   time.Time               // until then rejections are not logged
	unlogged     int64                   // rejections since the last one that was logged

	lingerUntil time.Time     // a batch that is not full waits until then
	batchCap    int           // learned from a destination that found batches too large; 0: none
	lastTook    time.Duration // duration of the last attempt
	lastUse     time.Time

	ready      bool      // it is in the run queue of its endpoint, or waits for a slot of its tenant
	timerAt    time.Time // when the loop reschedules it
	timerIndex int       // in Scheduler.timers; -1: it has no timer
}

// open returns the lane k. If target is not nil, the lane uses it from now on.
func (s *Scheduler) open(k Key, target Target, now time.Time) *lane {
	l := s.lanes[k]
	if l == nil {
		l = &lane{key: k, timerIndex: -1, stats: s.statsOf(k), budget: newBudget(now), breaker: breaker{cfg: &s.Config}}
		s.lanes[k] = l
	}
	l.lastUse = now
	if target != nil && target != l.target {
		s.setTarget(l, target)
	}
	return l
}

// closeIfIdle closes a lane that has been empty for a while.
func (s *Scheduler) closeIfIdle(l *lane, now time.Time) bool {
	if l.hasWork() || l.inFlight > 0 || l.reserved > 0 || now.Before(l.idleUntil(&s.Config)) {
		return false
	}
	delete(s.lanes, l.key)
	s.leaveEndpoint(l)
	return true
}

// idleUntil returns when the lane closes if it stays empty. A new lane would have a full budget, so
// this one is kept until its own is full.
func (l *lane) idleUntil(c *Config) time.Time {
	idle, full := l.lastUse.Add(c.IdleTimeout), l.budget.when(searchBurst)
	if full.After(idle) {
		return full
	}
	return idle
}

// reschedule decides what l does next: enter the run queue, wait for a time, or nothing. It is called
// after every change to l; dispatch then starts what is in the run queue.
func (s *Scheduler) reschedule(l *lane, now time.Time) {
	s.completeStored(l)
	oldest, waits := l.oldest()
	if waits && !now.Before(oldest.Add(s.MaxAge)) {
		s.drop(l, l.expired(now.Add(-s.MaxAge)), ReasonExpired)
		l.pruneSearches()
		oldest, waits = l.oldest()
	}
	var at time.Time
	switch {
	case l.ready:
	case !waits:
		if l.inFlight == 0 && l.reserved == 0 {
			at = l.idleUntil(&s.Config)
		}
	case l.target == nil:
		at = oldest.Add(s.MaxAge)
	case l.inFlight >= l.limit(&s.Config):
		// The end of an attempt reschedules the lane.
	case !l.breaker.ready(now) && !s.draining:
		at = earlier(l.breaker.retryAt, oldest.Add(s.MaxAge))
	default:
		ch := s.choose(l, now)
		if ch.source != fromNothing {
			l.ready = true
			s.makeReady(l, now)
			break
		}
		if at = ch.at; !at.IsZero() {
			at = earlier(at, oldest.Add(s.MaxAge))
		}
	}
	s.setTimer(l, at)
}

func (l *lane) hasWork() bool {
	return l.queue.len() > 0 || l.retries.len() > 0 || l.searches.len() > 0
}

// push queues p, whose cost is already part of l.bytes. A batch that p begins waits until linger to
// become full.
func (l *lane) push(p *Payload, linger time.Time) {
	if l.queue.len() == 0 {
		l.lingerUntil = linger
	}
	l.queue.push(p)
	l.queuedBytes += int64(p.Size)
	l.stats.QueuedRecords += int64(p.Records)
	l.stats.QueuedBytes += int64(p.Size)
}

// first returns the first payload of the chosen batch, or nil if there is none.
func (l *lane) first(ch choice) *Payload {
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

// concurrency returns how many batches may be in flight if the last attempt succeeded.
func (l *lane) concurrency(c *Config) int {
	n := c.Concurrency
	if b := l.target.Bounds().Concurrency; b > 0 && b < n {
		n = b
	}
	return n
}

// limit returns how many batches may be in flight. There is one probe at a time.
func (l *lane) limit(c *Config) int {
	if l.breaker.failing() {
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

// take removes the payloads of the chosen batch from the lane.
func (s *Scheduler) take(l *lane, ch choice, now time.Time) *portion {
	l.fromSearch = ch.source == fromSearch
	switch ch.source {
	case fromSearch:
		return s.takeFromSearch(l, ch.search, now)
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
		if len(entries) > 0 && (size+p.Size > limit || len(entries) == maxWatched && p.Watched || !mergeable(entries[0], p)) {
			break
		}
		l.queue.pop()
		l.queuedBytes -= int64(p.Size)
		size += p.Size
		entries = append(entries, p)
	}
	return &portion{entries: entries}
}

// mergeable reports whether two payloads may be sent in one batch.
func mergeable(a, b *Payload) bool {
	return a.Deaths == 0 && b.Deaths == 0 && a.Rejection == b.Rejection
}

// requeue puts back a portion that was taken and not delivered.
func (l *lane) requeue(po *portion) {
	if po.search != nil {
		po.search.parts.pushFront(po)
	} else {
		l.retries.pushFront(po)
	}
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

// oldestHeld is like oldest, and includes payloads in flight.
func (l *lane) oldestHeld() (at time.Time, ok bool) {
	at, ok = l.oldest()
	for _, a := range l.attempts {
		if !ok || a.since.Before(at) {
			at, ok = a.since, true
		}
	}
	return at, ok
}

// expired removes and returns the payloads that were accepted at the time cut or earlier and are
// not in flight.
func (l *lane) expired(cut time.Time) []*portion {
	var removed []*portion
	filter := func(parts *fifo[*portion]) {
		for range parts.len() {
			old, kept := parts.pop().partition(func(p *Payload) bool { return !p.Accepted.After(cut) })
			if old != nil {
				removed = append(removed, old)
			}
			if kept != nil {
				parts.push(kept)
			}
		}
	}
	filter(&l.retries)
	for i := range l.searches.len() {
		filter(&l.searches.item(i).parts)
	}
	var entries []*Payload
	for l.queue.len() > 0 && !l.queue.peek().Accepted.After(cut) {
		p := l.queue.pop()
		l.queuedBytes -= int64(p.Size)
		entries = append(entries, p)
	}
	if len(entries) > 0 {
		removed = append(removed, &portion{entries: entries})
	}
	return removed
}

// state returns what the lane does, for metrics.
func (l *lane) state(now time.Time) State {
	switch {
	case l.breaker.state(now) != BreakerClosed:
		return StateOpen
	case l.breaker.failing() || (l.target == nil && l.hasWork()):
		return StateWaiting
	case l.hasWork() || l.inFlight > 0:
		return StateActive
	}
	return StateIdle
}
