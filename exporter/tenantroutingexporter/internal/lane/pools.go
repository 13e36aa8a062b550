package lane

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// patience is how long an attempt keeps a slot that quick lanes need.
	patience = 100 * time.Millisecond

	// slowAfter is how long an attempt takes whose lane is slow.
	slowAfter = time.Second

	// capFactor times InFlight attempts are under way at most, those included
	// that gave their slot up.
	capFactor = 4
)

// class is which pool the next attempt of a lane takes its slot from.
type class uint8

const (
	classGood     class = iota // its last attempt was quick
	classNew                   // no attempt has ended yet
	classSlow                  // it fails, or its attempts take long
	classDoubtful              // what it sends next may have ended the process
	numClasses
)

func (c class) quick() bool { return c <= classNew }

// pool bounds the attempts of one class.
type pool struct {
	limit int
	busy  int
	line  fifo[*endpoint] // endpoints with parked lanes of the class and room for them
}

// pools are guarded by Scheduler.mu.
type pools struct {
	pools  [numClasses]pool
	slowOf map[tenant.ID]int // slots of the slow pool by tenant; no zero values
	denied fifo[*lane]       // parked slow lanes whose tenant has its share
	young  fifo[*attempt]    // quick attempts in the order of their starts, ended ones too
	aged   fifo[*attempt]    // those that gave their slot up, likewise
	giving bool              // an aged attempt was ended for another and has not returned
}

func newPools(inFlight int) pools {
	p := pools{slowOf: make(map[tenant.ID]int)}
	for c, limit := range [numClasses]int{inFlight, inFlight, max(1, inFlight/2), 1} {
		p.pools[c].limit = limit
	}
	return p
}

// class returns the class of the next attempt of l, which has work and a target.
func (s *Scheduler) class(l *lane, now time.Time) class {
	p := l.next(s.choose(l, now))
	switch {
	case p != nil && p.Deaths > 0:
		return classDoubtful
	case l.failures > 0 || l.slow:
		return classSlow
	}
	for _, a := range l.attempts {
		if now.Sub(a.began) >= slowAfter {
			return classSlow
		}
	}
	if !l.known {
		return classNew
	}
	return classGood
}

// room says whether ep has room for one more attempt of the class.
func (s *Scheduler) room(ep *endpoint, c class) bool {
	switch c {
	case classGood, classNew:
		return ep.quick < s.EndpointConcurrency
	case classSlow:
		return ep.slow < max(1, s.EndpointConcurrency/2)
	}
	return true
}

// occupy gives a a slot of the class.
func (s *Scheduler) occupy(a *attempt, c class) {
	a.class = c
	s.pools.pools[c].busy++
	if c.quick() {
		a.endpoint.quick++
		return
	}
	a.endpoint.slow++
	if c == classSlow {
		s.pools.slowOf[a.lane.key.Tenant]++
	}
}

// vacate takes the slot of a away.
func (s *Scheduler) vacate(a *attempt) {
	s.pools.pools[a.class].busy--
	if a.class.quick() {
		a.endpoint.quick--
	} else {
		a.endpoint.slow--
	}
	if a.class == classSlow {
		id := a.lane.key.Tenant
		if s.pools.slowOf[id]--; s.pools.slowOf[id] <= 0 {
			delete(s.pools.slowOf, id)
		}
		for range s.pools.denied.len() {
			if l := s.pools.denied.pop(); l.parked && l.endpoint != nil {
				s.enlist(l, time.Now())
			}
		}
	}
	s.enlistEndpoint(a.endpoint)
}

// enlist puts a parked lane at the end of its endpoint's line.
func (s *Scheduler) enlist(l *lane, now time.Time) {
	l.endpoint.parked[s.class(l, now)].push(l)
	s.enlistEndpoint(l.endpoint)
}

func (s *Scheduler) enlistEndpoint(ep *endpoint) {
	for c := range numClasses {
		if !ep.inLine[c] && ep.parked[c].len() > 0 && s.room(ep, c) {
			ep.inLine[c] = true
			s.pools.pools[c].line.push(ep)
		}
	}
}

// pump starts attempts while there are slots, one lane of each endpoint in turn.
func (s *Scheduler) pump(now time.Time) {
	s.age(now)
	for c := range numClasses {
		p := &s.pools.pools[c]
		for s.started && !s.halted && p.busy < p.limit && p.line.len() > 0 {
			if s.inFlight >= capFactor*s.InFlight {
				if c.quick() {
					s.endOldest()
				}
				break
			}
			ep := p.line.pop()
			ep.inLine[c] = false
			if ep.parked[c].len() == 0 || !s.room(ep, c) {
				continue
			}
			l := ep.parked[c].pop()
			s.enlistEndpoint(ep)
			s.turn(l, ep, c, now)
		}
	}
	s.lookAgain()
}

// turn begins an attempt of l, which stood in the line of ep for the class.
func (s *Scheduler) turn(l *lane, ep *endpoint, c class, now time.Time) {
	switch {
	case !l.parked || l.endpoint != ep:
		return // it aims elsewhere now
	case s.choose(l, now).source == fromNothing:
		l.parked = false
		s.settle(l, now)
		return
	case s.class(l, now) != c:
		s.enlist(l, now)
		return
	case c == classSlow && s.pools.slowOf[l.key.Tenant] >= max(1, s.pools.pools[c].limit-s.pools.pools[c].busy):
		// As with bytes, a tenant may have as many slots as are still free.
		s.pools.denied.push(l)
		return
	}
	l.parked = false
	s.begin(l, ep, c, now)
	s.settle(l, now)
}

// age makes quick attempts that take longer than patience slow ones, so that
// their slots are free for others.
func (s *Scheduler) age(now time.Time) {
	for s.pools.young.len() > 0 {
		a := s.pools.young.peek()
		if !a.ended && now.Sub(a.began) < patience {
			return
		}
		s.pools.young.pop()
		if !a.ended {
			s.vacate(a)
			s.occupy(a, classSlow)
			s.pools.aged.push(a)
		}
		s.forgetEnded()
	}
}

// forgetEnded keeps the list of aged attempts from growing with those that ended.
func (s *Scheduler) forgetEnded() {
	if s.pools.aged.len() <= 2*capFactor*s.InFlight {
		return
	}
	for range s.pools.aged.len() {
		if a := s.pools.aged.pop(); !a.ended {
			s.pools.aged.push(a)
		}
	}
}

// lookAgain makes the loop call pump when the next quick attempt ages.
func (s *Scheduler) lookAgain() {
	s.pumpAt = time.Time{}
	if s.pools.young.len() == 0 {
		return
	}
	at := s.pools.young.peek().began.Add(patience)
	s.pumpAt = at
	if s.loopAt.IsZero() || at.Before(s.loopAt) {
		s.loopAt = at
		select {
		case s.kick <- struct{}{}:
		default:
		}
	}
}

// endOldest breaks off the attempt that takes longest, when all slots are taken and
// a quick lane needs one.
func (s *Scheduler) endOldest() {
	for !s.pools.giving && s.pools.aged.len() > 0 {
		if a := s.pools.aged.pop(); !a.ended {
			a.preempted = true
			s.pools.giving = true
			a.cancel()
		}
	}
}
