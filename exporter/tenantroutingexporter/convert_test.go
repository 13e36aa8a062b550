// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// prometheus answers as Prometheus does to delta sums: 500, and nothing of the
// request is stored.
type prometheus struct {
	mu     sync.Mutex
	status int
	values []int64
}

func (p *prometheus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	req := pmetricotlp.NewExportRequest()
	if p.status != http.StatusOK || req.UnmarshalProto(body) != nil {
		w.WriteHeader(p.status)
		return
	}
	var values []int64
	for _, rm := range req.Metrics().ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			if m.Sum().AggregationTemporality() == pmetric.AggregationTemporalityDelta {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			for _, d := range m.Sum().DataPoints().All() {
				values = append(values, d.IntValue())
			}
		}
	}
	p.values = append(p.values, values...)
}

// second is some time ago.
func second(n int) pcommon.Timestamp { return pcommon.Timestamp((1_700_000_000 + n) * 1e9) }

func deltaOf(id string, at int, value int64) pmetric.Metrics {
	md := metricsOf(id)
	s := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetEmptySum()
	s.SetIsMonotonic(true)
	s.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	p := s.DataPoints().AppendEmpty()
	p.SetTimestamp(second(at))
	p.SetIntValue(value)
	return md
}

func TestPrometheus_GetsTotalsWhileOthersGetDeltas(t *testing.T) {
	backend := &prometheus{status: http.StatusOK}
	s := httptest.NewServer(backend)
	defer s.Close()
	dir := t.TempDir()
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  prom: {profile: prometheus, otlp_http: {endpoint: %q, compression: none}}
  local: {archive: {directory: %q}}
routes: {metrics: [prom, local]}
lane: {batch: {max_bytes: 200, timeout: 0s}, concurrency: 1, max_bytes: 800}
retry: {initial_interval: 10ms, max_interval: 10ms}
circuit_breaker: {failures: 5, open: 10ms}
max_total_bytes: 1MiB
`, s.URL, dir), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"}))
	ctx := context.Background()
	values := func() []int64 {
		backend.mu.Lock()
		defer backend.mu.Unlock()
		return append([]int64(nil), backend.values...)
	}
	eventually := func(want ...int64) {
		t.Helper()
		assert.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, want, values()) }, 30*time.Second, time.Millisecond)
	}
	// The backend has a request before its lane knows, which has room for one.
	accept := func(md pmetric.Metrics) {
		t.Helper()
		require.Eventually(t, func() bool { return g.metrics.ConsumeMetrics(ctx, md) == nil }, 10*time.Second, time.Millisecond)
	}
	accept(deltaOf("a", 100, 5))
	eventually(0, 5)
	accept(deltaOf("a", 110, 7))
	eventually(0, 5, 12)
	accept(deltaOf("b", 110, 1))
	eventually(0, 5, 12, 0, 1)
	empty := func() bool { return sum(t, g.tel, "queued_records") == 0 }
	require.Eventually(t, empty, 10*time.Second, time.Millisecond)

	// While the backend is away the lane fills; what is rejected and sent again
	// later is counted once.
	backend.mu.Lock()
	backend.status = http.StatusServiceUnavailable
	backend.mu.Unlock()
	at := 120
	for g.metrics.ConsumeMetrics(ctx, deltaOf("a", at, 1)) == nil {
		at++
	}
	for range 3 {
		require.Error(t, g.metrics.ConsumeMetrics(ctx, deltaOf("a", at, 1)))
	}
	backend.mu.Lock()
	backend.status = http.StatusOK
	backend.mu.Unlock()
	accept(deltaOf("a", at, 1))
	accept(deltaOf("a", at, 1)) // what is there already is taken too
	require.Eventually(t, empty, 10*time.Second, time.Millisecond)
	got := values()
	assert.Equal(t, int64(12+at-120+1), got[len(got)-1])
	assert.Equal(t, int64(1), sum(t, g.tel, "dropped_records", "destination=prom", "reason=duplicate_delta"))
	for _, d := range []string{"destination=prom", "destination=local"} {
		assert.Equal(t, sum(t, g.tel, "accepted_records", d), sum(t, g.tel, "delivered_records", d)+sum(t, g.tel, "dropped_records", d))
	}
	assert.Equal(t, int64(0), sum(t, g.tel, "dropped_records", "destination=local"))
}

// TestDeltaToCumulative_OfEveryProfile sends two deltas to each kind of destination
// that takes metrics, and looks at what arrives.
func TestDeltaToCumulative_OfEveryProfile(t *testing.T) {
	for _, tc := range []struct {
		destination string
		want        []int64
	}{
		{"profile: prometheus", []int64{5, 12}},
		{"profile: mimir", []int64{5, 12}},
		{"profile: cortex", []int64{5, 12}},
		{"profile: victoriametrics", []int64{5, 12}},
		{"profile: otlp", []int64{5, 7}},
		{"profile: signoz", []int64{5, 7}},
		{"profile: prometheus, delta_to_cumulative: false", []int64{5, 7}}, // with its own conversion
		{"profile: victoriametrics, delta_to_cumulative: false", []int64{5, 7}},
		{"profile: otlp, delta_to_cumulative: true", []int64{5, 12}},
	} {
		t.Run(tc.destination, func(t *testing.T) {
			got := make(chan int64, 2)
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				req := pmetricotlp.NewExportRequest()
				assert.NoError(t, req.UnmarshalProto(body))
				sum := req.Metrics().ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum()
				want := pmetric.AggregationTemporalityDelta
				if tc.want[1] == 12 {
					want = pmetric.AggregationTemporalityCumulative
				}
				assert.Equal(t, want, sum.AggregationTemporality())
				got <- sum.DataPoints().At(sum.DataPoints().Len() - 1).IntValue() // behind the zero of a new total
			}))
			defer s.Close()
			g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {d: {%s, otlp_http: {endpoint: %q, compression: none}}}
routes: {metrics: [d]}
`, tc.destination, s.URL), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
			for i, value := range []int64{5, 7} {
				require.NoError(t, g.metrics.ConsumeMetrics(t.Context(), deltaOf("a", 100+i, value)))
				assert.Equal(t, tc.want[i], <-got)
			}
		})
	}
}
