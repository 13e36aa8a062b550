// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxBuckets bounds the buckets of either sign of an exponential histogram. With more, the scale is reduced.
// SDKs use the same number.
const maxBuckets = 160

const (
	// leastScale is the least scale that SDKs use: all numbers are in two buckets of either sign.
	leastScale = -10

	// leastNative is the least scale that Prometheus, Mimir and Cortex accept. All numbers are then in fewer
	// than maxBuckets. A point with a lower scale must not reduce the scale of its total permanently.
	leastNative = -4
)

func validExponential(p pmetric.ExponentialHistogramDataPoint) bool {
	_, ok := weightOf(p)
	return ok && finite(p.Sum()) && p.Scale() >= leastScale &&
		spanOf(p.Positive()).real(int64(p.Scale())) && spanOf(p.Negative()).real(int64(p.Scale()))
}

// real reports whether the buckets of s contain numbers of type float64, or are next to one that does: from
// 2^-1074 to less than 2^1024.
func (s span) real(scale int64) bool {
	if s.empty {
		return true
	}
	first, last := s.first+2, s.last-1
	if scale <= 0 {
		return first<<-scale >= -1074 && last<<-scale < 1024
	}
	scale = min(scale, maxShift)
	return first >= -1074<<scale && last < 1024<<scale
}

// hasBuckets reports whether any bucket of p counts something.
func hasBuckets(p pmetric.ExponentialHistogramDataPoint) bool {
	return !spanOf(p.Positive()).empty || !spanOf(p.Negative()).empty
}

func weightOf(p pmetric.ExponentialHistogramDataPoint) (uint64, bool) {
	n, ok := weigh(p.Positive().BucketCounts(), p.ZeroCount())
	if !ok {
		return 0, false
	}
	return weigh(p.Negative().BucketCounts(), n)
}

// spanOf returns the span of b without empty buckets at its ends.
func spanOf(b pmetric.ExponentialHistogramDataPointBuckets) span {
	counts := b.BucketCounts()
	first, last := 0, counts.Len()-1
	for first <= last && counts.At(first) == 0 {
		first++
	}
	for last >= first && counts.At(last) == 0 {
		last--
	}
	offset := int64(b.Offset())
	return span{offset + int64(first), offset + int64(last), last < first}
}

// addExponential adds p at the highest scale with at most maxBuckets. If the zero thresholds differ, or one of
// both scales is too low for backends, the total starts again.
func (r *run) addExponential(p pmetric.ExponentialHistogramDataPoint) bool {
	m := idOfExponential(p)
	s := r.take(m)
	if s == nil {
		return false
	}
	weight, _ := weightOf(p)
	begins := s.last == 0 || s.total.zeroThreshold != p.ZeroThreshold() || !s.total.holds(p.Count(), weight, p.Sum()) ||
		hasBuckets(p) && (p.Scale() < leastNative) != (s.total.scale < leastNative)
	at, ok := r.placeOf(s, p.StartTimestamp(), m.time, begins, true)
	if !ok || !r.reserve(s, 2*maxBuckets) {
		return false
	}
	r.save(s)
	held := s.size()
	if begins {
		s.total = &histogram{hasSum: p.HasSum(), scale: int64(p.Scale()), zeroThreshold: p.ZeroThreshold()}
		if !hasBuckets(p) { // then its scale has no meaning
			s.total.scale = max(s.total.scale, leastNative)
		}
	}
	h := s.total
	h.merge(p)
	h.zeroCount += p.ZeroCount()
	h.plus(p.Count(), weight, p.Sum(), p.HasSum())
	r.release(s, held, 2*maxBuckets)

	before := p.Positive().BucketCounts().Len() + p.Negative().BucketCounts().Len()
	h.put(p)
	r.growth += max(0, p.Positive().BucketCounts().Len()+p.Negative().BucketCounts().Len()-before)
	emit(r, s, p, m, at)
	return true
}

// merge adds the buckets of p.
func (h *histogram) merge(p pmetric.ExponentialHistogramDataPoint) {
	positive, negative := spanOf(p.Positive()), spanOf(p.Negative())
	if positive.empty && negative.empty {
		return
	}
	scale := min(h.scale, int64(p.Scale()))
	for {
		own, other := h.scale-scale, int64(p.Scale())-scale
		positives := h.counts.span().at(own).union(positive.at(other))
		negatives := h.negative.span().at(own).union(negative.at(other))
		if positives.fits() && negatives.fits() {
			break
		}
		scale--
	}
	h.counts.coarsen(h.scale - scale)
	h.negative.coarsen(h.scale - scale)
	h.scale = scale
	h.counts.addExponential(p.Positive(), positive, int64(p.Scale())-scale)
	h.negative.addExponential(p.Negative(), negative, int64(p.Scale())-scale)
}

// addExponential adds what p counts in s, at a scale that is lower by n.
func (b *buckets) addExponential(p pmetric.ExponentialHistogramDataPointBuckets, s span, n int64) {
	if s.empty {
		return
	}
	b.cover(s.at(n))
	n = min(n, maxShift)
	offset := int64(p.Offset())
	for i := s.first - offset; i <= s.last-offset; i++ {
		b.values[(offset+i)>>n-b.offset] += p.BucketCounts().At(int(i))
	}
}

// put makes p the total.
func (h *histogram) put(p pmetric.ExponentialHistogramDataPoint) {
	p.SetScale(int32(h.scale)) //nolint:gosec // at most that of a point, and at least leastScale
	p.SetCount(h.count)
	p.SetZeroCount(h.zeroCount)
	p.Positive().SetOffset(int32(h.counts.offset)) //nolint:gosec // see span.fits
	p.Positive().BucketCounts().FromRaw(h.counts.values)
	p.Negative().SetOffset(int32(h.negative.offset)) //nolint:gosec // see span.fits
	p.Negative().BucketCounts().FromRaw(h.negative.values)
	p.RemoveMin()
	p.RemoveMax()
	if p.RemoveSum(); h.hasSum {
		p.SetSum(h.sum)
	}
}

// insertExponentials inserts zeros into points.
func insertExponentials(points pmetric.ExponentialHistogramDataPointSlice, zeros []zero) {
	all := pmetric.NewExponentialHistogramDataPointSlice()
	points.MoveAndAppendTo(all)
	points.EnsureCapacity(all.Len() + len(zeros))
	for i, p := range all.All() {
		if len(zeros) > 0 && zeros[0].index == i {
			z := points.AppendEmpty()
			dateZero(z, p.Attributes(), zeros[0])
			zeros = zeros[1:]
			z.SetScale(p.Scale())
			z.SetZeroThreshold(p.ZeroThreshold())
			if p.HasSum() {
				z.SetSum(0)
			}
		}
		p.MoveTo(points.AppendEmpty())
	}
}
