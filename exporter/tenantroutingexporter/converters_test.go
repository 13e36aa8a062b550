// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// samples keeps what it gets as Prometheus does: by labels, and in order.
type samples struct {
	*httptest.Server
	mu     sync.Mutex
	series map[string][]sample
}

type sample struct {
	at    int64
	value float64
}

func newSamples(t *testing.T) *samples {
	s := &samples{series: make(map[string][]sample)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		req := pmetricotlp.NewExportRequest()
		assert.NoError(t, req.UnmarshalProto(body))
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, rm := range req.Metrics().ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					assert.Equal(t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
					for _, p := range m.Sum().DataPoints().All() {
						v := p.DoubleValue()
						if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
							v = float64(p.IntValue())
						}
						name := m.Name()
						for k, l := range p.Attributes().All() {
							name += "," + k + "=" + l.AsString()
						}
						s.series[name] = append(s.series[name], sample{p.Timestamp().AsTime().UnixMilli(), v})
					}
				}
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// increase returns the increase of each time series by the rules of Prometheus, and of
// all together.
func (s *samples) increase(t assert.TestingT) (each map[string]float64, all float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	each = make(map[string]float64)
	for name, list := range s.series {
		for i := range list[1:] {
			before, after := list[i], list[i+1]
			assert.Greater(t, after.at, before.at, name)
			if after.value >= before.value {
				each[name] += after.value - before.value
			} else {
				each[name] += after.value
			}
		}
		all += each[name]
	}
	return each, all
}

func (s *samples) eventually(t *testing.T, want float64) map[string]float64 {
	t.Helper()
	var each map[string]float64
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		var all float64
		each, all = s.increase(c)
		assert.InDelta(c, want, all, 0)
	}, 30*time.Second, 5*time.Millisecond)
	return each
}

// deltas returns a counter whose points have the value 10 and end so many seconds ago.
func deltas(secondsAgo ...float64) pmetric.Metrics {
	md := deltaOf("a", 0, 0)
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	m.SetName("orders")
	points := m.Sum().DataPoints()
	points.RemoveIf(func(pmetric.NumberDataPoint) bool { return true })
	now := time.Now()
	for _, ago := range secondsAgo {
		p := points.AppendEmpty()
		end := now.Add(-time.Duration(ago * float64(time.Second)))
		p.SetStartTimestamp(pcommon.NewTimestampFromTime(end.Add(-time.Second)))
		p.SetTimestamp(pcommon.NewTimestampFromTime(end))
		p.SetIntValue(10)
	}
	return md
}

func toPrometheus(t *testing.T, url, dir, more string) *gateway {
	config := fmt.Sprintf(`
registry: tenant_registry
destinations: {prom: {profile: prometheus, otlp_http: {endpoint: %q, compression: none}}}
routes: {metrics: [prom]}
lane: {batch: {timeout: 0s}, concurrency: 1}
%s
`, url, more)
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	host := tenanttest.Host{registryID: registry}
	if dir != "" {
		config += "storage: file_storage\n"
		host[storageID] = newStorage(t, dir)
	}
	return startGatewayWith(t, parseConfig(t, config), host, registry)
}

// Two gateways get parts of one counter, and one of them is restarted.
func TestPrometheus_GatewaysAreKeptApart(t *testing.T) {
	for name, more := range map[string][2]string{
		"storage":    {},
		"configured": {"delta_to_cumulative: {gateway_id: one}", "delta_to_cumulative: {gateway_id: two, gateway_attribute: gateway}"},
	} {
		t.Run(name, func(t *testing.T) {
			backend := newSamples(t)
			ctx := context.Background()
			dirs := [2]string{t.TempDir(), t.TempDir()}
			one, two := toPrometheus(t, backend.URL, dirs[0], more[0]), toPrometheus(t, backend.URL, dirs[1], more[1])
			sent := 0
			for i, g := range []*gateway{one, one, one, two, one, two, one} {
				require.NoError(t, g.metrics.ConsumeMetrics(ctx, deltas(float64(60-i))))
				sent += 10
				backend.eventually(t, float64(sent))
			}
			one.stop()
			one = toPrometheus(t, backend.URL, dirs[0], more[0])
			require.NoError(t, one.metrics.ConsumeMetrics(ctx, deltas(50)))
			require.NoError(t, one.metrics.ConsumeMetrics(ctx, deltas(40, 45))) // as large as the total before
			each := backend.eventually(t, float64(sent+30))
			require.Len(t, each, 2, "the same time series after a restart")
			assert.ElementsMatch(t, []float64{80, 20}, []float64{slices.Max(values(each)), slices.Min(values(each))})
		})
	}
}

func values(m map[string]float64) (out []float64) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func TestPrometheus_OneGatewayNeedsNoAttribute(t *testing.T) {
	backend := newSamples(t)
	g := toPrometheus(t, backend.URL, "", `delta_to_cumulative: {gateway_attribute: ""}`)
	require.NoError(t, g.metrics.ConsumeMetrics(context.Background(), deltas(3, 2, 1)))
	assert.Equal(t, map[string]float64{"orders": 30}, backend.eventually(t, 30))
	assert.Equal(t, int64(1), sum(t, g.tel, "delta_series"))
}

func TestPrometheus_PointsInAnyOrder(t *testing.T) {
	backend := newSamples(t)
	g := toPrometheus(t, backend.URL, "", "")
	ctx := context.Background()
	for _, ago := range [][]float64{{98}, {94, 96, 97}, {99}, {-120}, {93}, {95, 92}, {1}} {
		require.NoError(t, g.metrics.ConsumeMetrics(ctx, deltas(ago...)))
	}
	backend.eventually(t, 100)
	assert.Equal(t, int64(0), sum(t, g.tel, "dropped_records"))
}

// Each reason is counted, and what is fit is delivered.
func TestPrometheus_UnfitPointsAreCounted(t *testing.T) {
	backend := newSamples(t)
	g := toPrometheus(t, backend.URL, "", "")
	ctx := context.Background()
	send := func(change func(pmetric.Metric, pmetric.NumberDataPoint)) {
		t.Helper()
		md := deltas(5)
		m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
		change(m, m.Sum().DataPoints().At(0))
		require.NoError(t, g.metrics.ConsumeMetrics(ctx, md))
	}
	once := deltas(10)
	require.NoError(t, g.metrics.ConsumeMetrics(ctx, once))
	require.NoError(t, g.metrics.ConsumeMetrics(ctx, once))
	require.NoError(t, g.metrics.ConsumeMetrics(ctx, deltas(-301)))
	send(func(_ pmetric.Metric, p pmetric.NumberDataPoint) { p.SetDoubleValue(math.NaN()) })
	send(func(_ pmetric.Metric, p pmetric.NumberDataPoint) { p.SetIntValue(-1) })
	send(func(_ pmetric.Metric, p pmetric.NumberDataPoint) { p.SetTimestamp(0) })
	send(func(m pmetric.Metric, _ pmetric.NumberDataPoint) {
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityUnspecified)
	})
	level := func(v int64) {
		send(func(m pmetric.Metric, p pmetric.NumberDataPoint) {
			m.SetName("level")
			m.Sum().SetIsMonotonic(false)
			p.SetIntValue(v)
		})
	}
	level(math.MaxInt64)
	level(1)
	for reason, n := range map[string]int64{"duplicate_delta": 1, "future_delta": 1, "invalid_delta": 4, "overflow_delta": 1} {
		assert.Equal(t, n, sum(t, g.tel, "dropped_records", "reason="+reason), reason)
	}
	assert.Equal(t, int64(7), sum(t, g.tel, "dropped_records"))
	require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 3 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, int64(10), sum(t, g.tel, "accepted_records"))
	backend.eventually(t, 10)
}

// Concurrent requests of one tenant, most of which are rejected at first.
func TestPrometheus_ConcurrentRetriesCountOnce(t *testing.T) {
	backend, other := newSamples(t), newSamples(t)
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  prom: {profile: prometheus, otlp_http: {endpoint: %q, compression: none}}
  other: {profile: prometheus, otlp_http: {endpoint: %q, compression: none}}
routes: {metrics: [prom, other]}
lane: {batch: {max_bytes: 200, timeout: 0s}, concurrency: 1, max_bytes: 1600}
max_total_bytes: 1MiB
`, backend.URL, other.URL), registry)
	const senders, requests = 8, 12
	var rejected sync.Map
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range requests {
				md := deltas(float64(i*requests+j) / 10)
				for g.metrics.ConsumeMetrics(context.Background(), md) != nil {
					rejected.Store(i, true)
					time.Sleep(time.Millisecond) // a sender waits before it retries
				}
			}
		})
	}
	wg.Wait()
	dropped := sum(t, g.tel, "dropped_records", "destination=prom")
	assert.Equal(t, dropped, sum(t, g.tel, "dropped_records", "reason=late_delta", "destination=prom"), "senders that are too far behind")
	backend.eventually(t, float64(10*(senders*requests-dropped)))
	other.eventually(t, float64(10*(senders*requests-sum(t, g.tel, "dropped_records", "destination=other"))))
	some := false
	rejected.Range(func(any, any) bool { some = true; return false })
	assert.True(t, some, "nothing was rejected")
}

func TestGatewayID_IsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), gatewayIDFile(component.MustNewIDWithName("tenant_routing", "a/b")))
	first, err := keptGatewayID(path)
	require.NoError(t, err)
	assert.True(t, isGatewayID(first))
	for range 2 {
		again, err := keptGatewayID(path)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	}
	for _, damaged := range []string{"", "x", first + "x", "ABCDEFGH", "\x00\x00"} {
		require.NoError(t, os.WriteFile(path, []byte(damaged), 0o600))
		id, err := keptGatewayID(path)
		require.NoError(t, err)
		assert.True(t, isGatewayID(id))
		assert.NotEqual(t, first, id)
		again, err := keptGatewayID(path)
		require.NoError(t, err)
		assert.Equal(t, id, again)
	}
	id, err := keptGatewayID(filepath.Join(t.TempDir(), "no folder", "x"))
	assert.Error(t, err)
	assert.True(t, isGatewayID(id), "one for this start")
	assert.Contains(t, gatewayIDFile(component.NewID(metadata.Type)), "gateway_id_tenant_routing")
}
