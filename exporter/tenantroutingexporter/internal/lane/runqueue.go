// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// patience is how long an attempt keeps a slot that quick lanes need.
	patience = 100 * time.Millisecond

	// slowAfter is the duration of an attempt from which its lane is slow.
	slowAfter = time.Second

	// maxInFlightFactor times InFlight bounds all attempts in flight, those included
	// that no longer have a slot of a quick class.
	maxInFlightFactor = 4
)

// class decides from which slots the next attempt of a lane takes one, so that slow lanes do not
// delay quick ones.
type class uint8

const (
	classQuick    class = iota // the last attempt was quick
	classNew                   // no attempt has ended yet
	classSlow                  // the last attempt failed or took long
	classIsolated              // the next payload may have ended an earlier process, and is sent alone
	numClasses
)

func (c class) quick() bool { return c <= classNew }

// endpoint is what targets with the same endpoint name share. It is guarded by Scheduler.mu.
type endpoint struct {
	name       string
	lanes      int                     // that have a target here
	ready      [numClasses]fifo[*lane] // lanes with a batch to send
	inRunQueue [numClasses]bool        // it is in the run queue of the class
	quick      int                     // attempts with a slot of a quick class
	slow       int                     // all others
}

// classSlots bounds the attempts of one class.
type classSlots struct {
	limit    int
	busy     int
	runQueue fifo[*endpoint] // endpoints with ready lanes of the class that may have one more attempt
}

// slots is guarded by Scheduler.mu.
type slots struct {
	classes    [numClasses]classSlots
	slowOf     map[tenant.ID]int // slots of the slow class by tenant; no zero values
	throttled  fifo[*lane]       // ready slow lanes whose tenant has its share of slots
	recent     fifo[*attempt]    // quick attempts in the order in which they began, including ended ones
	overdue    fifo[*attempt]    // attempts that demote moved to the slow class, likewise
	preempting bool              // an overdue attempt was canceled and has not returned
}

func newSlots(inFlight int) slots {
	s := slots{slowOf: make(map[tenant.ID]int)}
	for c, limit := range [numClasses]int{inFlight, inFlight, max(1, inFlight/2), 1} {
		s.classes[c].limit = limit
	}
	return s
}

// setTarget gives l the target t.
func (s *Scheduler) setTarget(l *lane, t Target) {
	name := t.Endpoint()
	l.target = t
	if l.endpoint != nil && l.endpoint.name == name {
		return
	}
	s.leaveEndpoint(l)
	ep := s.endpoints[name]
	if ep == nil {
		ep = &endpoint{name: name}
		s.endpoints[name] = ep
	}
	ep.lanes++
	l.endpoint = ep
}

// leaveEndpoint removes l from its endpoint. A run queue that still holds l skips it, because l has
// another endpoint by then.
func (s *Scheduler) leaveEndpoint(l *lane) {
	ep := l.endpoint
	if ep == nil {
		return
	}
	l.endpoint, l.ready = nil, false
	if ep.lanes--; ep.lanes == 0 {
		delete(s.endpoints, ep.name)
	}
}

// class returns the class of the next attempt of l, which has work and a target.
func (s *Scheduler) class(l *lane, now time.Time) class {
	p := l.first(s.choose(l, now))
	switch {
	case p != nil && p.Deaths > 0:
		return classIsolated
	case l.breaker.failing() || l.slow:
		return classSlow
	}
	for _, a := range l.attempts {
		if now.Sub(a.began) >= slowAfter {
			return classSlow
		}
	}
	if !l.measured {
		return classNew
	}
	return classQuick
}

// hasCapacity reports whether ep may have one more attempt of the class.
func (s *Scheduler) hasCapacity(ep *endpoint, c class) bool {
	switch c {
	case classQuick, classNew:
		return ep.quick < s.EndpointConcurrency
	case classSlow:
		return ep.slow < max(1, s.EndpointConcurrency/2)
	}
	return true
}

// takeSlot gives a a slot of the class.
func (s *Scheduler) takeSlot(a *attempt, c class) {
	a.class = c
	s.slots.classes[c].busy++
	if c.quick() {
		a.endpoint.quick++
		return
	}
	a.endpoint.slow++
	if c == classSlow {
		s.slots.slowOf[a.lane.key.Tenant]++
	}
}

// freeSlot frees the slot of a.
func (s *Scheduler) freeSlot(a *attempt) {
	s.slots.classes[a.class].busy--
	if a.class.quick() {
		a.endpoint.quick--
	} else {
		a.endpoint.slow--
	}
	if a.class == classSlow {
		id := a.lane.key.Tenant
		if s.slots.slowOf[id]--; s.slots.slowOf[id] <= 0 {
			delete(s.slots.slowOf, id)
		}
		for range s.slots.throttled.len() {
			if l := s.slots.throttled.pop(); l.ready && l.endpoint != nil {
				s.makeReady(l, time.Now())
			}
		}
	}
	s.queueEndpoint(a.endpoint)
}

// makeReady appends l to the ready lanes of its endpoint.
func (s *Scheduler) makeReady(l *lane, now time.Time) {
	l.endpoint.ready[s.class(l, now)].push(l)
	s.queueEndpoint(l.endpoint)
}

// queueEndpoint appends ep to the run queues of the classes in which it can begin an attempt.
func (s *Scheduler) queueEndpoint(ep *endpoint) {
	for c := range numClasses {
		if !ep.inRunQueue[c] && ep.ready[c].len() > 0 && s.hasCapacity(ep, c) {
			ep.inRunQueue[c] = true
			s.slots.classes[c].runQueue.push(ep)
		}
	}
}

// dispatch starts attempts while there are free slots. The endpoints of a class alternate, and so do the
// lanes of an endpoint.
func (s *Scheduler) dispatch(now time.Time) {
	s.demote(now)
	for c := range numClasses {
		cs := &s.slots.classes[c]
		for s.started && !s.halted && cs.busy < cs.limit && cs.runQueue.len() > 0 {
			if s.inFlight >= maxInFlightFactor*s.InFlight {
				if c.quick() {
					s.preemptOldest()
				}
				break
			}
			ep := cs.runQueue.pop()
			ep.inRunQueue[c] = false
			if ep.ready[c].len() == 0 || !s.hasCapacity(ep, c) {
				continue
			}
			l := ep.ready[c].pop()
			s.queueEndpoint(ep)
			s.dispatchLane(l, ep, c, now)
		}
	}
	s.scheduleDemotion()
}

// dispatchLane begins an attempt of l, which was a ready lane of ep and the class.
func (s *Scheduler) dispatchLane(l *lane, ep *endpoint, c class, now time.Time) {
	switch {
	case !l.ready || l.endpoint != ep:
		return // it has another target now
	case s.choose(l, now).source == fromNothing:
		l.ready = false
		s.reschedule(l, now)
		return
	case s.class(l, now) != c:
		s.makeReady(l, now)
		return
	case c == classSlow && s.slots.slowOf[l.key.Tenant] >= max(1, s.slots.classes[c].limit-s.slots.classes[c].busy):
		// A tenant may have as many slots as are free, as with bytes.
		s.slots.throttled.push(l)
		return
	}
	l.ready = false
	s.startAttempt(l, ep, c, now)
	s.reschedule(l, now)
}

// demote moves quick attempts that take longer than patience to the slow class, which frees
// their slots.
func (s *Scheduler) demote(now time.Time) {
	for s.slots.recent.len() > 0 {
		a := s.slots.recent.peek()
		if !a.ended && now.Sub(a.began) < patience {
			return
		}
		s.slots.recent.pop()
		if !a.ended {
			s.freeSlot(a)
			s.takeSlot(a, classSlow)
			s.slots.overdue.push(a)
		}
		s.pruneOverdue()
	}
}

// pruneOverdue removes ended attempts from the list, which bounds it.
func (s *Scheduler) pruneOverdue() {
	if s.slots.overdue.len() <= 2*maxInFlightFactor*s.InFlight {
		return
	}
	for range s.slots.overdue.len() {
		if a := s.slots.overdue.pop(); !a.ended {
			s.slots.overdue.push(a)
		}
	}
}

// scheduleDemotion makes the loop call dispatch when the next quick attempt is due for demotion.
func (s *Scheduler) scheduleDemotion() {
	s.demoteAt = time.Time{}
	if s.slots.recent.len() == 0 {
		return
	}
	s.demoteAt = s.slots.recent.peek().began.Add(patience)
	s.wakeLoop(s.demoteAt)
}

// preemptOldest cancels the attempt that is in flight for the longest time. It is called when all
// slots are taken and a quick lane needs one.
func (s *Scheduler) preemptOldest() {
	for !s.slots.preempting && s.slots.overdue.len() > 0 {
		if a := s.slots.overdue.pop(); !a.ended {
			a.preempted = true
			s.slots.preempting = true
			a.cancel()
		}
	}
}
