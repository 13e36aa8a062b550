// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bytes"
	"context"
	"fmt"
	"io"
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
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// traceStore keeps the names of spans. Like Tempo it rejects a request for one span
// without IDs if it is strict.
type traceStore struct {
	strict bool
	mu     sync.Mutex
	names  []string
	down   bool
	faults int // requests that were rejected
}

func (s *traceStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	req := ptraceotlp.NewExportRequest()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down || req.UnmarshalProto(body) != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var names []string
	for _, span := range spansIn(req.Traces()) {
		if s.strict && (span.TraceID().IsEmpty() || span.SpanID().IsEmpty()) {
			s.faults++
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		names = append(names, span.Name())
	}
	s.names = append(s.names, names...)
}

func (s *traceStore) sorted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.names))
}

func spansIn(td ptrace.Traces) (all []ptrace.Span) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				all = append(all, span)
			}
		}
	}
	return all
}

// spanKinds are spans by name, and whether OTLP takes them for valid.
func spanKinds() map[string]struct {
	valid bool
	make  func(s ptrace.Span)
} {
	type kind = struct {
		valid bool
		make  func(s ptrace.Span)
	}
	return map[string]kind{
		"whole":             {true, func(ptrace.Span) {}},
		"no trace ID":       {false, func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) }},
		"no span ID":        {false, func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) }},
		"no IDs":            {false, func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}); s.SetSpanID(pcommon.SpanID{}) }},
		"no parent":         {true, func(s ptrace.Span) { s.SetParentSpanID(pcommon.SpanID{}) }},
		"half of a trace":   {true, func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{15: 1}) }},
		"link without IDs":  {true, func(s ptrace.Span) { s.Links().AppendEmpty().SetTraceID(pcommon.TraceID{}) }},
		"parent without ID": {false, func(s ptrace.Span) { s.SetParentSpanID(pcommon.SpanID{7: 1}); s.SetTraceID(pcommon.TraceID{}) }},
	}
}

func addSpan(td ptrace.Traces, id, name string, change func(ptrace.Span)) {
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName(name)
	s.SetTraceID(pcommon.TraceID{1, 2})
	s.SetSpanID(pcommon.SpanID{3})
	change(s)
}

// letterNames are the names of the spans in dead letters, by destination.
func letterNames(t *testing.T, dir string) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	files, err := filepath.Glob(filepath.Join(dir, "tenant=*", "destination=*", "signal=traces", "*.jsonl"))
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range bytes.Lines(data) {
			request, n, err := deadletter.Parse(line)
			require.NoError(t, err)
			assert.Equal(t, "invalid_span_id", n.Reason)
			assert.Equal(t, errSpanIDs.Error(), n.Message)
			td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(request)
			require.NoError(t, err)
			for _, s := range spansIn(td) {
				out[n.Destination] = append(out[n.Destination], s.Name())
			}
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}

// TestSpanIDs_OnlyInvalidSpansAreRejected sends all kinds of spans in one request and in
// many to a strict destination and to others, in memory and with storage, while the
// strict one is away for a while: it gets the valid ones in whole requests, its dead letters
// are exactly the others, and other destinations get all.
func TestSpanIDs_OnlyInvalidSpansAreRejected(t *testing.T) {
	for _, together := range []bool{true, false} {
		for _, stored := range []bool{true, false} {
			t.Run(fmt.Sprintf("together=%v stored=%v", together, stored), func(t *testing.T) {
				tempo, other := &traceStore{strict: true, down: true}, &traceStore{}
				tempoServer, otherServer := httptest.NewServer(tempo), httptest.NewServer(other)
				defer tempoServer.Close()
				defer otherServer.Close()
				letters := t.TempDir()
				config := fmt.Sprintf(`
registry: tenant_registry
destinations:
  tempo: {profile: tempo, otlp_http: {endpoint: %q, compression: none}}
  other: {profile: jaeger, otlp_http: {endpoint: %q, compression: none}}
routes: {traces: [tempo, other], logs: [other]}
retry: {initial_interval: 1ms, max_interval: 1ms}
circuit_breaker: {failures: 100, open: 1ms}
dead_letter: {directory: %q}
`, tempoServer.URL, otherServer.URL, letters)
				registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
				host := tenanttest.Host{registryID: registry}
				if stored {
					config += "storage: file_storage\n"
					host[storageID] = newStorage(t, t.TempDir())
				}
				g := startGatewayWith(t, parseConfig(t, config), host, registry)
				var all, valid, invalid []string
				td := ptrace.NewTraces()
				for name, kind := range spanKinds() {
					all = append(all, name)
					if kind.valid {
						valid = append(valid, name)
					} else {
						invalid = append(invalid, name)
					}
					addSpan(td, "a", name, kind.make)
					if !together {
						require.NoError(t, g.traces.ConsumeTraces(context.Background(), td))
						td = ptrace.NewTraces()
					}
				}
				if together {
					require.NoError(t, g.traces.ConsumeTraces(context.Background(), td))
				}
				for _, list := range [][]string{all, valid, invalid} {
					slices.Sort(list)
				}
				require.Eventually(t, func() bool { return len(other.sorted()) == len(all) }, time.Minute, time.Millisecond)
				tempo.mu.Lock()
				tempo.down = false
				tempo.mu.Unlock()
				require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, time.Minute, time.Millisecond)
				assert.Equal(t, all, other.sorted())
				assert.Equal(t, valid, tempo.sorted())
				assert.Zero(t, tempo.faults, "what is known to be rejected is not sent")
				assert.Equal(t, map[string][]string{"tempo": invalid}, letterNames(t, letters))
				assert.EqualValues(t, len(all), sum(t, g.tel, "accepted_records", "destination=tempo"))
				assert.EqualValues(t, len(valid), sum(t, g.tel, "delivered_records", "destination=tempo"))
				assert.EqualValues(t, len(invalid), sum(t, g.tel, "dead_lettered_records", "destination=tempo", "reason=invalid_span_id"))
				assert.EqualValues(t, len(all), sum(t, g.tel, "delivered_records", "destination=other"))
			})
		}
	}
}

// Without dead letters they are dropped and counted.
func TestSpanIDs_WithoutDeadLetters(t *testing.T) {
	tempo := &traceStore{strict: true}
	s := httptest.NewServer(tempo)
	defer s.Close()
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {tempo: {profile: tempo, otlp_http: {endpoint: %q, compression: none}}}
routes: {traces: [tempo]}
`, s.URL), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
	td := ptrace.NewTraces()
	addSpan(td, "a", "whole", func(ptrace.Span) {})
	addSpan(td, "a", "broken", func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) })
	require.NoError(t, g.traces.ConsumeTraces(context.Background(), td))
	require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records") == 0 }, time.Minute, time.Millisecond)
	assert.Equal(t, []string{"whole"}, tempo.sorted())
	assert.EqualValues(t, 1, sum(t, g.tel, "dropped_records", "reason=refused"))
	assert.EqualValues(t, 1, sum(t, g.tel, "delivered_records"))
}

// A log record may have any part of the IDs of its trace.
func TestSpanIDs_LogRecordsNeedNone(t *testing.T) {
	s := newServer(t)
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {loki: {profile: loki, otlp_http: {endpoint: %q}}}
routes: {logs: [loki]}
`, s.URL), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
	ld := logsOf("a", "both", "trace", "span", "none")
	at := func(i int) plog.LogRecord { return ld.ResourceLogs().At(i).ScopeLogs().At(0).LogRecords().At(0) }
	at(0).SetTraceID(pcommon.TraceID{1})
	at(0).SetSpanID(pcommon.SpanID{1})
	at(1).SetTraceID(pcommon.TraceID{1})
	at(2).SetSpanID(pcommon.SpanID{1})
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), ld))
	s.eventually(t, "/otlp/v1/logs both", "/otlp/v1/logs trace", "/otlp/v1/logs span", "/otlp/v1/logs none")
}

func BenchmarkHasInvalidSpan(b *testing.B) {
	td := ptrace.NewTraces()
	for range 100 {
		addSpan(td, "a", "span", func(ptrace.Span) {})
	}
	b.ReportAllocs()
	for b.Loop() {
		if hasInvalidSpan(td) {
			b.Fatal("all are valid")
		}
	}
}
