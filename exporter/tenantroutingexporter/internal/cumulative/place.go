// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"runtime"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// place is where a point goes in its time series.
type place struct {
	begins bool              // the total begins with it
	zeroAt pcommon.Timestamp // time of the point of zero before it; 0: there is none
	start  pcommon.Timestamp // of the total
	time   pcommon.Timestamp
}

// take returns the time series of the next point, or nil if the point is dropped.
func (r *run) take(m pointID) *stream {
	e := r.entries[r.next]
	r.next++
	if r.next%yieldPoints == 0 {
		runtime.Gosched()
	}
	s := e.stream
	switch {
	case s == nil:
		return nil
	case s.recent.has(m):
		r.dropped.Duplicate++
		return nil
	case e.late || s.unmarked == m.time:
		r.dropped.Late++
		return nil
	}
	return s
}

// placeOf returns where a point goes in s, which starts and ends at these times. It
// reports false, and counts the point as dropped, if that is too far ahead.
//
// A time is never before one that was emitted, since backends reject that: a point that
// comes late is in the total of a time just after the last one.
func (r *run) placeOf(s *stream, from, at pcommon.Timestamp, begins, zero bool) (place, bool) {
	res := r.converter.resolution
	p := place{begins: begins, start: s.start, time: at}
	last := s.last
	if begins {
		z := r.zeroTime(s, from, at)
		if p.start = z; from != 0 && from < z {
			p.start = max(from, s.last)
		}
		if zero {
			p.zeroAt, last = z, z
		}
	}
	if last != 0 && at/res <= last/res {
		p.time = last + res
	}
	if p.time > r.limit {
		r.dropped.Future++
		return p, false
	}
	return p, true
}

// maxZero is how long before a point its zero may be. Backends reject requests with times that are
// too old, and some senders use the start of their process as the start of each delta.
const maxZero = pcommon.Timestamp(5 * time.Minute)

// zeroTime returns the time of the zero before the first delta of s. It is shortly after the start
// of s, after every point that was emitted before, and not older than maxZero.
func (r *run) zeroTime(s *stream, from, at pcommon.Timestamp) pcommon.Timestamp {
	res := r.converter.resolution
	z := at - min(res, at)
	if from != 0 {
		z = min(z, max(from, r.converter.floor, at-min(at, maxZero))+res)
	}
	if s.last != 0 {
		z = max(z, s.last+res)
	}
	return z
}

// emit sets the times of p, which was added to s, to those of the place.
func emit[P point](r *run, s *stream, p P, m pointID, at place) {
	c := r.converter
	if at.begins {
		s.start = at.start
		if at.zeroAt != 0 {
			r.zeros = append(r.zeros, zero{r.kept, at})
			r.begun++
		}
	}
	if forgotten, full := s.recent.add(m); full && forgotten.time == m.time {
		s.unmarked = m.time
	}
	s.last, s.seen = at.time, r.now
	p.SetStartTimestamp(s.start)
	p.SetTimestamp(at.time)
	if c.set.GatewayKey != "" {
		p.Attributes().PutStr(c.set.GatewayKey, c.set.GatewayID)
	}
	r.kept++
}

// save notes what s is before it changes.
func (r *run) save(s *stream) {
	if s.written == r.number {
		return
	}
	s.written = r.number
	v := saved{stream: s, before: *s, recent: len(s.recent.list)}
	r.recent = append(r.recent, s.recent.list...)
	if h := s.total; h != nil {
		v.total = *h
		v.counts = [2]int{len(h.counts.values), len(h.negative.values)}
		r.counts = append(append(r.counts, h.counts.values...), h.negative.values...)
	}
	r.saved = append(r.saved, v)
}

// reserve reports whether s may have so many buckets and bounds, and counts the point as
// dropped if not. The caller calls release when it has added the point.
func (r *run) reserve(s *stream, n int) bool {
	c := r.converter
	more := n - s.size()
	if more <= 0 {
		return true
	}
	if c.buckets+more > c.set.MaxBuckets || !c.budget.take(0, 0, c.buckets, more) {
		r.dropped.TooMany++
		return false
	}
	return true
}

// release returns to the budget what s, which held buckets and bounds and may need n, does not
// need.
func (r *run) release(s *stream, held, n int) {
	c := r.converter
	c.buckets += s.size() - held
	c.budget.giveBack(0, max(held, n)-s.size())
}
