// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// groupKey says to which metric a data point belongs, by the numbers of its scope and its
// name.
type groupKey struct {
	scope, name int32
	kind        kind
}

// group is a metric and its data points, of which only the slice of its kind is set.
type group struct {
	kind        kind
	numbers     pmetric.NumberDataPointSlice
	exponential pmetric.ExponentialHistogramDataPointSlice
	explicit    pmetric.HistogramDataPointSlice
}

// groupOf returns the index of the metric of a key.
func (b *Builder) groupOf(key groupKey) (int32, error) {
	if id, ok := b.groupOfKey[key]; ok {
		return id, nil
	}
	if err := b.reserve(sizeOfMetric); err != nil {
		return none, err
	}
	n := &b.names[key.name]
	if err := b.text(len(n.meta.Help) + len(n.meta.Unit)); err != nil {
		return none, err
	}
	m := b.scopes[key.scope].Metrics().AppendEmpty()
	describe(m, n.key.name, key.kind, n.meta)
	g := group{kind: key.kind}
	switch key.kind {
	case gauge:
		g.numbers = m.Gauge().DataPoints()
	case monotonicSum, cumulativeSum:
		g.numbers = m.Sum().DataPoints()
	case exponential, exponentialGauge:
		g.exponential = m.ExponentialHistogram().DataPoints()
	case explicit, explicitGauge:
		g.explicit = m.Histogram().DataPoints()
	}
	id := int32(len(b.groups))
	b.groups = append(b.groups, g)
	b.groupOfKey[key] = id
	return id, nil
}

// len returns the number of data points.
func (g *group) len() int {
	switch g.kind {
	case exponential, exponentialGauge:
		return g.exponential.Len()
	case explicit, explicitGauge:
		return g.explicit.Len()
	}
	return g.numbers.Len()
}

// attributes returns the attributes of data point i.
func (g *group) attributes(i int) pcommon.Map {
	switch g.kind {
	case exponential, exponentialGauge:
		return g.exponential.At(i).Attributes()
	case explicit, explicitGauge:
		return g.explicit.At(i).Attributes()
	}
	return g.numbers.At(i).Attributes()
}

// exemplars returns the exemplars of data point i.
func (g *group) exemplars(i int) pmetric.ExemplarSlice {
	switch g.kind {
	case exponential, exponentialGauge:
		return g.exponential.At(i).Exemplars()
	case explicit, explicitGauge:
		return g.explicit.At(i).Exemplars()
	}
	return g.numbers.At(i).Exemplars()
}
