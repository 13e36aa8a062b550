// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
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

// series is a store that notes what it takes of one series, fails now and then, and
// rejects every 13th sample.
type series struct {
	rnd *rand.Rand

	mu      sync.Mutex
	took    []int64
	flights int
	most    int
}

func (s *series) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := decoded(r)
	s.mu.Lock()
	s.flights++
	s.most = max(s.most, s.flights)
	dice, wait := s.rnd.IntN(10), time.Duration(s.rnd.IntN(3000))*time.Microsecond
	s.mu.Unlock()
	time.Sleep(wait) // a backend with varying latency
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flights--
	req := pmetricotlp.NewExportRequest()
	if err != nil || req.UnmarshalProto(body) != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	got := sequenceOf(req.Metrics())
	switch {
	case dice < 2:
		w.WriteHeader(http.StatusServiceUnavailable)
	case dice == 2:
		w.WriteHeader(http.StatusNotFound)
	case dice == 3 && len(got) > 4:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case slices.ContainsFunc(got, func(n int64) bool { return n%13 == 0 }):
		http.Error(w, "refused", http.StatusInternalServerError)
	default:
		s.took = append(s.took, got...)
	}
}

// A backlog arrives in order and before what is new, through failures, halves and a
// restart.
func TestOrder_OfPrometheusLikeStores(t *testing.T) {
	for _, profile := range []string{"prometheus", "cortex", "mimir"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			s := &series{rnd: rand.New(rand.NewPCG(1, 2))}
			web := httptest.NewServer(s)
			defer web.Close()
			dir := t.TempDir()
			cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
destinations: {d: {profile: %s, otlp_http: {endpoint: %q}}}
routes: {metrics: [d]}
lane: {concurrency: 8, batch: {timeout: 1ms, max_bytes: 700}}
retry: {initial_interval: 2ms, max_interval: 5ms}
circuit_breaker: {failures: 3, open: 10ms}
max_memory_bytes: 1KiB
dead_letter: {directory: %q}
`, profile, web.URL, filepath.Join(dir, "letters")))
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
			host := tenanttest.Host{registryID: registry, storageID: newStorage(t, t.TempDir())}
			next := int64(1)
			var want []int64
			for round := range 3 {
				g := startGatewayWith(t, cfg, host, registry)
				for range 50 {
					n := 1 + next%5
					require.NoError(t, g.metrics.ConsumeMetrics(t.Context(), sequenceMetrics("a", next, n)))
					next += n
				}
				if round == 2 {
					require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 3*time.Minute, 20*time.Millisecond)
				}
				g.stop() // with a backlog
			}
			for i := int64(1); i < next; i++ {
				if i%13 != 0 {
					want = append(want, i)
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			assert.Equal(t, 1, s.most, "batches in flight")
			var first []int64 // a shutdown may break off what has arrived
			seen := make(map[int64]bool)
			for _, n := range s.took {
				if !seen[n] {
					first = append(first, n)
				}
				seen[n] = true
			}
			assert.Equal(t, want, first)
		})
	}
}

// sequenceOf returns the time stamps of a request, which number its samples.
func sequenceOf(md pmetric.Metrics) (out []int64) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, p := range m.Gauge().DataPoints().All() {
					out = append(out, int64(p.Timestamp()))
				}
			}
		}
	}
	return out
}

// sequenceMetrics returns n samples of one series, numbered from from.
func sequenceMetrics(id string, from, n int64) pmetric.Metrics {
	md := metricsOf(id)
	points := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints()
	points.At(0).SetTimestamp(pcommon.Timestamp(from))
	for i := int64(1); i < n; i++ {
		points.AppendEmpty().SetTimestamp(pcommon.Timestamp(from + i))
	}
	return md
}
