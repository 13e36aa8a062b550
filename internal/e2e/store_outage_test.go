// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The names in the telemetry of ticks.
const (
	temperature = "temperature"      // gauge: the number of the tick
	ordered     = "orders_total"     // delta sum of integers
	volume      = "volume_total"     // delta sum of fractions
	visits      = "visits_total"     // cumulative sum
	latency     = "latency"          // delta histogram
	ticks       = 200                // of a test
	smallBatch  = "max_bytes: 12KiB" // makes a backlog of many batches
)

// clock makes the telemetry of an application, one tick per second.
type clock struct {
	begin time.Time
}

func (c *clock) at(n int) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(c.begin.Add(time.Duration(n) * time.Second))
}

// order is the increase of the delta counter in a tick; volume increases by half of it.
func order(n int) int { return n*7%13 + 1 }

// total is the increase of the delta counter in ticks 1 to n.
func total(n int) (sum int) {
	for i := 1; i <= n; i++ {
		sum += order(i)
	}
	return sum
}

func line(n int) string { return fmt.Sprintf("line %03d", n) }

// describe sets the service of the tenant and claims another tenant.
func (c *clock) describe(r pcommon.Resource, owner string) {
	r.Attributes().PutStr("service.name", "shop of "+owner)
	r.Attributes().PutStr(tenant.AttributeKey, map[string]string{"acme": "bolt", "bolt": "acme"}[owner])
}

func (c *clock) logs(owner string, n int, lines ...string) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	c.describe(rl.Resource(), owner)
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for i, text := range lines {
		lr := records.AppendEmpty()
		lr.SetTimestamp(c.at(n) + pcommon.Timestamp(i))
		lr.Body().SetStr(text)
		lr.Attributes().PutInt("n", int64(n))
	}
	return ld
}

func (c *clock) spans(owner string, n int, names ...string) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	c.describe(rs.Resource(), owner)
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for i, name := range names {
		s := spans.AppendEmpty()
		s.SetName(name)
		s.SetTraceID([16]byte{1, byte(n >> 8), byte(n)})
		s.SetSpanID([8]byte{2, byte(n >> 8), byte(n), byte(i)})
		s.SetStartTimestamp(c.at(n))
		s.SetEndTimestamp(c.at(n) + pcommon.Timestamp(1000*i)) // stores order spans by it
	}
	return td
}

// metrics makes a metric of each kind, with names that have no meaning for the store.
func (c *clock) metrics(owner string, n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	c.describe(rm.Resource(), owner)
	ms := rm.ScopeMetrics().AppendEmpty().Metrics()
	gauge := ms.AppendEmpty()
	gauge.SetName(temperature)
	g := gauge.SetEmptyGauge().DataPoints().AppendEmpty()
	g.SetTimestamp(c.at(n))
	g.SetIntValue(int64(n))
	sum := func(name string, kind pmetric.AggregationTemporality, start int) pmetric.NumberDataPoint {
		m := ms.AppendEmpty()
		m.SetName(name)
		s := m.SetEmptySum()
		s.SetIsMonotonic(true)
		s.SetAggregationTemporality(kind)
		p := s.DataPoints().AppendEmpty()
		p.SetStartTimestamp(c.at(start))
		p.SetTimestamp(c.at(n))
		return p
	}
	sum(ordered, pmetric.AggregationTemporalityDelta, n-1).SetIntValue(int64(order(n)))
	sum(volume, pmetric.AggregationTemporalityDelta, n-1).SetDoubleValue(float64(order(n)) / 2)
	sum(visits, pmetric.AggregationTemporalityCumulative, 0).SetIntValue(int64(total(n)))
	m := ms.AppendEmpty()
	m.SetName(latency)
	h := m.SetEmptyHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	p := h.DataPoints().AppendEmpty()
	p.SetStartTimestamp(c.at(n - 1))
	p.SetTimestamp(c.at(n))
	p.SetCount(uint64(order(n)))
	p.SetSum(float64(order(n)) * 0.25)
	p.ExplicitBounds().FromRaw([]float64{0.1, 1})
	p.BucketCounts().FromRaw([]uint64{0, uint64(order(n)), 0})
	return md
}

// nameless is a metric that metric stores reject.
func (c *clock) nameless(n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	p := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(c.at(n))
	p.SetIntValue(int64(n))
	return md
}

// tick sends a tick of one signal. Ticks 40 and 120 contain a bad record, the first alone
// in its request, the second among valid ones.
func (c *clock) tick(r *rig, owner string, signal tenant.Signal, n int) {
	alone, among := n == 40, n == 120
	name := line(n)
	names := []string{name}
	if among {
		names = []string{name + " a", "bad among", name + " b"}
	}
	switch signal {
	case tenant.Logs:
		if alone {
			r.post(owner, c.logs(owner, n, "bad alone"))
		}
		r.post(owner, c.logs(owner, n, names...))
	case tenant.Traces:
		if alone {
			r.post(owner, c.spans(owner, n, "bad alone"))
		}
		r.post(owner, c.spans(owner, n, names...))
	default:
		if alone {
			r.post(owner, c.nameless(n))
		}
		md := c.metrics(owner, n)
		if among {
			c.nameless(n).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
		}
		r.post(owner, md)
	}
}

// wantLines are the names of the valid log records and spans of all ticks, by time.
func wantLines() (all []string) {
	for n := 1; n <= ticks; n++ {
		if n == 120 {
			all = append(all, line(n)+" a", line(n)+" b")
		} else {
			all = append(all, line(n))
		}
	}
	return all
}

// outage sends all ticks of the tenants: a fifth while the stores are up, a fifth while
// they are stopping, and the rest while they are down, for E2E_OUTAGE seconds (by default
// 0) and until each lane failed.
func outage(t *testing.T, r *rig, c *clock, owners []string, signals []tenant.Signal, stores ...*store) {
	t.Helper()
	send := func(from, to int) {
		for n := from; n <= to; n++ {
			for _, owner := range owners {
				for _, signal := range signals {
					c.tick(r, owner, signal, n)
				}
			}
		}
	}
	send(1, ticks/5)
	stopped := make(chan error, 1)
	go func() {
		var errs []error
		for _, s := range stores {
			errs = append(errs, s.stop())
		}
		stopped <- errors.Join(errs...)
	}()
	send(ticks/5+1, 2*ticks/5)
	require.NoError(t, <-stopped)
	send(2*ticks/5+1, ticks)
	pause(t.Context(), time.Duration(fromEnv(t, "E2E_OUTAGE", 0))*time.Second)
	require.Positive(t, r.total().queued)
	for _, s := range stores {
		s.start()
	}
	r.drained()
}

// runningTotals are the totals of the delta counter, at each tick.
func runningTotals(c *clock, scale float64) (all []sample) {
	sum := 0
	for n := 1; n <= ticks; n++ {
		sum += order(n)
		all = append(all, sample{c.at(n).AsTime().UnixMilli(), float64(sum) * scale})
	}
	return all
}

func gauges(c *clock) (all []sample) {
	for n := 1; n <= ticks; n++ {
		all = append(all, sample{c.at(n).AsTime().UnixMilli(), float64(n)})
	}
	return all
}

func newClock() *clock {
	return &clock{begin: time.Now().Add(-ticks * time.Second).Truncate(time.Second)}
}

const fastRetry = `
    lane: {batch: {` + smallBatch + `}}
    retry: {initial_interval: 50ms, max_interval: 500ms}
    circuit_breaker: {open: 500ms}
`

// TestStoreOutage_VictoriaLogs stops VictoriaLogs for two tenants. Accepted data is in its
// tenant's account once or more, and in no other account. The dead letters contain exactly
// the rejected records.
func TestStoreOutage_VictoriaLogs(t *testing.T) {
	t.Parallel()
	s := newVictoria(t, "victoria-logs")
	front := newStrict(t, s)
	r := newRig(t, `
    destinations:
      vlogs: {profile: victorialogs, otlp_http: {endpoint: "`+front.url+`"}}
    routes: {logs: [vlogs]}`+fastRetry, "acme", "bolt")
	r.reg.ctl("tenant", "update", "acme", "--var", "account_id=7")
	r.reg.ctl("tenant", "update", "bolt", "--var", "account_id=4294967295")
	g := r.run()
	c := newClock()
	outage(t, r, c, []string{"acme", "bolt"}, []tenant.Signal{tenant.Logs}, s)

	for owner, id := range map[string]string{"acme": "7", "bolt": "4294967295"} {
		requireLines(t, s, id, owner, "_msg", "service.name", tenant.AttributeKey)
		assert.Equal(t, map[string][]string{"vlogs logs": {"bad alone", "bad among"}}, r.dead(owner))
	}
	assert.Empty(t, s.rows("0"), "the account of requests without one")
	assert.Equal(t, 4, r.total().deadLettered)
	assert.Zero(t, r.total().dropped)
	assert.Positive(t, front.refused.Load())
	g.stop()
}

// requireLines requires that an account contains every valid line of the tenant, in order,
// and nothing else.
func requireLines(t *testing.T, s *store, account, owner, name, service, attribute string) {
	t.Helper()
	want := wantLines()
	var got []string
	assert.Eventually(t, func() bool {
		got = got[:0]
		seen := map[string]bool{}
		for _, row := range s.rows(account) {
			if text := row[name]; !seen[text] {
				seen[text] = true
				got = append(got, text)
			}
		}
		return len(got) >= len(want)
	}, 30*time.Second, 100*time.Millisecond)
	require.Equal(t, want, got)
	for _, row := range s.rows(account) {
		require.Equal(t, "shop of "+owner, row[service])
		require.Equal(t, owner, row[attribute])
	}
}

// TestStoreOutage_VictoriaTraces is the same for spans.
func TestStoreOutage_VictoriaTraces(t *testing.T) {
	t.Parallel()
	s := newVictoria(t, "victoria-traces")
	front := newStrict(t, s)
	r := newRig(t, `
    destinations:
      vtraces: {profile: victoriatraces, otlp_http: {endpoint: "`+front.url+`"}}
    routes: {traces: [vtraces]}`+fastRetry, "acme", "bolt")
	r.reg.ctl("tenant", "update", "acme", "--var", "account_id=7")
	r.reg.ctl("tenant", "update", "bolt", "--var", "account_id=4294967295")
	g := r.run()
	c := newClock()
	outage(t, r, c, []string{"acme", "bolt"}, []tenant.Signal{tenant.Traces}, s)

	for owner, id := range map[string]string{"acme": "7", "bolt": "4294967295"} {
		requireLines(t, s, id, owner, "name", "resource_attr:service.name", "resource_attr:"+tenant.AttributeKey)
		assert.Equal(t, map[string][]string{"vtraces traces": {"bad alone", "bad among"}}, r.dead(owner))
	}
	assert.Empty(t, s.rows("0"))
	g.stop()
}

// TestStoreOutage_VictoriaMetrics is the same for metrics: every sample of a gauge and of a
// cumulative sum is stored, and the totals of delta sums and histograms equal what was
// sent.
func TestStoreOutage_VictoriaMetrics(t *testing.T) {
	t.Parallel()
	s := newVictoria(t, "victoria-metrics", "-search.latencyOffset=0s")
	r := newRig(t, `
    destinations:
      vm: {profile: victoriametrics, otlp_http: {endpoint: "http://`+s.addr+`"}}
    routes: {metrics: [vm]}`+fastRetry, "acme", "bolt")
	g := r.run()
	c := newClock()
	outage(t, r, c, []string{"acme", "bolt"}, []tenant.Signal{tenant.Metrics}, s)

	for _, owner := range []string{"acme", "bolt"} {
		c.requireSamples(t, func(metric string) []sample { return s.samples(metric, owner) })
		assert.Equal(t, map[string][]string{"vm metrics": {"", ""}}, r.dead(owner))
	}
	assert.Equal(t, 4, r.total().deadLettered)
	assert.Zero(t, r.total().dropped)
	g.stop()
}

// requireSamples requires that a store contains every sample of all ticks in order.
func (c *clock) requireSamples(t *testing.T, stored func(metric string) []sample) {
	t.Helper()
	assert.Eventually(t, func() bool { return len(stored(temperature)) >= ticks }, 30*time.Second, 100*time.Millisecond,
		"samples are missing")
	assert.Equal(t, gauges(c), stored(temperature))
	assert.Equal(t, runningTotals(c, 1), stored(visits))
	for metric, scale := range map[string]float64{ordered: 1, volume: 0.5, latency + "_count": 1, latency + "_sum": 0.25} {
		got := stored(metric)
		assert.Equal(t, float64(total(ticks))*scale, increase(got), metric)
		if len(got) > 0 && got[0].value == 0 {
			got = got[1:] // the first sample
		}
		assert.Equal(t, runningTotals(c, scale), got, metric)
	}
}

// increase returns the increase of a counter over its samples, as in PromQL: a value below
// the previous one is a counter reset.
func increase(samples []sample) (sum float64) {
	for i := 1; i < len(samples); i++ {
		if before := samples[i-1].value; samples[i].value >= before {
			sum += samples[i].value - before
		} else {
			sum += samples[i].value
		}
	}
	return sum
}

// TestStoreOutage_Prometheus is the same for Prometheus, one per tenant. It accepts the
// samples of a series only in order.
func TestStoreOutage_Prometheus(t *testing.T) {
	t.Parallel()
	stores := map[string]*store{"acme": newPrometheus(t), "bolt": newPrometheus(t)}
	r := newRig(t, `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      prom: {profile: prometheus, otlp_http: {endpoint: "{vars.prometheus}"}}
    routes: {metrics: [prom]}`+fastRetry, "acme", "bolt")
	for owner, s := range stores {
		r.reg.ctl("tenant", "update", owner, "--var", "prometheus=http://"+s.addr)
	}
	g := r.run()
	c := newClock()
	outage(t, r, c, []string{"acme", "bolt"}, []tenant.Signal{tenant.Metrics}, stores["acme"], stores["bolt"])

	for owner, s := range stores {
		c.requireSamples(t, func(metric string) []sample { return s.rangeOf(metric, owner) })
		assert.Equal(t, map[string][]string{"prom metrics": {"", ""}}, r.dead(owner))
		for other := range stores {
			if other != owner {
				assert.Empty(t, s.rangeOf(temperature, other))
			}
		}
	}
	assert.Equal(t, 4, r.total().deadLettered)
	assert.Zero(t, r.total().dropped)
	g.stop()
}
