// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import "math"

// The exponential schemas that are defined are MinSchema to MaxSchema.
const (
	MinSchema = -4
	MaxSchema = 8

	// CustomBuckets is the schema of histograms with bounds of their own.
	CustomBuckets = -53

	// maxExponent is larger than the exponent of any float64, with those below the
	// normal ones.
	maxExponent = 1100
)

// ResetHint says what a sender knows about resets between two histograms of a series.
type ResetHint uint8

// The hints.
const (
	ResetUnknown ResetHint = iota
	ResetYes
	ResetNo
	ResetGauge
)

// Span is a run of buckets: Offset is the gap to the previous run, or the index of the
// first bucket.
type Span struct {
	Offset int32
	Length uint32
}

// Buckets are one side of a native histogram. Deltas are those of integer histograms,
// Counts those of float histograms.
type Buckets struct {
	Spans  []Span
	Deltas []int64
	Counts []float64
}

// NativeHistogram is a native histogram at a time. Count and ZeroCount are those of
// integer histograms, CountFloat and ZeroCountFloat those of float histograms.
type NativeHistogram struct {
	Float                      bool
	Count, ZeroCount           uint64
	CountFloat, ZeroCountFloat float64
	Sum, ZeroThreshold         float64
	Schema                     int32
	ResetHint                  ResetHint
	Negative, Positive         Buckets
	CustomValues               []float64
	Timestamp, Start           int64
}

// reset empties the histogram and keeps its memory.
func (h *NativeHistogram) reset() {
	*h = NativeHistogram{Negative: h.Negative.emptied(), Positive: h.Positive.emptied(), CustomValues: h.CustomValues[:0]}
}

func (b Buckets) emptied() Buckets {
	return Buckets{Spans: b.Spans[:0], Deltas: b.Deltas[:0], Counts: b.Counts[:0]}
}

// check reports whether the histogram can be one: what it returns no error for has
// bucket indexes within the range of float64, and as many buckets as its spans say.
func (h *NativeHistogram) check() error {
	if h.Schema == CustomBuckets {
		return h.checkCustom()
	}
	if h.Schema < MinSchema || h.Schema > MaxSchema {
		return errSchema
	}
	most := int64(maxExponent)
	if h.Schema >= 0 {
		most <<= h.Schema
	} else {
		most >>= -h.Schema
	}
	if err := h.Negative.check(h.Float, -most, most); err != nil {
		return err
	}
	if err := h.Positive.check(h.Float, -most, most); err != nil {
		return err
	}
	return h.checkCount()
}

// checkCount compares the count of an integer histogram with its buckets, as Prometheus
// does. Observations of NaN, which make the sum NaN, are in no bucket.
func (h *NativeHistogram) checkCount() error {
	if h.Float || IsStale(h.Sum) {
		return nil
	}
	sum := h.ZeroCount
	for _, side := range [...]*Buckets{&h.Negative, &h.Positive} {
		side.Each(false, func(_ int64, count uint64) { sum += count })
	}
	if sum != h.Count && !(math.IsNaN(h.Sum) && sum < h.Count) {
		return errCount
	}
	return nil
}

func (h *NativeHistogram) checkCustom() error {
	if len(h.Negative.Spans) > 0 || h.ZeroCount > 0 || h.ZeroCountFloat > 0 {
		return errCustom
	}
	for i, v := range h.CustomValues {
		if math.IsNaN(v) || math.IsInf(v, 1) || i > 0 && v <= h.CustomValues[i-1] {
			return errBounds
		}
	}
	if err := h.Positive.check(h.Float, 0, int64(len(h.CustomValues))); err != nil {
		return err
	}
	return h.checkCount()
}

// check reports whether there are as many buckets as the spans say, none of them is
// negative and all have indexes from least to most.
func (b *Buckets) check(float bool, least, most int64) error {
	buckets := len(b.Deltas)
	if float {
		buckets = len(b.Counts)
	}
	if float && len(b.Deltas) > 0 || !float && len(b.Counts) > 0 {
		return errMixed
	}
	index, length := int64(0), uint64(0)
	for i, s := range b.Spans {
		if i > 0 && s.Offset < 0 {
			return errSpans
		}
		index += int64(s.Offset)
		length += uint64(s.Length)
		if length > uint64(buckets) {
			return errSpans
		}
		if s.Length > 0 && (index < least || index+int64(s.Length)-1 > most) {
			return errBucketIndex
		}
		index += int64(s.Length)
	}
	if length != uint64(buckets) {
		return errSpans
	}
	count := int64(0)
	for _, d := range b.Deltas {
		// An overflow of the sum is negative, since no delta is larger than the range.
		if count += d; count < 0 {
			return errBucketCount
		}
	}
	for _, c := range b.Counts {
		if c < 0 {
			return errBucketCount
		}
	}
	return nil
}

// Bounds returns the indexes of the first and the last bucket, or false if there is
// none.
func (b *Buckets) Bounds() (first, last int64, ok bool) {
	index := int64(0)
	for _, s := range b.Spans {
		index += int64(s.Offset)
		if s.Length > 0 {
			if !ok {
				first, ok = index, true
			}
			last = index + int64(s.Length) - 1
		}
		index += int64(s.Length)
	}
	return first, last, ok
}

// Each calls f with the index and the count of each bucket. The buckets must have been
// checked. Counts of float histograms are rounded to the nearest integer, and rounded
// is true if one of them was not one.
func (b *Buckets) Each(float bool, f func(index int64, count uint64)) (rounded bool) {
	index, n, count := int64(0), 0, int64(0)
	for _, s := range b.Spans {
		index += int64(s.Offset)
		for range s.Length {
			if float {
				c, exact := Round(b.Counts[n])
				rounded = rounded || !exact
				f(index, c)
			} else {
				count += b.Deltas[n]
				f(index, uint64(count))
			}
			n++
			index++
		}
	}
	return rounded
}

// Round returns the integer that is nearest to a count, and whether that is the count
// itself. NaN and negative numbers become 0.
func Round(count float64) (n uint64, exact bool) {
	rounded := math.RoundToEven(count)
	switch {
	case !(rounded > 0): // also NaN
		return 0, count == 0
	case rounded >= 1<<64:
		return math.MaxUint64, false
	}
	return uint64(rounded), rounded == count
}
