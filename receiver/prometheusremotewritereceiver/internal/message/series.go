// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import (
	"math"
	"slices"
	"strings"
)

const (
	// MaxLabels is how many labels a series or an exemplar may have.
	MaxLabels = 256

	// nameLabel is the label that has the name of the metric.
	nameLabel = "__name__"

	// maxMillis is the largest timestamp in milliseconds that nanoseconds can express.
	maxMillis = math.MaxInt64 / 1_000_000
)

// staleBits are the bits of the NaN that marks the end of a series.
const staleBits uint64 = 0x7ff0000000000002

// IsStale reports whether a value is the staleness marker.
func IsStale(value float64) bool { return math.Float64bits(value) == staleBits }

// Type is the type of a metric family, with the numbers of both versions.
type Type uint8

// The types.
const (
	Unknown Type = iota
	Counter
	Gauge
	Histogram
	GaugeHistogram
	Summary
	Info
	StateSet

	// NumTypes is the number of types.
	NumTypes
)

// String returns the name of the type in OpenMetrics.
func (t Type) String() string {
	return [...]string{"unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"}[t]
}

// typeOf returns the type with a number of the wire. Later versions may have others.
func typeOf(number uint64) Type {
	if n := uint32(number); n < uint32(NumTypes) { // enumerations have 32 bits
		return Type(n)
	}
	return Unknown
}

// Label is a label of a series or an exemplar.
type Label struct{ Name, Value string }

// Sample is a value at a time. Times are milliseconds since 1970, and Start is 0 if it
// is not known.
type Sample struct {
	Value            float64
	Timestamp, Start int64
}

// Exemplar is an example of what was observed.
type Exemplar struct {
	Value     float64
	Timestamp int64
	Labels    []Label
}

// Metadata describes a metric family.
type Metadata struct {
	Type       Type
	Help, Unit string
}

// Family is the metadata of a family by itself, which only 1.0 has.
type Family struct {
	Name string
	Metadata
}

// Series is one series of a message. Its name is not empty; its labels, without
// __name__, are sorted by name, and neither a name nor a value of them is empty. It is
// valid until the next one is decoded, but for its texts, which remain valid.
type Series struct {
	Name       string
	Labels     []Label
	Samples    []Sample
	Histograms []NativeHistogram
	Exemplars  []Exemplar
	Metadata   Metadata
}

// reset empties the series and keeps its memory.
func (s *Series) reset() {
	s.Name, s.Labels, s.Samples, s.Metadata = "", s.Labels[:0], s.Samples[:0], Metadata{}
	s.Histograms, s.Exemplars = s.Histograms[:0], s.Exemplars[:0]
}

// histogram returns an empty histogram at the end of the series.
func (s *Series) histogram() *NativeHistogram {
	s.Histograms = extend(s.Histograms)
	h := &s.Histograms[len(s.Histograms)-1]
	h.reset()
	return h
}

// exemplar returns an empty exemplar at the end of the series.
func (s *Series) exemplar() *Exemplar {
	s.Exemplars = extend(s.Exemplars)
	e := &s.Exemplars[len(s.Exemplars)-1]
	*e = Exemplar{Labels: e.Labels[:0]}
	return e
}

// extend adds an element to list, which is one that was used before if there is any, so
// that what it holds is used again.
func extend[T any](list []T) []T {
	if len(list) < cap(list) {
		return list[:len(list)+1]
	}
	var zero T
	return append(list, zero)
}

// add adds a label.
func (s *Series) add(name, value string) error {
	if len(s.Labels) >= MaxLabels {
		return errManyLabels
	}
	s.Labels = append(s.Labels, Label{name, value})
	return nil
}

// finish checks a decoded series, moves its name out of its labels and drops labels
// without a value, which Prometheus takes for absent. Labels that are not sorted are an
// error if sorted is true and are sorted otherwise, since senders of 1.0 need not do so.
func (s *Series) finish(sorted bool) error {
	ordered, previous := true, ""
	for _, l := range s.Labels {
		switch {
		case l.Name == "":
			return errLabelName
		case l.Name == previous:
			return errDuplicate
		case l.Name < previous:
			ordered = false
		}
		previous = l.Name
	}
	if !ordered {
		if sorted {
			return errSorted
		}
		slices.SortFunc(s.Labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
		for i := 1; i < len(s.Labels); i++ {
			if s.Labels[i].Name == s.Labels[i-1].Name {
				return errDuplicate
			}
		}
	}
	kept := s.Labels[:0]
	for _, l := range s.Labels {
		switch {
		case l.Name == nameLabel:
			s.Name = l.Value
		case l.Value != "":
			kept = append(kept, l)
		}
	}
	s.Labels = kept
	if s.Name == "" {
		return errNoName
	}
	if len(s.Samples) > 0 && len(s.Histograms) > 0 {
		return errBoth
	}
	for i := range s.Histograms {
		if err := s.Histograms[i].check(); err != nil {
			return err
		}
	}
	return s.checkTimes()
}

// checkTimes checks the timestamps of the series.
func (s *Series) checkTimes() error {
	for i := range s.Samples {
		if !validTime(s.Samples[i].Timestamp) || !validTime(s.Samples[i].Start) {
			return errTimestamp
		}
	}
	for i := range s.Histograms {
		if !validTime(s.Histograms[i].Timestamp) || !validTime(s.Histograms[i].Start) {
			return errTimestamp
		}
	}
	for i := range s.Exemplars {
		if !validTime(s.Exemplars[i].Timestamp) {
			return errTimestamp
		}
	}
	return nil
}

func validTime(millis int64) bool { return millis >= 0 && millis <= maxMillis }
