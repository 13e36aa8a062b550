// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// maxBuckets is how many buckets one side of an exponential histogram may have in OTLP,
// which also has those that are empty. Wider ones are merged in pairs.
const maxBuckets = 16 << 10

func (b *Builder) addHistograms(s *message.Series, scope, id int32) error {
	for i := range s.Histograms {
		h := &s.Histograms[i]
		group, err := b.groupOf(groupKey{scope, id, kindOfHistogram(h)})
		if err != nil {
			return err
		}
		g := &b.groups[group]
		var exemplars pmetric.ExemplarSlice
		if g.kind == exponential || g.kind == exponentialGauge {
			exemplars, err = b.addExponential(g.exponential, h)
		} else {
			exemplars, err = b.addExplicit(g.explicit, h)
		}
		if err != nil {
			return err
		}
		b.result.Written.Histograms++
		if i == len(s.Histograms)-1 {
			b.addExemplars(exemplars, s.Exemplars)
		}
	}
	return nil
}

func kindOfHistogram(h *message.NativeHistogram) kind {
	switch custom, state := h.Schema == message.CustomBuckets, h.ResetHint == message.ResetGauge; {
	case custom && state:
		return explicitGauge
	case custom:
		return explicit
	case state:
		return exponentialGauge
	}
	return exponential
}

// count returns the count of observations and that of the zero bucket, and whether one of
// them was rounded.
func count(h *message.NativeHistogram) (observations, zero uint64, rounded bool) {
	if !h.Float {
		return h.Count, h.ZeroCount, false
	}
	observations, exact := message.Round(h.CountFloat)
	zero, exactZero := message.Round(h.ZeroCountFloat)
	return observations, zero, !exact || !exactZero
}

func (b *Builder) addExponential(points pmetric.ExponentialHistogramDataPointSlice, h *message.NativeHistogram) (pmetric.ExemplarSlice, error) {
	shift := max(shiftOf(&h.Negative), shiftOf(&h.Positive))
	if err := b.reserve(sizeOfHistogram + int(width(&h.Negative, shift)+width(&h.Positive, shift))*8); err != nil {
		return pmetric.ExemplarSlice{}, err
	}
	point := points.AppendEmpty()
	b.setAttributes(point.Attributes())
	point.SetTimestamp(nanos(h.Timestamp))
	if h.Start != 0 {
		point.SetStartTimestamp(nanos(h.Start))
	}
	if message.IsStale(h.Sum) {
		point.SetFlags(point.Flags().WithNoRecordedValue(true))
		return point.Exemplars(), nil
	}
	observations, zero, rounded := count(h)
	point.SetCount(observations)
	point.SetZeroCount(zero)
	point.SetSum(h.Sum)
	point.SetZeroThreshold(h.ZeroThreshold)
	point.SetScale(h.Schema - shift)
	negativeRounded := fill(point.Negative(), &h.Negative, h.Float, shift)
	positiveRounded := fill(point.Positive(), &h.Positive, h.Float, shift)
	if rounded || negativeRounded || positiveRounded {
		b.result.Rounded++
	}
	if shift > 0 {
		b.result.Reduced++
	}
	return point.Exemplars(), nil
}

// shiftOf returns by how much the schema must be reduced so that there are no more than
// maxBuckets from the first to the last one.
func shiftOf(buckets *message.Buckets) (shift int32) {
	for width(buckets, shift) > maxBuckets {
		shift++
	}
	return shift
}

// width returns how many buckets there are from the first to the last one.
func width(buckets *message.Buckets, shift int32) int64 {
	first, last, ok := buckets.Bounds()
	if !ok {
		return 0
	}
	return indexOf(last, shift) - indexOf(first, shift) + 1
}

// indexOf returns the index in OTLP of the bucket with index in Prometheus, in a schema
// that is smaller by shift. OTLP counts buckets by their lower bounds, Prometheus by their
// upper ones.
func indexOf(index int64, shift int32) int64 { return (index - 1) >> shift }

// fill sets the counts of one side, and returns whether some were rounded.
func fill(out pmetric.ExponentialHistogramDataPointBuckets, buckets *message.Buckets, float bool, shift int32) (rounded bool) {
	first, _, ok := buckets.Bounds()
	if !ok {
		return false
	}
	offset := indexOf(first, shift)
	out.SetOffset(int32(offset))
	counts := zeros(out.BucketCounts(), int(width(buckets, shift)))
	return buckets.Each(float, func(index int64, count uint64) {
		i := int(indexOf(index, shift) - offset)
		counts.SetAt(i, counts.At(i)+count)
	})
}

// zeros makes out n times 0 and returns it.
func zeros(out pcommon.UInt64Slice, n int) pcommon.UInt64Slice {
	out.EnsureCapacity(n)
	for range n {
		out.Append(0)
	}
	return out
}

func (b *Builder) addExplicit(points pmetric.HistogramDataPointSlice, h *message.NativeHistogram) (pmetric.ExemplarSlice, error) {
	if err := b.reserve(sizeOfHistogram + len(h.CustomValues)*16); err != nil {
		return pmetric.ExemplarSlice{}, err
	}
	point := points.AppendEmpty()
	b.setAttributes(point.Attributes())
	point.SetTimestamp(nanos(h.Timestamp))
	if h.Start != 0 {
		point.SetStartTimestamp(nanos(h.Start))
	}
	if message.IsStale(h.Sum) {
		point.SetFlags(point.Flags().WithNoRecordedValue(true))
		return point.Exemplars(), nil
	}
	observations, _, rounded := count(h)
	point.SetCount(observations)
	point.SetSum(h.Sum)
	point.ExplicitBounds().FromRaw(h.CustomValues)
	counts := zeros(point.BucketCounts(), len(h.CustomValues)+1)
	if h.Positive.Each(h.Float, func(index int64, count uint64) { counts.SetAt(int(index), count) }) || rounded {
		b.result.Rounded++
	}
	return point.Exemplars(), nil
}
