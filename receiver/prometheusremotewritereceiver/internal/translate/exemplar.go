// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"encoding/hex"
	"hash/maphash"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// Labels of exemplars that are IDs in OTLP.
const (
	traceIDLabel = "trace_id"
	spanIDLabel  = "span_id"
)

// addExemplars adds exemplars of a series to those of its data point.
func (b *Builder) addExemplars(out pmetric.ExemplarSlice, exemplars []message.Exemplar) {
	setExemplars(out, exemplars)
	b.result.Written.Exemplars += len(exemplars)
}

func setExemplars(out pmetric.ExemplarSlice, exemplars []message.Exemplar) {
	for i := range exemplars {
		in := &exemplars[i]
		e := out.AppendEmpty()
		e.SetDoubleValue(in.Value)
		e.SetTimestamp(nanos(in.Timestamp))
		for _, l := range in.Labels {
			switch {
			case l.Name == traceIDLabel && len(l.Value) == 32:
				var id pcommon.TraceID
				if _, err := hex.Decode(id[:], []byte(l.Value)); err == nil && !id.IsEmpty() { // an empty one is none
					e.SetTraceID(id)
					continue
				}
			case l.Name == spanIDLabel && len(l.Value) == 16:
				var id pcommon.SpanID
				if _, err := hex.Decode(id[:], []byte(l.Value)); err == nil && !id.IsEmpty() {
					e.SetSpanID(id)
					continue
				}
			}
			e.FilteredAttributes().PutStr(l.Name, l.Value)
		}
	}
}

// keepExemplars keeps the exemplars of a series without samples until all samples are
// there. Prometheus sends exemplars like this, mostly in the message of the sample.
func (b *Builder) keepExemplars(target memory.Target, s *message.Series) error {
	p := memory.Pending{
		Target: target, Name: s.Name, Scope: slices.Clone(b.ofScope), Labels: slices.Clone(b.attrs), Exemplars: slices.Clone(s.Exemplars),
	}
	size := (len(p.Labels) + len(p.Scope)) * sizeOfAttribute
	for i := range p.Exemplars {
		p.Exemplars[i].Labels = slices.Clone(p.Exemplars[i].Labels)
		size += sizeOfExemplar + len(p.Exemplars[i].Labels)*sizeOfAttribute
	}
	b.pending = append(b.pending, p)
	b.result.Written.Exemplars += len(p.Exemplars)
	return b.reserve(size)
}

// attachPending adds exemplars without samples, those of earlier messages too, to the last
// data points of their series.
func (b *Builder) attachPending() {
	b.result.Earlier = b.remembered.TakeExemplars()
	if len(b.result.Earlier)+len(b.pending) == 0 {
		return
	}
	f := finder{b: b, seed: maphash.MakeSeed(), indexes: make(map[int32]map[uint64]int)}
	for _, list := range [...][]memory.Pending{b.result.Earlier, b.pending} {
		for i := range list {
			if !f.attach(&list[i]) {
				b.result.Missing = append(b.result.Missing, list[i])
			}
		}
	}
}

// finder finds data points by their series.
type finder struct {
	b       *Builder
	seed    maphash.Seed
	indexes map[int32]map[uint64]int // by group
}

// attach adds exemplars to a data point of their series if there is one.
func (f *finder) attach(p *memory.Pending) bool {
	r, ok := f.b.resourceOfTarget[p.Target]
	if !ok {
		return false
	}
	f.b.setScopeKey(r, p.Scope)
	scope, ok := f.b.scopeOfLabels[string(f.b.scratch)]
	if !ok {
		return false
	}
	hash := hashLabels(f.seed, p.Labels)
	for t := range message.NumTypes {
		n, ok := f.b.nameOfSeries[nameKey{p.Name, t}]
		if !ok {
			continue
		}
		for k := range numKinds {
			id, ok := f.b.groupOfKey[groupKey{scope, n, k}]
			if !ok {
				continue
			}
			g := &f.b.groups[id]
			if i, ok := f.index(id)[hash]; ok && slices.Equal(labelsOf(g.attributes(i)), p.Labels) {
				setExemplars(g.exemplars(i), p.Exemplars)
				return true
			}
		}
	}
	return false
}

// index returns the last data point of each set of attributes, by their hash.
func (f *finder) index(id int32) map[uint64]int {
	index, ok := f.indexes[id]
	if !ok {
		g := &f.b.groups[id]
		index = make(map[uint64]int, g.len())
		for i := range g.len() {
			index[hashLabels(f.seed, labelsOf(g.attributes(i)))] = i
		}
		f.indexes[id] = index
	}
	return index
}

// labelsOf returns the attributes of a data point as labels, in the order of the series.
func labelsOf(m pcommon.Map) []message.Label {
	labels := make([]message.Label, 0, m.Len())
	for k, v := range m.All() {
		labels = append(labels, message.Label{Name: k, Value: v.Str()})
	}
	return labels
}

func hashLabels(seed maphash.Seed, labels []message.Label) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, l := range labels {
		_, _ = h.WriteString(l.Name) // it never fails
		_ = h.WriteByte(0xff)        // which no valid text has
		_, _ = h.WriteString(l.Value)
		_ = h.WriteByte(0xff)
	}
	return h.Sum64()
}
