// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// typeKey is the key of a metric's metadata that has the type of Prometheus, where the
// type of OTLP does not say it.
const typeKey = "prometheus.type"

// kind is what the data points of a metric are.
type kind uint8

const (
	gauge            kind = iota
	monotonicSum          // a counter
	cumulativeSum         // a cumulative value that may fall, in the eyes of OTLP
	exponential           // a native histogram
	exponentialGauge      // a native histogram of a state
	explicit              // a native histogram with custom buckets
	explicitGauge
	numKinds
)

// kindOf returns the kind of the samples of a series by its name and the metadata of its
// family. It depends on nothing else, so that a series does not change its kind.
//
// What reads OTLP appends _total to the name of a monotonic sum, after it removed it
// anywhere in the name. So only names that this does not change become one.
func kindOf(name string, meta message.Metadata) kind {
	switch meta.Type {
	case message.Gauge, message.GaugeHistogram:
		return gauge
	case message.Info, message.StateSet:
		return cumulativeSum
	case message.Summary:
		if component(name) {
			return cumulativeSum
		}
		return gauge
	}
	switch {
	case meta.Type != message.Histogram && endsInTotal(name):
		return monotonicSum
	case strings.HasSuffix(name, "_created"):
		return gauge
	case meta.Type == message.Counter, component(name):
		return cumulativeSum
	}
	return gauge
}

// component reports whether a name is that of a component of a classic histogram or
// summary that counts.
func component(name string) bool {
	return strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_sum")
}

// endsInTotal reports whether _total is the end of a name and nowhere else in it.
func endsInTotal(name string) bool {
	before, ok := strings.CutSuffix(name, "_total")
	if !ok || before == "" {
		return false
	}
	if !strings.Contains(before, "total") {
		return true
	}
	for token := range strings.FieldsFuncSeq(before, func(r rune) bool { return !isNameChar(r) }) {
		if token == "total" {
			return false
		}
	}
	return true
}

// isNameChar reports whether a rune is one of which names without UTF-8 consist, but for
// the underscore that separates their parts.
func isNameChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ':'
}

// unitOf returns the unit of a metric, or nothing where what reads OTLP would append it
// to the name: units are appended unless the name has them, and short ones are taken for
// abbreviations.
func unitOf(name string, k kind, unit string) string {
	const shortest = 4
	if len(unit) < shortest {
		return ""
	}
	for _, c := range unit {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	if k == monotonicSum {
		name = strings.TrimSuffix(name, "_total")
	}
	if !strings.HasSuffix(name, "_"+unit) {
		return ""
	}
	return unit
}

// describe sets what is known of a metric, and makes it one of the kind.
func describe(m pmetric.Metric, name string, k kind, meta message.Metadata) {
	m.SetName(name)
	m.SetDescription(meta.Help)
	m.SetUnit(unitOf(name, k, meta.Unit))
	typ := meta.Type
	switch k {
	case gauge:
		m.SetEmptyGauge()
		if typ == message.Gauge {
			return
		}
	case monotonicSum, cumulativeSum:
		sum := m.SetEmptySum()
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		sum.SetIsMonotonic(k == monotonicSum)
		if k == monotonicSum {
			return
		}
	case exponential, exponentialGauge:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	case explicit, explicitGauge:
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
	switch k {
	case exponential, explicit:
		return
	case exponentialGauge, explicitGauge:
		typ = message.GaugeHistogram
	}
	m.Metadata().PutStr(typeKey, typ.String())
}
