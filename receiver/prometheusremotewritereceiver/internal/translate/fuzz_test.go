// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// choices makes valid series of the bytes of a fuzz test.
type choices struct{ data []byte }

func (c *choices) number() uint64 {
	var eight [8]byte
	n := copy(eight[:], c.data)
	c.data = c.data[n:]
	return binary.LittleEndian.Uint64(eight[:])
}

func (c *choices) below(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % n
}

func (c *choices) one(of ...string) string { return of[c.below(len(of))] }

func (c *choices) text() string {
	n := min(c.below(8), len(c.data))
	text := strings.ToValidUTF8(string(c.data[:n]), "?")
	c.data = c.data[n:]
	return text
}

func (c *choices) millis() int64 {
	return int64(c.number() % (math.MaxInt64/1_000_000 + 1))
}

func (c *choices) value() float64 {
	if c.below(8) == 0 {
		return math.Float64frombits(0x7ff0000000000002)
	}
	return math.Float64frombits(c.number())
}

// labels returns sorted labels without duplicates and empty texts.
func (c *choices) labels() (labels []message.Label) {
	for range c.below(7) {
		name := c.one("job", "instance", "job", "instance", "le", "quantile", "otel_scope_name", "otel_scope_version", "otel_scope_schema_url", "otel_scope_x", "a", "service.name", "")
		value := c.one("a", "b", "a/b", "a/b/c", "/", "1", "1.0", "")
		if name == "" {
			name = c.text()
		}
		if value == "" {
			value = c.text()
		}
		has := slices.ContainsFunc(labels, func(l message.Label) bool { return l.Name == name })
		if name != "" && name != "__name__" && value != "" && !has {
			labels = append(labels, message.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(labels, func(a, b message.Label) int { return strings.Compare(a.Name, b.Name) })
	return labels
}

func (c *choices) buckets(float, custom bool) (b message.Buckets) {
	index := 0
	for i := range c.below(4) {
		offset, length := c.below(5), c.below(4)
		if i == 0 && !custom {
			offset = (c.below(256) - 128) * (1 + c.below(256))
		}
		if custom && index+offset+length > 4 {
			break
		}
		index += offset + length
		b.Spans = append(b.Spans, message.Span{Offset: int32(offset), Length: uint32(length)})
		for range length {
			if float {
				b.Counts = append(b.Counts, float64(c.below(100))/4)
			} else {
				b.Deltas = append(b.Deltas, int64(c.below(5)))
			}
		}
	}
	return b
}

func (c *choices) histogram() (h message.NativeHistogram) {
	h = message.NativeHistogram{
		Float: c.below(2) == 1, Schema: int32(c.below(13)) - 4, Sum: c.value(), Timestamp: c.millis(), ResetHint: message.ResetHint(c.below(4)),
		Count: c.number() >> 40, CountFloat: float64(c.below(200)) / 4,
	}
	custom := c.below(3) == 0
	if custom {
		h.Schema, h.CustomValues = message.CustomBuckets, []float64{-1, 0, 2.5}
	} else {
		h.ZeroCount, h.ZeroCountFloat, h.ZeroThreshold = uint64(c.below(9)), float64(c.below(9))/2, 0.5
		h.Negative = c.buckets(h.Float, false)
	}
	h.Positive = c.buckets(h.Float, custom)
	return h
}

func (c *choices) series() *message.Series {
	s := &message.Series{
		Name:     c.one("m", "m_total", "m_total_total", "m_bucket", "m_count", "m_sum", "target_info", "größe", ""),
		Labels:   c.labels(),
		Metadata: message.Metadata{Type: message.Type(c.below(int(message.NumTypes))), Help: c.one("", "help"), Unit: c.one("", "seconds", "m")},
	}
	if s.Name == "" {
		s.Name = "n" + c.text()
	}
	for range c.below(3) {
		s.Samples = append(s.Samples, message.Sample{Value: c.value(), Timestamp: c.millis(), Start: c.millis() * int64(c.below(2))})
	}
	for range c.below(3) {
		e := message.Exemplar{Value: c.value(), Timestamp: c.millis()}
		for _, l := range []message.Label{
			{Name: "trace_id", Value: c.one("4bf92f3577b34da6a3ce929d0e0e4736", "4BF92F3577B34DA6A3CE929D0E0E4736", "zbf92f3577b34da6a3ce929d0e0e4736", "short", "00000000000000000000000000000000")},
			{Name: "span_id", Value: c.one("00f067aa0ba902b7", "x", "0000000000000000")},
			{Name: "user", Value: "u"},
		} {
			if c.below(2) == 1 {
				e.Labels = append(e.Labels, l)
			}
		}
		s.Exemplars = append(s.Exemplars, e)
	}
	if len(s.Samples) == 0 && c.below(2) == 1 {
		s.Histograms = append(s.Histograms, c.histogram())
	}
	return s
}

// id returns a series as a text.
func id(name string, labels []message.Label) string {
	labels = slices.Clone(labels)
	slices.SortFunc(labels, func(a, b message.Label) int { return strings.Compare(a.Name, b.Name) })
	return fmt.Sprintf("%q%q", name, labels)
}

// exemplarText returns an exemplar of a series as a text. IDs are in lower case, as they are
// after OTLP.
func exemplarText(series string, value float64, millis int64, labels []message.Label) string {
	var texts []string
	for _, l := range labels {
		if l.Name == "trace_id" || l.Name == "span_id" {
			l.Value = strings.ToLower(l.Value)
		}
		texts = append(texts, fmt.Sprintf("%q", l))
	}
	slices.Sort(texts)
	return fmt.Sprint("exemplar ", series, math.Float64bits(value), " ", millis, texts)
}

func valueText(value float64) string {
	if math.Float64bits(value) == 0x7ff0000000000002 {
		return "stale"
	}
	return fmt.Sprint(math.Float64bits(value))
}

// histogramText returns a histogram as a text. Buckets are by their indexes in Prometheus.
func histogramText(series string, millis int64, sum float64, count, zero uint64, schema int32, negative, positive map[int64]uint64) string {
	if valueText(sum) == "stale" {
		return fmt.Sprint("histogram ", series, millis, " stale")
	}
	return fmt.Sprint("histogram ", series, millis, " ", valueText(sum), " ", count, " ", zero, " ", schema, negative, positive)
}

// expected returns what the metrics of series must be, as texts: samples, histograms that
// keep their resolution, and exemplars.
func expected(all []*message.Series) (texts []string) {
	rounded := func(exact uint64, float bool, count float64) uint64 {
		if float {
			exact, _ = message.Round(count)
		}
		return exact
	}
	for _, s := range all {
		series := id(s.Name, s.Labels)
		if s.Name == "target_info" && len(s.Samples) > 0 && slices.ContainsFunc(s.Labels, func(l message.Label) bool { return l.Name == "job" || l.Name == "instance" }) {
			continue
		}
		for _, x := range s.Samples {
			texts = append(texts, fmt.Sprint("sample ", series, x.Timestamp, " ", x.Start, " ", valueText(x.Value)))
		}
		for _, e := range s.Exemplars {
			texts = append(texts, exemplarText(series, e.Value, e.Timestamp, e.Labels))
		}
		for _, h := range s.Histograms {
			side := func(b message.Buckets) map[int64]uint64 {
				counts := map[int64]uint64{}
				at, n, sum := int64(0), 0, int64(0)
				for _, span := range b.Spans {
					at += int64(span.Offset)
					for range span.Length {
						if h.Float {
							counts[at] = rounded(0, true, b.Counts[n])
						} else {
							sum += b.Deltas[n]
							counts[at] = uint64(sum)
						}
						if counts[at] == 0 {
							delete(counts, at)
						}
						n, at = n+1, at+1
					}
				}
				return counts
			}
			zero := rounded(h.ZeroCount, h.Float, h.ZeroCountFloat)
			if h.Schema == message.CustomBuckets {
				zero = 0
			}
			texts = append(texts, histogramText(series, h.Timestamp, h.Sum, rounded(h.Count, h.Float, h.CountFloat), zero, h.Schema, side(h.Negative), side(h.Positive)))
		}
	}
	slices.Sort(texts)
	return texts
}

// reversed returns what metrics are as series, by the rules of a reader of OTLP that makes
// series of them.
func reversed(t *testing.T, r Result) (texts []string) {
	t.Helper()
	exemplars := func(series string, all pmetric.ExemplarSlice) {
		for _, e := range all.All() {
			var labels []message.Label
			for k, v := range e.FilteredAttributes().All() {
				labels = append(labels, message.Label{Name: k, Value: v.Str()})
			}
			if !e.TraceID().IsEmpty() {
				labels = append(labels, message.Label{Name: "trace_id", Value: e.TraceID().String()})
			}
			if !e.SpanID().IsEmpty() {
				labels = append(labels, message.Label{Name: "span_id", Value: e.SpanID().String()})
			}
			texts = append(texts, exemplarText(series, e.DoubleValue(), int64(e.Timestamp())/1_000_000, labels))
		}
	}
	for _, rm := range r.Metrics.ResourceMetrics().All() {
		var ofResource []message.Label
		get := func(key string) string {
			if v, ok := rm.Resource().Attributes().Get(key); ok {
				return v.Str()
			}
			return ""
		}
		job := get("service.name")
		if namespace := get("service.namespace"); namespace != "" {
			job = namespace + "/" + job
		}
		for _, l := range []message.Label{{Name: "job", Value: job}, {Name: "instance", Value: get("service.instance.id")}} {
			if l.Value != "" {
				ofResource = append(ofResource, l)
			}
		}
		for _, sm := range rm.ScopeMetrics().All() {
			ofScope := slices.Clone(ofResource)
			add := func(name, value string) {
				if value != "" {
					ofScope = append(ofScope, message.Label{Name: "otel_scope_" + name, Value: value})
				}
			}
			add("name", sm.Scope().Name())
			add("version", sm.Scope().Version())
			add("schema_url", sm.SchemaUrl())
			for k, v := range sm.Scope().Attributes().All() {
				add(k, v.Str())
			}
			for _, m := range sm.Metrics().All() {
				of := func(attributes pcommon.Map) string {
					labels := slices.Clone(ofScope)
					for k, v := range attributes.All() {
						labels = append(labels, message.Label{Name: k, Value: v.Str()})
					}
					return id(m.Name(), labels)
				}
				numbers := pmetric.NewNumberDataPointSlice()
				switch m.Type() {
				case pmetric.MetricTypeGauge:
					numbers = m.Gauge().DataPoints()
				case pmetric.MetricTypeSum:
					numbers = m.Sum().DataPoints()
					require.Equal(t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
					require.True(t, !m.Sum().IsMonotonic() || strings.Count(m.Name(), "total") == 1 && strings.HasSuffix(m.Name(), "_total"), m.Name())
				case pmetric.MetricTypeExponentialHistogram:
					for _, p := range m.ExponentialHistogram().DataPoints().All() {
						side := func(b pmetric.ExponentialHistogramDataPointBuckets) map[int64]uint64 {
							counts := map[int64]uint64{}
							for i, n := range b.BucketCounts().All() {
								if n > 0 {
									counts[int64(b.Offset())+int64(i)+1] = n
								}
							}
							return counts
						}
						sum := p.Sum()
						if p.Flags().NoRecordedValue() {
							sum = math.Float64frombits(0x7ff0000000000002)
						}
						texts = append(texts, histogramText(of(p.Attributes()), int64(p.Timestamp())/1_000_000, sum, p.Count(), p.ZeroCount(), p.Scale(), side(p.Negative()), side(p.Positive())))
						exemplars(of(p.Attributes()), p.Exemplars())
					}
				case pmetric.MetricTypeHistogram:
					for _, p := range m.Histogram().DataPoints().All() {
						counts := map[int64]uint64{}
						for i, n := range p.BucketCounts().All() {
							if n > 0 {
								counts[int64(i)] = n
							}
						}
						sum := p.Sum()
						if p.Flags().NoRecordedValue() {
							sum = math.Float64frombits(0x7ff0000000000002)
						} else {
							require.Equal(t, p.ExplicitBounds().Len()+1, p.BucketCounts().Len())
						}
						texts = append(texts, histogramText(of(p.Attributes()), int64(p.Timestamp())/1_000_000, sum, p.Count(), 0, message.CustomBuckets, nil, counts))
						exemplars(of(p.Attributes()), p.Exemplars())
					}
				}
				for _, p := range numbers.All() {
					value := p.DoubleValue()
					if p.Flags().NoRecordedValue() {
						value = math.Float64frombits(0x7ff0000000000002)
					}
					texts = append(texts, fmt.Sprint("sample ", of(p.Attributes()), int64(p.Timestamp())/1_000_000, " ", int64(p.StartTimestamp())/1_000_000, " ", valueText(value)))
					exemplars(of(p.Attributes()), p.Exemplars())
				}
			}
		}
	}
	for _, p := range r.Missing {
		var labels []message.Label
		for _, l := range []message.Label{{Name: "job", Value: p.Target.Job}, {Name: "instance", Value: p.Target.Instance}} {
			if l.Value != "" {
				labels = append(labels, l)
			}
		}
		for _, e := range p.Exemplars {
			texts = append(texts, exemplarText(id(p.Name, slices.Concat(labels, p.Scope, p.Labels)), e.Value, e.Timestamp, e.Labels))
		}
	}
	slices.Sort(texts)
	return texts
}

// FuzzBuilder makes series of its bytes, and metrics of the series with builders that are
// used again. Read the other way, the metrics are the series.
func FuzzBuilder(f *testing.F) {
	for seed := range 32 {
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte((i*i + seed*i*7 + seed*31) >> (seed % 5))
		}
		f.Add(data)
	}
	builders := new(Builders)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := choices{data}
		m := memory.New(memory.Settings{Families: 10, Targets: 10, Bytes: 1 << 20})
		b := builders.Get(m.Of("a"), 64<<20, func(int64) error { return nil })
		var all []*message.Series
		samples, histograms := 0, 0
		for len(c.data) > 0 && len(all) < 64 {
			s := c.series()
			all = append(all, s)
			samples += len(s.Samples)
			histograms += len(s.Histograms)
			require.NoError(t, b.Add(s))
		}
		r := b.Finish()
		builders.Put(b)
		require.Equal(t, samples, r.Written.Samples)
		require.Equal(t, histograms, r.Written.Histograms)
		require.Zero(t, r.Reduced, "no histogram of this test is that wide")
		require.Equal(t, expected(all), reversed(t, r))
	})
}
