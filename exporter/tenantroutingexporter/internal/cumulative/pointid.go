// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// pointID distinguishes the points of a time series.
type pointID struct {
	time        pcommon.Timestamp
	fingerprint fingerprint
}

// fingerprint is a hash of a point's start, time and value. Points that differ in one number
// have different fingerprints. A tenant that constructs two points with the same one loses
// one of them.
type fingerprint uint64

func (f *fingerprint) add(v uint64) {
	h := (uint64(*f) ^ v) * 0x9e3779b97f4a7c15
	*f = fingerprint(h ^ h>>32)
}

func (f *fingerprint) addDouble(v float64) { f.add(math.Float64bits(v)) }

func idOfNumber(p pmetric.NumberDataPoint) pointID {
	f := fingerprint(p.ValueType()) + 1
	f.add(uint64(p.StartTimestamp()))
	f.add(uint64(p.Timestamp()))
	if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
		f.addDouble(p.DoubleValue())
	} else {
		f.add(uint64(p.IntValue())) //nolint:gosec // its bits
	}
	return pointID{p.Timestamp(), f}
}

func idOfHistogram(p pmetric.HistogramDataPoint) pointID {
	f := fingerprint(1)
	f.add(uint64(p.StartTimestamp()))
	f.add(uint64(p.Timestamp()))
	f.add(p.Count())
	f.addDouble(p.Sum())
	for _, b := range p.ExplicitBounds().All() {
		f.addDouble(b)
	}
	for _, n := range p.BucketCounts().All() {
		f.add(n)
	}
	return pointID{p.Timestamp(), f}
}

func idOfExponential(p pmetric.ExponentialHistogramDataPoint) pointID {
	f := fingerprint(1)
	f.add(uint64(p.StartTimestamp()))
	f.add(uint64(p.Timestamp()))
	f.add(p.Count())
	f.add(p.ZeroCount())
	f.addDouble(p.Sum())
	f.addDouble(p.ZeroThreshold())
	f.add(uint64(p.Scale())) //nolint:gosec // its bits
	for _, b := range []pmetric.ExponentialHistogramDataPointBuckets{p.Positive(), p.Negative()} {
		f.add(uint64(b.Offset())) //nolint:gosec // its bits
		for _, n := range b.BucketCounts().All() {
			f.add(n)
		}
	}
	return pointID{p.Timestamp(), f}
}
