// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// poisoned is a middleware of an HTTP client that panics on requests with the word
// poison in them.
type poisoned struct {
	component.StartFunc
	component.ShutdownFunc
}

func (poisoned) GetHTTPRoundTripper(context.Context) (extensionmiddleware.WrapHTTPRoundTripperFunc, error) {
	return func(_ context.Context, base http.RoundTripper) (http.RoundTripper, error) {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			if bytes.Contains(body, []byte("poison")) {
				panic("a secret of the request")
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			return base.RoundTrip(req)
		}), nil
	}, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestPanic_WhileSendingMakesADeadLetter(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	letters := t.TempDir()
	middleware := component.MustNewID("poisoned")
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
	g := startGatewayWith(t, parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {remote: {otlp_http: {endpoint: %q, compression: none, middlewares: [{id: poisoned}]}}}
routes: {logs: [remote]}
lane: {batch: {max_bytes: 1, timeout: 0s}, concurrency: 1}
dead_letter: {directory: %q}
`, server.URL, letters)), tenanttest.Host{registryID: registry, middleware: poisoned{}}, registry)
	for range 3 {
		for _, id := range []string{"a", "b"} {
			for _, body := range []string{"fine", "poison", "fine"} {
				require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf(id, body)))
			}
		}
	}
	require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 20*time.Second, time.Millisecond)
	assert.Equal(t, int64(12), sum(t, g.tel, "delivered_records"))
	assert.Equal(t, int64(6), sum(t, g.tel, "dead_lettered_records", "reason=panic"))
	assert.Equal(t, int64(6), sum(t, g.tel, "panics"))
	assert.Zero(t, sum(t, g.tel, "lanes", "state=waiting")+sum(t, g.tel, "lanes", "state=open"))
	g.stop()
	files, err := filepath.Glob(filepath.Join(letters, "tenant=*", "*", "*", "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, 3, strings.Count(string(data), "poison"))
		assert.NotContains(t, string(data), "a secret of the request")
		assert.NotContains(t, string(data), "fine")
	}
}

// brittleRegistry panics while broken is set.
type brittleRegistry struct {
	*tenanttest.Registry
	broken atomic.Bool
}

func (r *brittleRegistry) Snapshot() *tenant.Snapshot {
	if r.broken.Load() {
		panic("broken")
	}
	return r.Registry.Snapshot()
}

func TestPanic_WhileAcceptingRejects(t *testing.T) {
	dir := t.TempDir()
	registry := &brittleRegistry{Registry: tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})}
	g := startGatewayWith(t, parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {local: {archive: {directory: %q}}}
routes: {logs: [local], metrics: [local], traces: [local]}
`, dir)), tenanttest.Host{registryID: registry}, registry.Registry)
	ctx := t.Context()
	registry.broken.Store(true)
	for signal, err := range map[string]error{
		"logs": g.logs.ConsumeLogs(ctx, logsOf("a", "x")), "metrics": g.metrics.ConsumeMetrics(ctx, metricsOf("a")), "traces": g.traces.ConsumeTraces(ctx, tracesOf("a")),
	} {
		require.Error(t, err)
		assert.Equal(t, codes.Internal, status.Code(err))
		assert.True(t, consumererror.IsPermanent(err))
		assert.Equal(t, "internal error", err.Error())
		assert.Equal(t, int64(1), sum(t, g.tel, "refused_requests", "reason=panic", "signal="+signal))
	}
	registry.Set(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"}) // the goroutine that follows it panics too
	// One more if it had not seen the first registry before that was broken.
	require.Eventually(t, func() bool { return sum(t, g.tel, "panics") >= 4 }, 10*time.Second, time.Millisecond)
	registry.broken.Store(false)
	require.NoError(t, g.logs.ConsumeLogs(ctx, logsOf("b", "y")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, 10*time.Second, time.Millisecond)
	assert.Equal(t, map[string][]string{"b": {"y"}}, archived(t, dir))
}

// brittleStore panics on payloads with the word poison.
type brittleStore struct {
	mu   sync.Mutex
	data map[*lane.Payload][]byte
	fail error
}

func (s *brittleStore) check(data []byte) {
	if bytes.Contains(data, []byte("poison")) {
		panic("poison")
	}
}

func (s *brittleStore) Put(_ context.Context, parts []lane.Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, part := range parts {
		s.check(part.Payload.Data)
		s.data[part.Payload] = part.Payload.Data
	}
	return nil
}

func (s *brittleStore) Read(_ context.Context, payloads []*lane.Payload) (all [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range payloads {
		s.check(s.data[p])
		all = append(all, s.data[p])
	}
	return all, s.fail
}

func (s *brittleStore) Release(payloads []*lane.Payload, _ string) {
	for _, p := range payloads {
		s.check(s.data[p])
	}
}

func TestSafeStore(t *testing.T) {
	payload := func(text string) *lane.Payload { return &lane.Payload{Data: []byte(text)} }
	inner := &brittleStore{data: make(map[*lane.Payload][]byte)}
	s := &safeStore{inner, recovery.New(zap.NewNop())}
	require.NoError(t, s.Put(t.Context(), []lane.Part{{Payload: payload("fine")}}))
	assert.True(t, recovery.Is(s.Put(t.Context(), []lane.Part{{Payload: payload("poison")}})))

	a, b, c := payload("a"), payload("b"), payload("c")
	inner.data[a], inner.data[b], inner.data[c] = []byte("a"), []byte("poison"), []byte("c")
	data, err := s.Read(t.Context(), []*lane.Payload{a, b, c})
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("a"), nil, []byte("c")}, data, "only what panics is lost")
	s.Release([]*lane.Payload{b}, "d")
	inner.fail = errors.New("no storage")
	for _, list := range [][]*lane.Payload{{a}, {a, b}} {
		_, err = s.Read(t.Context(), list)
		require.ErrorIs(t, err, inner.fail)
	}
}

// This panic crashed the process over gRPC. Over HTTP it blocked the tenant's metrics and the
// shutdown.
func TestDelta_ShapesThatChangeAreAccepted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {prom: {profile: prometheus, otlp_http: {endpoint: %q, compression: none}}}
routes: {metrics: [prom]}
`, server.URL), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
	// Each has other bounds than the one before, but no buckets and one: 6 points, and 5 zeros of totals that begin.
	for i, buckets := range []int{0, 3, 1, 0, 200, 3} {
		require.NoError(t, g.metrics.ConsumeMetrics(t.Context(), deltaHistogram(i+1, buckets)))
	}
	require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records") == 11 }, 10*time.Second, time.Millisecond)
	assert.Zero(t, sum(t, g.tel, "panics"))
}

// deltaHistogram has a point with so many buckets and a count of 0.
func deltaHistogram(at, buckets int) pmetric.Metrics {
	md := metricsOf("a")
	h := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetEmptyHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	p := h.DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.Timestamp(at)) //nolint:gosec // small
	p.BucketCounts().FromRaw(make([]uint64, buckets))
	return md
}

// A request that is rejected further on leaves no converter locked.
func TestDelta_RejectionsUnlock(t *testing.T) {
	g := startGateway(t, `
registry: tenant_registry
destinations:
  p1: {profile: prometheus, otlp_http: {endpoint: "http://127.0.0.1:1"}, max_batch_bytes: 100}
  p2: {profile: prometheus, otlp_http: {endpoint: "http://127.0.0.1:1"}}
routes: {metrics: [p1, p2]}
lane: {max_bytes: 2000, batch: {max_bytes: 1000}}
`, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
	for i := range 20 {
		md := deltaHistogram(i+1, 3)
		if i%2 == 0 {
			md.ResourceMetrics().At(0).Resource().Attributes().PutStr("large", strings.Repeat("x", 200))
		}
		if err := g.metrics.ConsumeMetrics(t.Context(), md); i%2 == 0 {
			require.ErrorContains(t, err, "a destination takes at most 100 bytes in one request")
			assert.True(t, consumererror.IsPermanent(err))
		}
	}
	assert.Equal(t, int64(10), sum(t, g.tel, "refused_requests", "reason=too_large"))
}

func TestSplit_SumOfAllStops(t *testing.T) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(tenant.AttributeKey, "a")
	rl.Resource().Attributes().PutStr("large", strings.Repeat("x", 900))
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for range 100 {
		records.AppendEmpty().Body().SetStr(strings.Repeat("y", 60))
	}
	for name, c := range map[string]struct{ caps, want string }{
		"no cap":                       {`[none]`, ""},
		"a cap far above the resource": {`[none, wide]`, ""},
		"a cap just above it":          {`[none, wide, narrow]`, "splitting the request of"},
		"a cap below it":               {`[tiny, none]`, "a record's resource, scope and metric are"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  none: {archive: {directory: %q}}
  wide: {otlp_http: {endpoint: "http://127.0.0.1:1"}, max_batch_bytes: 3000}
  narrow: {otlp_http: {endpoint: "http://127.0.0.1:1"}, max_batch_bytes: 1030}
  tiny: {otlp_http: {endpoint: "http://127.0.0.1:1"}, max_batch_bytes: 500}
routes: {logs: %s}
`, dir, c.caps), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
			err := g.logs.ConsumeLogs(t.Context(), ld)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				assert.True(t, consumererror.IsPermanent(err))
				assert.Zero(t, sum(t, g.tel, "accepted_records"), "none of its destinations gets it")
				return
			}
			require.NoError(t, err)
			require.Eventually(t, func() bool { return sum(t, g.tel, "delivered_records", "destination=none") == 100 }, 10*time.Second, time.Millisecond)
			assert.Len(t, archived(t, dir)["a"], 100)
		})
	}
}
