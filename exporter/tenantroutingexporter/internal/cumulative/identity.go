// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"runtime"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	// yieldAttributes is after how many attributes an identity yields the processor.
	yieldAttributes = 1024

	// fewAttributes are compared each with each to find repeated keys.
	fewAttributes = 32

	// maxScratch bounds what an identity keeps for the next request.
	maxScratch = 64 << 10
)

// streamID identifies a time series. It is a digest, so that the attributes of every
// series are not kept in memory. Two series of a tenant have the same with a probability
// of 2^-128, whatever a sender chooses: the seeds are secret.
type streamID struct{ high, low uint64 }

func (id *streamID) add(other streamID) {
	id.high += other.high
	id.low += other.low
}

// seeds are the secrets of digests. Converters that share a Budget share them.
type seeds [2]maphash.Seed

func newSeeds() seeds { return seeds{maphash.MakeSeed(), maphash.MakeSeed()} }

func (s *seeds) digest(b []byte) streamID {
	return streamID{maphash.Bytes(s[0], b), maphash.Bytes(s[1], b)}
}

// identity builds stream IDs while metrics are walked. Each level is a digest that
// the levels below it begin with, so that a large resource is not read again for
// each of its data points.
//
// The ID of a set of attributes is the sum of those of its pairs: their order makes no
// difference, and they are not sorted.
type identity struct {
	seeds *seeds

	// skip is a key of data points that is no part of the identity.
	skip string

	buf                 []byte
	keys                []uint64
	ofResource, ofScope streamID
	ofMetric            streamID
}

func (id *identity) resource(r pcommon.Resource) {
	id.ofResource = id.under(streamID{}, id.attributes(r.Attributes(), ""))
}

func (id *identity) scope(s pcommon.InstrumentationScope) {
	sum := id.attributes(s.Attributes(), "")
	id.buf = appendText(appendText(id.buf[:0], s.Name()), s.Version())
	sum.add(id.seeds.digest(id.buf))
	id.ofScope = id.under(id.ofResource, sum)
}

// metric includes whether a sum is monotonic: backends give the others another name or
// type.
func (id *identity) metric(m pmetric.Metric) {
	id.buf = appendText(appendText(id.buf[:0], m.Name()), m.Unit())
	id.buf = append(id.buf, byte(m.Type()))
	if m.Type() == pmetric.MetricTypeSum && m.Sum().IsMonotonic() {
		id.buf = append(id.buf, 1)
	}
	id.ofMetric = id.under(id.ofScope, id.seeds.digest(id.buf))
}

func (id *identity) point(attributes pcommon.Map) streamID {
	return id.under(id.ofMetric, id.attributes(attributes, id.skip))
}

// under returns the ID of what has the ID own on the level below parent.
func (id *identity) under(parent, own streamID) streamID {
	id.buf = appendID(appendID(id.buf[:0], parent), own)
	return id.seeds.digest(id.buf)
}

func appendID(b []byte, id streamID) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, id.high), id.low)
}

// appendText writes the length first, so that no two lists of texts look alike.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// attributes returns the ID of m without the key skip. Of a key that m has several times
// it leaves one in m, since stores disagree on which of them counts.
func (id *identity) attributes(m pcommon.Map, skip string) streamID {
	id.keys = id.keys[:0]
	sum := id.sum(m, skip)
	if id.repeats() {
		unique(m)
		id.keys = id.keys[:0]
		sum = id.sum(m, skip)
	}
	if cap(id.keys) > maxScratch/8 {
		id.keys = nil
	}
	return sum
}

// sum adds up the pairs of m, and notes their keys.
func (id *identity) sum(m pcommon.Map, skip string) (sum streamID) {
	for k, v := range m.All() {
		if skip == "" || k != skip {
			sum.add(id.pair(k, v))
		}
		id.keys = append(id.keys, maphash.String(id.seeds[0], k))
		if len(id.keys)%yieldAttributes == 0 {
			runtime.Gosched()
		}
	}
	return sum
}

// repeats reports whether a key occurs twice.
func (id *identity) repeats() bool {
	if len(id.keys) <= fewAttributes {
		for i, k := range id.keys {
			if slices.Contains(id.keys[:i], k) {
				return true
			}
		}
		return false
	}
	slices.Sort(id.keys)
	for i := 1; i < len(id.keys); i++ {
		if id.keys[i] == id.keys[i-1] {
			return true
		}
	}
	return false
}

// unique leaves one value of each key in m: the least of them, so that their order
// makes no difference.
func unique(m pcommon.Map) {
	least := make(map[string]string, m.Len())
	for k, v := range m.All() {
		value := string(appendValue(nil, v))
		if before, ok := least[k]; !ok || value < before {
			least[k] = value
		}
	}
	kept := make(map[string]bool, m.Len())
	m.RemoveIf(func(k string, v pcommon.Value) bool {
		if kept[k] || string(appendValue(nil, v)) != least[k] {
			return true
		}
		kept[k] = true
		return false
	})
}

// pair returns the ID of an attribute.
func (id *identity) pair(key string, value pcommon.Value) streamID {
	b := appendValue(appendText(id.buf[:0], key), value)
	sum := id.seeds.digest(b)
	if id.buf = b; cap(b) > maxScratch {
		id.buf = nil
	}
	return sum
}

// appendValue writes the type too: 1 is not "1".
func appendValue(b []byte, v pcommon.Value) []byte {
	b = append(b, byte(v.Type()))
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendText(b, v.Str())
	case pcommon.ValueTypeInt:
		return binary.LittleEndian.AppendUint64(b, uint64(v.Int())) //nolint:gosec // its bits
	case pcommon.ValueTypeDouble:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	}
	return appendText(b, v.AsString()) // a map is in the order of its keys
}
