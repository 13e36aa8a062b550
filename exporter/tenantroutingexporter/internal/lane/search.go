package lane

import (
	"slices"
	"time"
)

const (
	// searchTime is how long the attempts of one search may take in a lane that has to
	// keep the order, where everything else waits for it. What is left then is sent and judged
	// as it is, by payloads.
	searchTime = 2 * time.Minute

	// searchPatience is how long a search waits for the budget of its lane, in lanes in
	// which other batches go on, and how long its attempts may take there.
	searchPatience = 10 * time.Minute

	// maxSearches is how many searches of a lane wait. With more, the lane begins nothing
	// new, and none of them waits for the budget.
	maxSearches = 8

	// futileAfter refusals in a row of what cannot be taken apart, with nothing taken in
	// between, the destination refuses everything.
	futileAfter = 64

	// futileProbe is how often the records of a payload are searched nevertheless.
	futileProbe = time.Minute

	// futileLog is how often a lane logs that its destination refuses everything.
	futileLog = 10 * time.Minute
)

// search finds the records that a destination refuses in a batch.
type search struct {
	parts fifo[*portion] // what has no outcome and is not in flight, in the order in which it goes
	began time.Time
	spent time.Duration // in attempts
}

// cut counts what is left of a payload that goes in several portions.
type cut struct {
	left      int      // records without an outcome
	allowance int      // requests that taking it apart may cost yet
	run       *portion // of what is left, the last that are refused one after the other for one reason
}

// futility is what a lane knows of a destination that refuses everything.
type futility struct {
	refusals int // in a row, of what cannot be taken apart
	on       bool
	probeAt  time.Time // when the records of a payload are searched again
	quiet    time.Time // when it is logged again
}

// source is where the next batch of a lane comes from.
type source uint8

const (
	fromNothing source = iota
	fromSearch
	fromRetries
	fromQueue
)

// choice is the next batch of a lane.
type choice struct {
	source source
	search int       // with fromSearch: which one
	at     time.Time // with fromNothing: when to look again; zero: when something has changed
}

// ordered tells whether the lane delivers in order, so that nothing may pass a search.
func (l *lane) ordered(c *Config) bool { return l.concurrency(c) == 1 }

// choose says where the next batch of l comes from. The lane has a target.
func (s *Scheduler) choose(l *lane, now time.Time) choice {
	var ch choice
	if l.searches.len() > 0 && !l.seeking() {
		ch = s.chooseSearch(l, now)
	}
	if l.searches.len() > 0 && l.ordered(&s.Config) || ch.source == fromSearch && !l.sought {
		return ch
	}
	other := fromNothing
	switch {
	case l.retries.len() > 0:
		other = fromRetries
	case l.queue.len() == 0 || l.searches.len() >= maxSearches:
	case l.waiting < int64(l.batchBytes(&s.Config)) && now.Before(l.lingerUntil) && !s.draining:
		ch.at = sooner(ch.at, l.lingerUntil)
	default:
		other = fromQueue
	}
	if other != fromNothing {
		return choice{source: other}
	}
	return ch
}

// chooseSearch returns the first search that can go on.
func (s *Scheduler) chooseSearch(l *lane, now time.Time) (ch choice) {
	l.budget.refill(now)
	for i := range l.searches.len() {
		se := l.searches.item(i)
		s.postpone(l, se)
		if se.parts.len() == 0 {
			continue
		}
		po := se.parts.peek()
		if cost := po.cost(); cost > l.budget.requests && s.waits(l, se, now) {
			ch.at = sooner(ch.at, sooner(l.budget.when(cost), se.began.Add(searchPatience)))
			continue
		}
		return choice{source: fromSearch, search: i}
	}
	return ch
}

// sooner returns the first of two times, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// waits tells whether a search may wait for the budget.
func (s *Scheduler) waits(l *lane, se *search, now time.Time) bool {
	return !s.draining && !l.ordered(&s.Config) && l.searches.len() < maxSearches && now.Before(se.began.Add(searchPatience))
}

// postpone puts parts of payloads that have used their share behind everything else of
// the search, where that does not change an order.
func (s *Scheduler) postpone(l *lane, se *search) {
	if l.ordered(&s.Config) || l.futile.on {
		return
	}
	for se.parts.len() > 0 {
		po := se.parts.peek()
		if po.cut == nil || po.later || po.records() == 1 || l.affords(po) {
			return
		}
		se.parts.pop()
		po.later, po.after, po.refused = true, nil, 0
		se.parts.push(po)
	}
}

// affords tells whether the requests for the halves of a part of a payload are left.
func (l *lane) affords(po *portion) bool {
	if po.later {
		return !l.futile.on
	}
	return po.cut.allowance-po.reserve >= 2*po.cost()
}

// divides tells whether po is taken apart if it is refused. Payloads are always found out one
// by one; what that costs is bounded by what was accepted.
func (s *Scheduler) divides(l *lane, po *portion, now time.Time) bool {
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
	case l.futile.on && now.Before(l.futile.probeAt):
		return false
	}
	if l.budget.requests >= 2 {
		return true
	}
	if po.search == nil { // of a search that would begin
		return s.waits(l, &search{began: now}, now)
	}
	return s.waits(l, po.search, now)
}

// seeking tells whether a part of a search is in flight. Others wait for its outcome, which
// says something about them.
func (l *lane) seeking() bool {
	return slices.ContainsFunc(l.attempts, func(a *attempt) bool { return a.search != nil })
}

// takeFrom removes the next part of a search.
func (s *Scheduler) takeFrom(l *lane, i int, now time.Time) *portion {
	se := l.searches.item(i)
	po := se.parts.pop()
	if !l.ordered(&s.Config) { // searches take turns
		l.searches.remove(i)
		l.searches.push(se)
	}
	// What has to be in it needs no request to be found out, unless all of it is refused.
	if po.refusing && po.refusals < po.records() && po.divisible(s.Cut != nil) && s.divides(l, po, now) {
		first, second := l.divide(po, po.refusals, now)
		se.parts.pushFront(second)
		return first
	}
	return po
}

// divide returns the halves of a portion that is refused, in so many records if that is known.
func (l *lane) divide(po *portion, refused int, now time.Time) (a, b *portion) {
	if len(po.entries) == 1 && po.cut == nil {
		least := 2 * oneOf(po.records()) * po.unit()
		l.budget.grant(least)
		po.allowance = l.budget.requests
		if po.search.parts.len() > 0 { // others are to come
			po.allowance /= 2
		}
		po.allowance = max(po.allowance, least)
		if l.futile.on {
			po.allowance, l.futile.probeAt = least, now.Add(futileProbe)
		}
	}
	a, b = po.divide()
	a.after, a.refused = b, refused
	return a, b
}

// enqueue puts halves of a portion into their search. Of what had its turn, all parts become
// smaller before any of them is taken apart further.
func (se *search) enqueue(a, b *portion) {
	if b.later {
		se.parts.push(a)
		se.parts.push(b)
		return
	}
	se.parts.pushFront(b)
	se.parts.pushFront(a)
}

// takeApart queues the parts of a batch.
func (s *Scheduler) takeApart(l *lane, b *Batch, res *Result, now time.Time) {
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
		first, second := l.divide(po, 0, now)
		first.after = nil // that a half is not too large says nothing about the other
		se.enqueue(first, second)
		return
	}
	po.conclude(refusedOf(b, res))
	if l.futile.on && len(po.entries) > 1 { // halves would be refused
		for _, p := range slices.Backward(po.entries) {
			se.parts.pushFront(&portion{entries: []*Payload{p}, search: se})
		}
		return
	}
	se.enqueue(l.divide(po, max(res.Rejected, 0), now))
}

// again puts back what was taken and not sent.
func (l *lane) again(po *portion) {
	if po.search != nil {
		po.search.parts.pushFront(po)
	} else {
		l.retries.pushFront(po)
	}
}

// endSearches forgets searches of which nothing is left.
func (l *lane) endSearches() {
	for i := 0; i < l.searches.len(); {
		se := l.searches.item(i)
		if se.parts.len() > 0 || slices.ContainsFunc(l.attempts, func(a *attempt) bool { return a.search == se }) {
			i++
			continue
		}
		l.searches.remove(i)
	}
}

// spend takes what it cost to send po from the budget.
func (l *lane) spend(po *portion) {
	if cost := po.cost(); cost > 0 {
		l.budget.requests -= cost
		po.cut.allowance -= cost
	}
}

// learn notes what an answer says about a destination that may refuse everything.
func (s *Scheduler) learn(l *lane, b *Batch, out *outcome, now time.Time) {
	f := &l.futile
	switch {
	case out.Verdict == Delivered && out.Rejected < b.Records || out.Verdict == Refused && 0 < out.Rejected && out.Rejected < b.Records:
		f.refusals, f.on = 0, false
	case out.Verdict != Refused || out.apart:
	default:
		if f.refusals++; f.refusals < futileAfter || f.on {
			return
		}
		f.on, f.probeAt = true, now.Add(futileProbe)
		if !now.Before(f.quiet) {
			f.quiet = now.Add(futileLog)
			s.Logger.Warn("A destination refuses everything; requests are not split for now, except one per minute", s.fields(b, out.Result)...)
		}
	}
}

// hold keeps a refused portion of a payload until it is known whether its neighbours are
// refused too: together they are one dead letter.
func (l *lane) hold(po *portion, res *Result) {
	c := po.cut
	if run := c.run; run != nil && run.end == po.first && alike(run.letter, res) {
		run.end = po.end
	} else {
		if run != nil {
			run.search.parts.pushFront(run)
		}
		why := *res
		c.run = &portion{entries: po.entries, cut: c, first: po.first, end: po.end, search: po.search, letter: &why}
	}
	l.flush(c)
}

// flush queues what is held of a payload if nothing else of it is without an outcome.
func (l *lane) flush(c *cut) {
	if c.run != nil && c.left == c.run.records() {
		c.run.search.parts.pushFront(c.run)
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

// passStored counts what the destination is known to have.
func (s *Scheduler) passStored(l *lane) {
	for i := range l.searches.len() {
		parts := &l.searches.item(i).parts
		for parts.len() > 0 && parts.peek().stored {
			po := parts.pop()
			l.stats.Delivered += int64(po.records())
			s.release(l, po)
		}
	}
	l.endSearches()
}
