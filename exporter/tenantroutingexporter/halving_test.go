// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// consumeNamed sends one request with a record of each name.
func (g *gateway) consumeNamed(signal tenant.Signal, id string, names ...string) error {
	switch signal {
	case tenant.Metrics:
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr(tenant.AttributeKey, id)
		metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
		for i, name := range names {
			if i%3 == 0 { // some metrics have several points
				m := metrics.AppendEmpty()
				m.SetName("m")
				m.SetEmptyGauge()
			}
			p := metrics.At(metrics.Len() - 1).Gauge().DataPoints().AppendEmpty()
			p.SetIntValue(1)
			p.Attributes().PutStr("name", name)
		}
		return g.metrics.ConsumeMetrics(context.Background(), md)
	case tenant.Traces:
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr(tenant.AttributeKey, id)
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for _, name := range names {
			spans.AppendEmpty().SetName(name)
		}
		return g.traces.ConsumeTraces(context.Background(), td)
	}
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for _, name := range names {
		records.AppendEmpty().Body().SetStr(name)
	}
	return g.logs.ConsumeLogs(context.Background(), ld)
}

// The names of the records of a request.

func logNames(ld plog.Logs) (names []string) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				names = append(names, r.Body().Str())
			}
		}
	}
	return names
}

func metricNames(md pmetric.Metrics) (names []string) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, p := range m.Gauge().DataPoints().All() {
					v, _ := p.Attributes().Get("name")
					names = append(names, v.Str())
				}
			}
		}
	}
	return names
}

func spanNames(td ptrace.Traces) (names []string) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				names = append(names, s.Name())
			}
		}
	}
	return names
}

// letters returns the names of dead letters with their messages.
func letters(tb testing.TB, directory string) (names []string, messages map[string]string) {
	tb.Helper()
	messages = make(map[string]string)
	require.NoError(tb, filepath.WalkDir(directory, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".jsonl") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			request, note, err := deadletter.Parse(lines.Bytes())
			if err != nil {
				return err
			}
			var in []string
			switch note.Signal {
			case "logs":
				ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(request)
				if err != nil {
					return err
				}
				in = logNames(ld)
			case "metrics":
				md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(request)
				if err != nil {
					return err
				}
				in = metricNames(md)
			default:
				td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(request)
				if err != nil {
					return err
				}
				in = spanNames(td)
			}
			for _, name := range in {
				messages[name] = note.Message
			}
			names = append(names, in...)
		}
		return lines.Err()
	}))
	return names, messages
}

// strict is a backend of both protocols that rejects a request with a record whose name
// begins with "bad", and stores nothing of it.
type strict struct {
	status int // of rejections over HTTP
	up     atomic.Bool

	mu    sync.Mutex
	got   []string
	calls int
}

// take returns the name of a record that is rejected.
func (s *strict) take(names []string) (rejected string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, "bad") }); i >= 0 {
		return names[i]
	}
	s.got = append(s.got, names...)
	return ""
}

func (s *strict) taken() ([]string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got), s.calls
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := decoded(r)
	if !s.up.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	asJSON := r.Header.Get("Content-Type") == "application/json"
	unmarshal := func(req interface {
		UnmarshalProto([]byte) error
		UnmarshalJSON([]byte) error
	},
	) {
		if asJSON {
			err = req.UnmarshalJSON(body)
		} else if err == nil {
			err = req.UnmarshalProto(body)
		}
	}
	var names []string
	switch {
	case strings.Contains(r.URL.Path, "metrics"):
		req := pmetricotlp.NewExportRequest()
		unmarshal(req)
		names = metricNames(req.Metrics())
	case strings.Contains(r.URL.Path, "traces"):
		req := ptraceotlp.NewExportRequest()
		unmarshal(req)
		names = spanNames(req.Traces())
	default:
		req := plogotlp.NewExportRequest()
		unmarshal(req)
		names = logNames(req.Logs())
	}
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if rejected := s.take(names); rejected != "" {
		http.Error(w, "rejected: "+rejected, s.status)
	}
}

func (s *strict) answer(names []string) error {
	if !s.up.Load() {
		return status.Error(codes.Unavailable, "down")
	}
	if rejected := s.take(names); rejected != "" {
		return status.Error(codes.InvalidArgument, "rejected: "+rejected)
	}
	return nil
}

type strictLogs struct {
	*strict
	plogotlp.UnimplementedGRPCServer
}

func (s *strictLogs) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	return plogotlp.NewExportResponse(), s.answer(logNames(r.Logs()))
}

type strictMetrics struct {
	*strict
	pmetricotlp.UnimplementedGRPCServer
}

func (s *strictMetrics) Export(_ context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	return pmetricotlp.NewExportResponse(), s.answer(metricNames(r.Metrics()))
}

type strictTraces struct {
	*strict
	ptraceotlp.UnimplementedGRPCServer
}

func (s *strictTraces) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), s.answer(spanNames(r.Traces()))
}

func serveStrict(t *testing.T, s *strict) (grpcAddress string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	plogotlp.RegisterGRPCServer(server, &strictLogs{strict: s})
	pmetricotlp.RegisterGRPCServer(server, &strictMetrics{strict: s})
	ptraceotlp.RegisterGRPCServer(server, &strictTraces{strict: s})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		assert.NoError(t, <-done)
	})
	return l.Addr().String()
}

// A bad record does not affect good ones, whether its request was merged with others or has other
// records.
func TestHalving_OnlyBadRecordsAreDeadLetters(t *testing.T) {
	merged := func(n int, bad ...int) (requests [][]string) {
		for i := range n {
			name := fmt.Sprint("good", i)
			if slices.Contains(bad, i) {
				name = fmt.Sprint("bad", i)
			}
			requests = append(requests, []string{name})
		}
		return requests
	}
	one := func(n int, bad ...int) [][]string { return [][]string{slices.Concat(merged(n, bad...)...)} }
	cases := map[string][][]string{
		"first":                  merged(20, 0),
		"middle":                 merged(20, 10),
		"last":                   merged(20, 19),
		"several":                merged(20, 1, 7, 8, 19),
		"all":                    merged(9, 0, 1, 2, 3, 4, 5, 6, 7, 8),
		"first of a request":     one(100, 0),
		"middle of a request":    one(100, 57),
		"last of a request":      one(100, 99),
		"several of a request":   one(100, 3, 50, 51, 98),
		"requests with and none": {{"good1", "bad1", "good2"}, {"good3"}, {"bad2"}, {"good4", "good5", "good6", "bad3"}},
	}
	for _, protocol := range []string{"protobuf", "json", "grpc"} {
		for _, signal := range tenant.AllSignals() {
			t.Run(protocol+"/"+signal.String(), func(t *testing.T) {
				t.Parallel()
				s := &strict{status: http.StatusBadRequest}
				web := httptest.NewServer(s)
				t.Cleanup(web.Close)
				destination := fmt.Sprintf("otlp_http: {endpoint: %q, encoding: proto}", web.URL)
				switch protocol {
				case "json":
					s.status = http.StatusUnprocessableEntity
					destination = fmt.Sprintf("otlp_http: {endpoint: %q, encoding: json}", web.URL)
				case "grpc":
					destination = fmt.Sprintf("otlp_grpc: {endpoint: %q, tls: {insecure: true}}", serveStrict(t, s))
				}
				var list []*tenant.Tenant
				for i := range len(cases) {
					list = append(list, &tenant.Tenant{ID: tenant.ID(fmt.Sprint("tenant", i))})
				}
				dir := t.TempDir()
				cfg := parseConfig(t, fmt.Sprintf(halvingConfig, destination, dir))
				registry := tenanttest.NewRegistry(t, list...)
				g := startGatewayWith(t, cfg, tenanttest.Host{registryID: registry, storageID: newStorage(t, t.TempDir())}, registry)
				for i, name := range slices.Sorted(maps.Keys(cases)) {
					id := fmt.Sprint("tenant", i)
					t.Run(name, func(t *testing.T) {
						testHalving(t, g, s, signal, id, filepath.Join(dir, "tenant="+id), cases[name])
					})
				}
			})
		}
	}
}

const halvingConfig = `
registry: tenant_registry
storage: file_storage
destinations: {d: {%s}}
routes: {logs: [d], metrics: [d], traces: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 50ms, max_interval: 50ms}
circuit_breaker: {failures: 5, open: 50ms}
dead_letter: {directory: %q}
metrics: {tenant: true}
`

// testHalving sends requests of one tenant while the backend is down, so that they are
// merged.
func testHalving(t *testing.T, g *gateway, s *strict, signal tenant.Signal, id, dir string, requests [][]string) {
	t.Helper()
	s.up.Store(false)
	s.mu.Lock()
	s.got, s.calls = nil, 0
	s.mu.Unlock()
	var good, bad []string
	for _, names := range requests {
		for _, name := range names {
			if strings.HasPrefix(name, "bad") {
				bad = append(bad, name)
			} else {
				good = append(good, name)
			}
		}
		require.NoError(t, g.consumeNamed(signal, id, names...))
	}
	s.up.Store(true)
	require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, time.Minute, time.Millisecond)
	got, calls := s.taken()
	assert.ElementsMatch(t, good, got, "each once")
	dead, messages := letters(t, dir)
	assert.ElementsMatch(t, bad, dead, "each once")
	for name, message := range messages {
		assert.Contains(t, message, "rejected: "+name)
	}
	of := "tenant=" + id
	assert.Equal(t, int64(len(good)), sum(t, g.tel, "delivered_records", of))
	assert.Equal(t, int64(len(bad)), sum(t, g.tel, "dead_lettered_records", of))
	assert.Equal(t, int64(len(good)+len(bad)), sum(t, g.tel, "accepted_records", of))
	assert.Zero(t, sum(t, g.tel, "dropped_records", of))
	depth := 1
	for n := len(good) + len(bad); n > 1; n = (n + 1) / 2 {
		depth++
	}
	assert.LessOrEqual(t, calls, 4+2*len(bad)*depth)
}

// With half of all requests bad, each good request arrives.
func TestHalving_HalfOfAllRequestsAreBad(t *testing.T) {
	for _, profile := range []string{"otlp", "prometheus"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			s := &strict{status: http.StatusBadRequest}
			web := httptest.NewServer(s)
			t.Cleanup(web.Close)
			dir := t.TempDir()
			g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {d: {profile: %s, otlp_http: {endpoint: %q}}}
routes: {metrics: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 50ms, max_interval: 50ms}
circuit_breaker: {failures: 5, open: 50ms}
dead_letter: {directory: %q}
`, profile, web.URL, dir), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
			var good []string
			for i := range 60 {
				heavy := make([]string, 0, 40)
				for j := range 40 {
					heavy = append(heavy, fmt.Sprintf("%s-%d-%d", []string{"bad", "beside"}[j/20], i, j))
				}
				require.NoError(t, g.consumeNamed(tenant.Metrics, "a", heavy...))
				good = append(good, fmt.Sprint("good", i))
				require.NoError(t, g.consumeNamed(tenant.Metrics, "a", good[i]))
			}
			s.up.Store(true)
			require.Eventually(t, func() bool {
				got, _ := s.taken()
				return len(slices.DeleteFunc(got, func(name string) bool { return !strings.HasPrefix(name, "good") })) == len(good)
			}, 2*time.Minute, 10*time.Millisecond)
			got, _ := s.taken()
			got = slices.DeleteFunc(got, func(name string) bool { return !strings.HasPrefix(name, "good") })
			slices.Sort(got)
			slices.Sort(good)
			assert.Equal(t, good, got, "each once")
			dead, _ := letters(t, dir)
			assert.False(t, slices.ContainsFunc(dead, func(name string) bool { return strings.HasPrefix(name, "good") }))
		})
	}
}
