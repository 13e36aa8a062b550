package translate

import (
	"encoding/hex"
	"hash/maphash"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// Labels of exemplars that are IDs in OTLP.
const (
	traceIDLabel = "trace_id"
	spanIDLabel  = "span_id"
)

// pendingExemplars are those of a series that came without samples. Prometheus sends them
// so, mostly in the message that has the sample too.
type pendingExemplars struct {
	scope, name int32
	labels      []message.Label
	exemplars   []message.Exemplar
}

// addExemplars adds exemplars to those of a data point.
func (b *Builder) addExemplars(out pmetric.ExemplarSlice, exemplars []message.Exemplar) {
	for i := range exemplars {
		in := &exemplars[i]
		e := out.AppendEmpty()
		e.SetDoubleValue(in.Value)
		e.SetTimestamp(nanos(in.Timestamp))
		for _, l := range in.Labels {
			switch {
			case l.Name == traceIDLabel && len(l.Value) == 32:
				var id pcommon.TraceID
				if _, err := hex.Decode(id[:], []byte(l.Value)); err == nil {
					e.SetTraceID(id)
					continue
				}
			case l.Name == spanIDLabel && len(l.Value) == 16:
				var id pcommon.SpanID
				if _, err := hex.Decode(id[:], []byte(l.Value)); err == nil {
					e.SetSpanID(id)
					continue
				}
			}
			e.FilteredAttributes().PutStr(l.Name, l.Value)
		}
	}
	b.result.Written.Exemplars += len(exemplars)
}

// keepExemplars keeps the exemplars of a series without samples until all samples are
// there.
func (b *Builder) keepExemplars(scope int32, n *name, s *message.Series) error {
	p := pendingExemplars{scope: scope, name: n.id, labels: slices.Clone(b.attrs), exemplars: slices.Clone(s.Exemplars)}
	size := len(p.labels) * sizeOfAttribute
	for i := range p.exemplars {
		p.exemplars[i].Labels = slices.Clone(p.exemplars[i].Labels)
		size += sizeOfExemplar + len(p.exemplars[i].Labels)*sizeOfAttribute
	}
	b.pending = append(b.pending, p)
	return b.reserve(size)
}

// attachPending adds the exemplars that were kept to the last data point of their series.
// Those of series without one are not written, because OTLP has no place for them.
func (b *Builder) attachPending() {
	if len(b.pending) == 0 {
		return
	}
	seed := maphash.MakeSeed()
	indexes := make(map[*group]map[uint64]int)
	for _, p := range b.pending {
		if !b.attach(seed, indexes, p) {
			b.result.Unmatched += len(p.exemplars)
		}
	}
}

// attach adds the exemplars to a data point of their series if there is one.
func (b *Builder) attach(seed maphash.Seed, indexes map[*group]map[uint64]int, p pendingExemplars) bool {
	hash := hashLabels(seed, p.labels)
	for k := range numKinds {
		g, ok := b.groups[groupKey{p.scope, p.name, k}]
		if !ok {
			continue
		}
		index, ok := indexes[g]
		if !ok {
			index = g.index(seed)
			indexes[g] = index
		}
		if i, ok := index[hash]; ok && slices.Equal(labelsOf(g.attributes(i)), p.labels) {
			b.addExemplars(g.exemplars(i), p.exemplars)
			return true
		}
	}
	return false
}

// index returns the last data point of each set of attributes, by their hash.
func (g *group) index(seed maphash.Seed) map[uint64]int {
	n := g.len()
	index := make(map[uint64]int, n)
	for i := range n {
		index[hashLabels(seed, labelsOf(g.attributes(i)))] = i
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
