// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import "time"

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
	search int       // with fromSearch: its index
	at     time.Time // with fromNothing: when to choose again; zero: after a change of the lane
}

// ordered reports whether the lane delivers in order, so that nothing may overtake a search.
func (l *lane) ordered(c *Config) bool { return l.concurrency(c) == 1 }

// choose returns where the next batch of l comes from. The lane has a target.
func (s *Scheduler) choose(l *lane, now time.Time) choice {
	var ch choice
	if l.searches.len() > 0 && !l.searchInFlight() {
		ch = s.chooseSearch(l, now)
	}
	if l.searches.len() > 0 && l.ordered(&s.Config) || ch.source == fromSearch && !l.fromSearch {
		return ch
	}
	other := fromNothing
	switch {
	case l.retries.len() > 0:
		other = fromRetries
	case l.queue.len() == 0 || l.searches.len() >= maxSearches:
	case l.queuedBytes < int64(l.batchBytes(&s.Config)) && now.Before(l.lingerUntil) && !s.draining:
		ch.at = earlier(ch.at, l.lingerUntil)
	default:
		other = fromQueue
	}
	if other != fromNothing {
		return choice{source: other}
	}
	return ch
}

// chooseSearch returns the first search that can continue.
func (s *Scheduler) chooseSearch(l *lane, now time.Time) (ch choice) {
	l.budget.refill(now)
	for i := range l.searches.len() {
		se := l.searches.item(i)
		s.postpone(l, se)
		if se.parts.len() == 0 {
			continue
		}
		po := se.parts.peek()
		if cost := po.cost(); cost > l.budget.requests && s.mayWait(l, se, now) {
			ch.at = earlier(ch.at, earlier(l.budget.when(cost), se.began.Add(searchPatience)))
			continue
		}
		return choice{source: fromSearch, search: i}
	}
	return ch
}

// earlier returns the earlier of two times. If a is zero, it returns b.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
