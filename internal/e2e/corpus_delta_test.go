// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// deltaDoor makes requests of delta points with distinct timestamps, in seconds.
type deltaDoor struct{ begin time.Time }

func newDeltaDoor() *deltaDoor {
	return &deltaDoor{begin: time.Now().Add(-10 * time.Minute).Truncate(time.Second)}
}

func (d *deltaDoor) at(second int) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(d.begin.Add(time.Duration(second) * time.Second))
}

// delta is the increase of a counter in the second before this one.
type delta struct {
	second   int
	value    float64
	fraction bool // sent as a double
}

// sum makes a request with the points in this order.
func (d *deltaDoor) sum(name string, points ...delta) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	s := m.SetEmptySum()
	s.SetIsMonotonic(true)
	s.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	for _, point := range points {
		p := s.DataPoints().AppendEmpty()
		p.SetStartTimestamp(d.at(point.second - 1))
		p.SetTimestamp(d.at(point.second))
		if point.fraction {
			p.SetDoubleValue(point.value)
		} else {
			p.SetIntValue(int64(point.value))
		}
	}
	return md
}

// histogram makes a request with one point that has these buckets.
func (d *deltaDoor) histogram(name string, second int, bounds []float64, buckets []uint64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	h := m.SetEmptyHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	p := h.DataPoints().AppendEmpty()
	p.SetStartTimestamp(d.at(second - 1))
	p.SetTimestamp(d.at(second))
	for _, n := range buckets {
		p.SetCount(p.Count() + n)
	}
	p.ExplicitBounds().FromRaw(bounds)
	p.BucketCounts().FromRaw(buckets)
	return md
}

// prometheusLike routes metrics to the recorder as a store of cumulative metrics.
const prometheusLike = `
    destinations:
      totals: {profile: prometheus, otlp_http: {endpoint: "%s", compression: none}}
    routes: {metrics: [totals]}
    retry: {initial_interval: 50ms}
`

// grown returns the total increase of all time series of a metric. It requires that the
// points of each series arrive in the order of their timestamps and never decrease.
func (r *recorder) grown(t *testing.T, metric string) (sum float64) {
	t.Helper()
	for id, samples := range r.series(metric) {
		for i := 1; i < len(samples); i++ {
			require.Greater(t, samples[i].ms, samples[i-1].ms, "%s %s: %v", metric, id, samples)
			require.GreaterOrEqual(t, samples[i].value, samples[i-1].value, "%s %s: %v", metric, id, samples)
		}
		sum += increase(samples)
	}
	return sum
}

// refusedPoints returns how many points the gateway counts as not converted.
func refusedPoints(t *testing.T, r *rig) int {
	t.Helper()
	return r.total().dropped
}

// TestCorpus_DeltaSums sends the deltas of a counter in orders and types that clients
// produce. The totals at the backend increase by what was accepted: the sum of all deltas,
// except points that were dropped, which are counted.
func TestCorpus_DeltaSums(t *testing.T) {
	t.Parallel()
	whole := func(points ...int) (all []delta) {
		for _, n := range points {
			all = append(all, delta{second: n, value: float64(n * n)})
		}
		return all
	}
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(prometheusLike, s.url), "acme")
	g := r.run()
	for name, requests := range map[string][][]delta{
		"in order":                   {whole(1), whole(2), whole(3), whole(4)},
		"newest first":               {whole(7, 6, 5, 4, 3, 2, 1)},
		"shuffled in one":            {whole(3, 1, 5, 2, 4)},
		"requests overtake":          {whole(1), whole(4), whole(2), whole(3), whole(5)},
		"shuffled across":            {whole(2, 1), whole(6, 5), whole(4, 3), whole(7)},
		"gaps":                       {whole(1), whole(50), whole(300)},
		"one late after many":        {whole(1, 2, 3, 5, 6), whole(4), whole(7)},
		"integer, fraction, integer": {whole(1), {{2, 0.5, true}}, whole(3)},
		"fraction, integer":          {{{1, 0.25, true}}, whole(2), {{3, 1.75, true}}, whole(4)},
		"types mixed in one":         {{{1, 3, false}, {2, 0.5, true}, {3, 4, false}, {4, 0.125, true}}},
		"zeros":                      {{{1, 0, false}}, {{2, 0, true}}, whole(3), {{4, 0, false}}},
		"large":                      {{{1, 1 << 52, false}}, {{2, 1 << 51, false}}, {{3, 1 << 50, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			door := newDeltaDoor()
			sent := 0.0
			for _, points := range requests {
				r.post("acme", door.sum(name, points...))
				r.drained() // prevents the gateway from merging and sorting them
				for _, p := range points {
					sent += p.value
				}
			}
			assert.Zero(t, refusedPoints(t, r))
			assert.Equal(t, sent, s.grown(t, name), "%v", s.series(name))
		})
	}
	g.stop()
}

// TestCorpus_DeltaAhead sends one point with a timestamp in the future. It does not affect
// the correctly timed points after it.
func TestCorpus_DeltaAhead(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(prometheusLike, s.url), "acme")
	g := r.run()
	for name, ahead := range map[string]int{"a minute": 11 * 60, "a day": 24 * 3600, "a century": 36500 * 24 * 3600} {
		t.Run(name, func(t *testing.T) {
			door := newDeltaDoor()
			before := refusedPoints(t, r)
			r.post("acme", door.sum(name, delta{second: 1, value: 5}))
			status, text := r.try("acme", door.sum(name, delta{second: ahead, value: 1000}))
			r.drained()
			want := 45.0
			if status == http.StatusOK && refusedPoints(t, r) == before {
				want += 1000
			}
			for n := 2; n <= 9; n++ {
				r.post("acme", door.sum(name, delta{second: n, value: 5}))
			}
			r.drained()
			assert.Equal(t, want, s.grown(t, name), "%d %s", status, text)
		})
	}
	assert.LessOrEqual(t, refusedPoints(t, r), 3, "no other point is refused")
	g.stop()
}

// TestCorpus_DeltaRandom sends deltas of several counters in random order of requests and
// points, some of them twice, like a client that got no answer.
func TestCorpus_DeltaRandom(t *testing.T) {
	t.Parallel()
	const counters, seconds = 5, 120
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(prometheusLike, s.url), "acme")
	g := r.run()
	door := newDeltaDoor()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	sent := make([]float64, counters)
	for from := 1; from <= seconds; from += 12 {
		order := rnd.Perm(12)
		for len(order) > 0 {
			n := 1 + rnd.IntN(min(4, len(order)))
			for i := range counters {
				var points []delta
				for _, offset := range order[:n] {
					p := delta{second: from + offset, value: float64(rnd.IntN(100)), fraction: rnd.IntN(3) == 0}
					if p.fraction {
						p.value /= 8
					}
					points = append(points, p)
					sent[i] += p.value
				}
				md := door.sum("orders_"+strconv.Itoa(i), points...)
				r.post("acme", md)
			}
			order = order[n:]
		}
	}
	r.drained()
	require.Zero(t, refusedPoints(t, r))
	for i, want := range sent {
		assert.Equal(t, want, s.grown(t, "orders_"+strconv.Itoa(i)))
	}
	g.stop()
}

// TestCorpus_BacklogInOrder uses stores that only accept the samples of a series in order,
// stops them, and answers some requests late. Each sample of a backlog of many batches
// arrives, in order.
func TestCorpus_BacklogInOrder(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"prometheus", "mimir", "cortex"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			s := newRecorder(t)
			s.uneven = true
			s.away.Store(true)
			r := newRig(t, `
    destinations:
      ordered: {profile: `+profile+`, otlp_http: {endpoint: "`+s.url+`", compression: none}}
    routes: {metrics: [ordered]}`+fastRetry, "acme")
			g := r.run()
			c := newClock()
			for n := 1; n <= ticks; n++ {
				r.post("acme", c.metrics("acme", n))
			}
			require.Positive(t, r.total().queued)
			s.away.Store(false)
			r.drained()
			var got []sample
			for _, samples := range s.series(temperature) {
				got = append(got, samples...)
			}
			assert.Equal(t, gauges(c), got)
			for metric, scale := range map[string]float64{visits: 1, ordered: 1, volume: 0.5, latency: 1} {
				for _, samples := range s.series(metric) {
					if samples[0].value == 0 {
						samples = samples[1:] // the first sample
					}
					assert.Equal(t, runningTotals(c, scale), samples, metric)
				}
			}
			assert.Greater(t, s.requests, 5, "batches")
			g.stop()
		})
	}
}

// TestCorpus_DeltaHistograms starts with histograms without observations or buckets and
// continues with some. Other metrics of the tenant are not affected.
func TestCorpus_DeltaHistograms(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(prometheusLike, s.url), "acme")
	g := r.run()
	door := newDeltaDoor()
	r.post("acme", door.sum("before", delta{second: 1, value: 2}))
	bounds := []float64{1, 10, 100}
	r.post("acme", door.histogram("h", 1, nil, nil))
	r.post("acme", door.histogram("h", 2, bounds, []uint64{0, 0, 0, 0}))
	r.post("acme", door.histogram("h", 3, bounds, []uint64{1, 0, 4, 2}))
	r.post("acme", door.histogram("h", 4, nil, []uint64{0}))
	r.post("acme", door.histogram("h", 5, bounds, []uint64{0, 9, 0, 0}))
	r.post("acme", door.histogram("h", 6, []float64{1, 10}, []uint64{3, 0, 1}))
	r.post("acme", door.sum("before", delta{second: 2, value: 3}))
	r.drained()
	assert.Equal(t, 5.0, s.grown(t, "before"))
	assert.Zero(t, refusedPoints(t, r))
	// Different bounds restart a series, so the increase includes decreases.
	total := 0.0
	for _, samples := range s.series("h") {
		total += increase(samples)
	}
	assert.Equal(t, 20.0, total, "%v", s.series("h"))
	requireBuckets(t, s, "h")
	g.stop()
}

// requireBuckets requires that each point has a count for each of its buckets, and that the
// counts add up.
func requireBuckets(t *testing.T, s *recorder, name string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, md := range s.metrics {
		for _, m := range metricsOf(md) {
			if m.Name() != name {
				continue
			}
			for _, p := range m.Histogram().DataPoints().All() {
				if p.BucketCounts().Len() == 0 {
					assert.Zero(t, p.ExplicitBounds().Len())
					continue
				}
				assert.Equal(t, p.ExplicitBounds().Len()+1, p.BucketCounts().Len())
				sum := uint64(0)
				for _, n := range p.BucketCounts().All() {
					sum += n
				}
				assert.Equal(t, p.Count(), sum)
			}
		}
	}
}

// TestCorpus_DeltaOverTwoGateways distributes the deltas of a counter over two gateways in
// several ways, as a load balancer does. The total increase of all time series equals the
// deltas.
func TestCorpus_DeltaOverTwoGateways(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	first := newRig(t, fmt.Sprintf(prometheusLike, s.url), "acme")
	second := newRig(t, fmt.Sprintf(prometheusLike, s.url), "acme")
	g1, g2 := first.run(), second.run()
	for _, turns := range []string{"1112121", "12121212", "11112222", "2111111", "122221"} {
		t.Run(turns, func(t *testing.T) {
			door := newDeltaDoor()
			sent := 0
			for i, turn := range turns {
				r := first
				if turn == '2' {
					r = second
				}
				r.post("acme", door.sum(turns, delta{second: i + 1, value: float64(11 + i)}))
				r.drained()
				sent += 11 + i
			}
			assert.Equal(t, float64(sent), s.grown(t, turns), "%v", s.series(turns))
		})
	}
	g1.stop()
	g2.stop()
}
