// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"slices"
	"time"
)

const (
	// minBatchCap is the least size limit that a lane learns from a destination that finds batches too large.
	minBatchCap = 4 << 10

	// searchTime bounds the duration of all attempts of one search in a lane that delivers in order, where
	// everything else waits for the search. After it, the remaining payloads are sent one by one and
	// not split.
	searchTime = 2 * time.Minute

	// searchPatience bounds the same in other lanes, and how long a search waits there for the budget
	// of its lane.
	searchPatience = 10 * time.Minute

	// maxSearches is how many searches a lane may have. While it has as many, it begins no new batch and
	// no search waits for the budget.
	maxSearches = 8

	// rejectsAllAfter is how many indivisible portions in a row a destination rejects until it
	// is considered to reject everything.
	rejectsAllAfter = 64

	// rejectsAllProbe is how often a payload is split even so.
	rejectsAllProbe = time.Minute

	// rejectsAllLog is the least time between two log lines about it.
	rejectsAllLog = 10 * time.Minute
)

// search finds the records of a batch that a destination rejects, by sending halves of it.
type search struct {
	parts fifo[*portion] // without an outcome and not in flight, in the order in which they are sent
	began time.Time
	spent time.Duration // in attempts
}

// rejectsAll detects a destination that rejects everything, for which splitting is wasted.
type rejectsAll struct {
	rejections int // of indivisible portions in a row
	on         bool
	probeAt    time.Time // when a payload is split again
	quiet      time.Time // until then it is not logged
}

// mayWait reports whether a search may wait for the budget.
func (s *Scheduler) mayWait(l *lane, se *search, now time.Time) bool {
	return !s.draining && !l.ordered(&s.Config) && l.searches.len() < maxSearches && now.Before(se.began.Add(searchPatience))
}

// postpone moves parts of payloads that have used their share behind all other parts of the
// search, unless the lane delivers in order.
func (s *Scheduler) postpone(l *lane, se *search) {
	if l.ordered(&s.Config) || l.rejectsAll.on {
		return
	}
	for se.parts.len() > 0 {
		po := se.parts.peek()
		if po.cut == nil || po.postponed || po.records() == 1 || l.affords(po) {
			return
		}
		se.parts.pop()
		po.postponed, po.sibling, po.rejected = true, nil, 0
		se.parts.push(po)
	}
}

// affords reports whether the allowance of a payload covers the halves of its part po.
func (l *lane) affords(po *portion) bool {
	if po.postponed {
		return !l.rejectsAll.on
	}
	return po.cut.allowance-po.reserve >= 2*po.cost()
}

// willSplit reports whether po is split if it is rejected. A batch of several payloads always is; what that
// costs is bounded by the number of accepted payloads.
func (s *Scheduler) willSplit(l *lane, po *portion, now time.Time) bool {
	if len(po.entries) > 1 {
		return true
	}
	if se := po.search; se != nil {
		limit := searchPatience
		if l.ordered(&s.Config) {
			limit = searchTime
		}
		if se.spent >= limit {
			return false
		}
	}
	l.budget.refill(now)
	switch {
	case po.cut != nil:
		if !l.affords(po) {
			return false
		}
	case l.rejectsAll.on && now.Before(l.rejectsAll.probeAt):
		return false
	}
	if l.budget.requests >= 2 {
		return true
	}
	if po.search == nil { // a search would begin now
		return s.mayWait(l, &search{began: now}, now)
	}
	return s.mayWait(l, po.search, now)
}

// searchInFlight reports whether a part of a search is in flight. The others wait for its outcome, from
// which their own may follow.
func (l *lane) searchInFlight() bool {
	return slices.ContainsFunc(l.attempts, func(a *attempt) bool { return a.search != nil })
}

// takeFromSearch removes the next part of a search.
func (s *Scheduler) takeFromSearch(l *lane, i int, now time.Time) *portion {
	se := l.searches.item(i)
	po := se.parts.pop()
	if !l.ordered(&s.Config) { // searches alternate
		l.searches.remove(i)
		l.searches.push(se)
	}
	// That records of it are rejected is known, so it is split without a request, unless all of it is rejected.
	if po.rejecting && po.rejections < po.records() && po.divisible(s.Cut != nil) && s.willSplit(l, po, now) {
		first, second := l.halve(po, po.rejections, now)
		se.parts.pushFront(second)
		return first
	}
	return po
}

// halve returns the halves of a rejected portion. rejected is how many records of it are rejected; 0: not
// known.
func (l *lane) halve(po *portion, rejected int, now time.Time) (a, b *portion) {
	if len(po.entries) == 1 && po.cut == nil {
		least := 2 * searchCost(po.records()) * po.unit()
		l.budget.grant(least)
		po.allowance = l.budget.requests
		if po.search.parts.len() > 0 { // later parts need some too
			po.allowance /= 2
		}
		po.allowance = max(po.allowance, least)
		if l.rejectsAll.on {
			po.allowance, l.rejectsAll.probeAt = least, now.Add(rejectsAllProbe)
		}
	}
	a, b = po.halve()
	a.sibling, a.rejected = b, rejected
	return a, b
}

// enqueue puts halves of a portion into their search. Halves of a postponed portion go to the end, so that
// all postponed parts become smaller at the same rate.
func (se *search) enqueue(a, b *portion) {
	if b.postponed {
		se.parts.push(a)
		se.parts.push(b)
		return
	}
	se.parts.pushFront(b)
	se.parts.pushFront(a)
}

// splitBatch queues the halves of a batch.
func (s *Scheduler) splitBatch(l *lane, b *Batch, res *Result, now time.Time) {
	po := b.portion
	se := po.search
	if se == nil {
		se = &search{began: now, spent: l.lastTook}
		po.search = se
		l.searches.push(se)
	}
	if res.Verdict == TooLarge {
		po.conclude(unknown)
		if len(po.entries) > 1 {
			l.batchCap = max(b.Bytes/2, minBatchCap)
		}
		first, second := l.halve(po, 0, now)
		first.sibling = nil // the size of one half implies nothing about the other
		se.enqueue(first, second)
		return
	}
	po.conclude(rejectedOf(b, res))
	if l.rejectsAll.on && len(po.entries) > 1 { // halves would be rejected too
		for _, p := range slices.Backward(po.entries) {
			se.parts.pushFront(&portion{entries: []*Payload{p}, search: se})
		}
		return
	}
	se.enqueue(l.halve(po, max(res.Rejected, 0), now))
}

// pruneSearches removes searches without parts.
func (l *lane) pruneSearches() {
	for i := 0; i < l.searches.len(); {
		se := l.searches.item(i)
		if se.parts.len() > 0 || slices.ContainsFunc(l.attempts, func(a *attempt) bool { return a.search == se }) {
			i++
			continue
		}
		l.searches.remove(i)
	}
}

// spend takes the cost of sending po from the budget.
func (l *lane) spend(po *portion) {
	if cost := po.cost(); cost > 0 {
		l.budget.requests -= cost
		po.cut.allowance -= cost
	}
}

// observeAnswer updates whether the destination rejects everything.
func (s *Scheduler) observeAnswer(l *lane, b *Batch, out *outcome, now time.Time) {
	f := &l.rejectsAll
	switch {
	case out.Verdict == Delivered && out.Rejected < b.Records || out.Verdict == Rejected && 0 < out.Rejected && out.Rejected < b.Records:
		f.rejections, f.on = 0, false
	case out.Verdict != Rejected || out.split:
	default:
		if f.rejections++; f.rejections < rejectsAllAfter || f.on {
			return
		}
		f.on, f.probeAt = true, now.Add(rejectsAllProbe)
		if !now.Before(f.quiet) {
			f.quiet = now.Add(rejectsAllLog)
			s.Logger.Warn("A destination rejects all requests; only one request per minute is split to find rejected records", fields(b, &out.Result)...)
		}
	}
}

// mergeDeadLetter holds a rejected portion of a payload until it is known whether its neighbors are
// rejected for the same reason: together they are one dead letter.
func (l *lane) mergeDeadLetter(po *portion, res *Result) {
	c := po.cut
	if run := c.run; run != nil && run.end == po.first && alike(run.deadLetter, res) {
		run.end = po.end
	} else {
		if run != nil {
			run.search.parts.pushFront(run)
		}
		why := *res
		c.run = &portion{entries: po.entries, cut: c, first: po.first, end: po.end, search: po.search, deadLetter: &why}
	}
	l.flushDeadLetter(c)
}

// flushDeadLetter queues the held portion of a payload when all its other records have an outcome.
func (l *lane) flushDeadLetter(c *cut) {
	if c.run != nil && c.remaining == c.run.records() {
		c.run.search.parts.pushFront(c.run)
		c.run = nil
	}
}

// alike reports whether two rejections have the same reason and text.
func alike(a, b *Result) bool {
	if a.Reason != b.Reason || (a.Err == nil) != (b.Err == nil) {
		return false
	}
	return a.Err == nil || a.Err.Error() == b.Err.Error()
}

// completeStored completes portions that the destination is known to have.
func (s *Scheduler) completeStored(l *lane) {
	for i := range l.searches.len() {
		parts := &l.searches.item(i).parts
		for parts.len() > 0 && parts.peek().stored {
			po := parts.pop()
			l.stats.Delivered += int64(po.records())
			s.complete(l, po)
		}
	}
	l.pruneSearches()
}
