// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var guardID = component.MustNewID("request_guard")

// boards is an extension with a board for encoded requests.
type boards struct {
	component.StartFunc
	component.ShutdownFunc
	direct.Board
}

func (b *boards) Direct() *direct.Board { return &b.Board }

// stampers is a tenant processor that nothing asks.
type stampers struct{}

func (stampers) Attribute() string                      { return tenant.AttributeKey }
func (stampers) Admit(context.Context) direct.Admission { return nil }

// sinkOf returns what the exporter has posted.
func sinkOf(t *testing.T, b *boards) *router {
	t.Helper()
	remove := b.PostAdmitter(component.MustNewID("tenant"), tenant.Logs, stampers{})
	defer remove()
	path, err := b.Path(tenant.Logs, component.NewID(metadata.Type))
	require.NoError(t, err)
	return path.Sink.(*router)
}

// backendBodies keeps what backends get, by path.
type backendBodies struct {
	mu  sync.Mutex
	all map[string][]string
}

func (a *backendBodies) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[r.URL.Path] = append(a.all[r.URL.Path], string(body))
}

// sent is a request of a test.
type sent struct {
	name   string
	caller tenant.ID // empty: it has no identity
	owner  tenant.ID
	data   any
}

func (s sent) ctx() context.Context {
	if s.caller == "" {
		return context.Background()
	}
	return tenant.NewContext(context.Background(), tenant.NewIdentity(s.caller, "k", tenant.NewSignals(tenant.AllSignals()...)))
}

// encoded returns the request as a processor stamps it.
func (s sent) encoded(t *testing.T) (tenant.Signal, *stamp.Encoded) {
	t.Helper()
	var signal tenant.Signal
	var data []byte
	var err error
	switch d := s.data.(type) {
	case plog.Logs:
		data, err = (&plog.ProtoMarshaler{}).MarshalLogs(d)
	case pmetric.Metrics:
		signal = tenant.Metrics
		data, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(d)
	case ptrace.Traces:
		signal = tenant.Traces
		data, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(d)
	}
	require.NoError(t, err)
	owner := &stamp.Owner{Identity: stamp.Attribute{Key: tenant.AttributeKey, Value: string(s.owner)}}
	e, err := new(stamp.Stamper).Encoded(signal, data, owner, otlpwire.Limits{})
	require.NoError(t, err)
	return signal, &e
}

// send sends the request decoded to the exporter, or encoded to its sink.
func (s sent) send(t *testing.T, g *gateway, sink *router, encoded bool) error {
	t.Helper()
	if encoded {
		signal, e := s.encoded(t)
		require.Equal(t, stamp.SlowNone, e.Slow, s.name)
		return sink.ConsumeEncoded(s.ctx(), signal, s.owner, e)
	}
	switch d := s.data.(type) {
	case plog.Logs:
		return g.logs.ConsumeLogs(s.ctx(), d)
	case pmetric.Metrics:
		return g.metrics.ConsumeMetrics(s.ctx(), d)
	case ptrace.Traces:
		return g.traces.ConsumeTraces(s.ctx(), d)
	}
	return errors.New("the request has no data")
}

func largeLogsOf(id string, records int) plog.Logs {
	ld := logsOf(id, "first")
	list := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for i := range records - 1 {
		list.AppendEmpty().Body().SetStr(fmt.Sprintf("%d %s", i, strings.Repeat("x", 100)))
	}
	return ld
}

func sumOf(id string, temporality pmetric.AggregationTemporality, values ...float64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("requests")
	m.SetEmptySum().SetAggregationTemporality(temporality)
	m.Sum().SetIsMonotonic(true)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i, v := range values {
		p := m.Sum().DataPoints().AppendEmpty()
		p.SetDoubleValue(v)
		p.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i) * time.Second)))
		p.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i+1) * time.Second)))
	}
	return md
}

func spansOfTenant(id string, invalid bool) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	good := spans.AppendEmpty()
	good.SetName("good")
	good.SetTraceID([16]byte{1})
	good.SetSpanID([8]byte{1})
	if invalid {
		spans.AppendEmpty().SetName("without IDs")
	}
	return td
}

// generatedRequests returns requests of the tenant a with anything in them that need not be decoded.
func generatedRequests(t *testing.T) (all []sent) {
	t.Helper()
	for n := range 300 {
		seed := make([]byte, 300)
		for i := range seed {
			seed[i] = byte((i + 1) * (2*n + 1))
		}
		signal := tenant.Signal(n % 3)
		raw := pdatagen.New(seed).Request(signal)
		request := sent{fmt.Sprintf("generated %s %d", signal, n), "a", "a", nil}
		switch signal {
		case tenant.Logs:
			ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(raw)
			require.NoError(t, err)
			for _, rl := range ld.ResourceLogs().All() {
				rl.Resource().Attributes().PutStr(tenant.AttributeKey, "a")
			}
			request.data = ld
			if ld.LogRecordCount() == 0 {
				continue // the receiver passes nothing on
			}
		case tenant.Metrics:
			md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(raw)
			require.NoError(t, err)
			for _, rm := range md.ResourceMetrics().All() {
				rm.Resource().Attributes().PutStr(tenant.AttributeKey, "a")
			}
			request.data = md
			if md.DataPointCount() == 0 {
				continue
			}
		case tenant.Traces:
			td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(raw)
			require.NoError(t, err)
			for _, rs := range td.ResourceSpans().All() {
				rs.Resource().Attributes().PutStr(tenant.AttributeKey, "a")
			}
			request.data = td
			if td.SpanCount() == 0 {
				continue
			}
		}
		if _, e := request.encoded(t); e.Slow == stamp.SlowNone {
			all = append(all, request)
		}
	}
	require.Greater(t, len(all), 60)
	return all
}

// TestDirect_IsOneExporter sends the same requests decoded and encoded, and compares answers, what
// backends get, and all series.
func TestDirect_IsOneExporter(t *testing.T) {
	requests := []sent{
		{"logs", "a", "a", logsOf("a", "one", "two")},
		{"of an agent", "", "a", logsOf("a", "three")},
		{"cut", "a", "a", largeLogsOf("a", 100)},
		{"too large for a piece", "a", "a", logsOf("a", strings.Repeat("y", 5000))},
		{"too large for a lane", "a", "a", largeLogsOf("a", 20_000)},
		{"suspended", "suspended", "suspended", logsOf("suspended", "no")},
		{"unknown", "nobody", "nobody", logsOf("nobody", "no")},
		{"no route", "quiet", "quiet", logsOf("quiet", "no")},
		{"of another tenant", "b", "a", logsOf("a", "no")},
		{"cumulative", "a", "a", sumOf("a", pmetric.AggregationTemporalityCumulative, 1)},
		{"delta", "a", "a", sumOf("a", pmetric.AggregationTemporalityDelta, 1, 2, 3)},
		{"delta again", "a", "a", sumOf("a", pmetric.AggregationTemporalityDelta, 1, 2, 3)},
		{"spans", "a", "a", spansOfTenant("a", false)},
		{"spans without IDs", "a", "a", spansOfTenant("a", true)},
	}
	requests = append(requests, generatedRequests(t)...)
	type outcome struct {
		answers  []string
		arrived  map[string][]string
		accounts map[string]float64
	}
	got := new(backendBodies)
	server := httptest.NewServer(got)
	t.Cleanup(server.Close)
	run := func(t *testing.T, encoded bool) (o outcome) {
		got.all = map[string][]string{}
		registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"},
			&tenant.Tenant{ID: "suspended", Status: tenant.StatusSuspended},
			&tenant.Tenant{ID: "quiet", Routes: map[tenant.Signal][]string{tenant.Traces: {"all"}}})
		board := new(boards)
		g := startGatewayWith(t, parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  all: {otlp_http: {endpoint: "%[1]s/all"}, max_batch_bytes: 3000}
  totals: {profile: prometheus, otlp_http: {endpoint: "%[1]s/totals"}}
  strict: {profile: tempo, otlp_http: {endpoint: "%[1]s/strict"}}
routes: {logs: [all], metrics: [all, totals], traces: [all, strict]}
lane: {batch: {timeout: 0s}, max_bytes: 1MiB, concurrency: 1}
metrics: {tenant: true}
delta_to_cumulative: {gateway_id: gateway1}
`, server.URL)), tenanttest.Host{registryID: registry, guardID: board}, registry)
		sink := sinkOf(t, board)
		for _, request := range requests {
			err := request.send(t, g, sink, encoded)
			o.answers = append(o.answers, fmt.Sprintf("%s: %v, %v, permanent %v", request.name, err, status.Code(err), consumererror.IsPermanent(err)))
			require.Eventually(t, func() bool { return balanced(sink) }, 20*time.Second, time.Millisecond, request.name)
		}
		o.accounts = telemetrytest.Series(t, g.tel)
		got.mu.Lock()
		defer got.mu.Unlock()
		o.arrived = got.all
		return o
	}
	decoded, encoded := run(t, false), run(t, true)
	assert.Equal(t, decoded, encoded)
}
