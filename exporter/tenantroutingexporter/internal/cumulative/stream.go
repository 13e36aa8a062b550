// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// stream is the total of one time series, whichever kind it is.
type stream struct {
	start  pcommon.Timestamp // of the total
	last   pcommon.Timestamp // that was emitted; 0: nothing was
	seen   time.Time
	recent recentPoints

	number number
	total  *histogram

	// Of the run with that number.
	read     uint64
	newest   pcommon.Timestamp // that it has
	shuffled uint64            // a run that has to sort its points
	written  uint64            // a run that has saved it
	unmarked pcommon.Timestamp // of a point that it added and has forgotten; points come in order
}

// size returns how many buckets and bounds s keeps.
func (s *stream) size() int {
	if s.total == nil {
		return 0
	}
	return s.total.size()
}

// number is the total of a sum. It adds integers and fractions separately: integers are exact
// unless there is a fraction, and are rounded once if there is one.
type number struct {
	integer    int64
	double     float64
	fractional bool // there was a fraction
}

func validNumber(p pmetric.NumberDataPoint, monotonic bool) bool {
	switch p.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		return !monotonic || p.IntValue() >= 0
	case pmetric.NumberDataPointValueTypeDouble:
		return finite(p.DoubleValue()) && (!monotonic || p.DoubleValue() >= 0)
	}
	return false
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// plus returns n with p, or reports false if that is out of range.
func (n number) plus(p pmetric.NumberDataPoint) (number, bool) {
	if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
		n.fractional = true
		n.double += p.DoubleValue()
		return n, finite(n.double)
	}
	v := p.IntValue()
	sum := n.integer + v
	if (sum > n.integer) != (v > 0) && v != 0 {
		return n, false
	}
	n.integer = sum
	return n, true
}

// put makes p the total. It is a double once there was a fraction.
func (n number) put(p pmetric.NumberDataPoint) {
	if n.fractional {
		p.SetDoubleValue(float64(n.integer) + n.double)
	} else {
		p.SetIntValue(n.integer)
	}
}

// addNumber replaces p by the total that includes it, or reports false if p must be dropped.
func (r *run) addNumber(p pmetric.NumberDataPoint, monotonic bool) bool {
	m := idOfNumber(p)
	s := r.take(m)
	if s == nil {
		return false
	}
	begins := s.last == 0
	sum, ok := s.number.plus(p)
	if !ok && !monotonic {
		r.dropped.Overflow++ // it would be another level
		return false
	}
	if !ok {
		begins = true
		sum, _ = number{fractional: s.number.fractional}.plus(p)
	}
	at, ok := r.placeOf(s, p.StartTimestamp(), m.time, begins, monotonic)
	if !ok {
		return false
	}
	r.save(s)
	s.number = sum
	sum.put(p)
	emit(r, s, p, m, at)
	return true
}

// insertNumbers inserts zeros into points.
func insertNumbers(points pmetric.NumberDataPointSlice, zeros []zero) {
	all := pmetric.NewNumberDataPointSlice()
	points.MoveAndAppendTo(all)
	points.EnsureCapacity(all.Len() + len(zeros))
	for i, p := range all.All() {
		if len(zeros) > 0 && zeros[0].index == i {
			z := points.AppendEmpty()
			dateZero(z, p.Attributes(), zeros[0])
			if zeros = zeros[1:]; p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
				z.SetDoubleValue(0)
			} else {
				z.SetIntValue(0)
			}
		}
		p.MoveTo(points.AppendEmpty())
	}
}

func dateZero(z point, attributes pcommon.Map, of zero) {
	attributes.CopyTo(z.Attributes())
	z.SetStartTimestamp(of.place.start)
	z.SetTimestamp(of.place.zeroAt)
}
