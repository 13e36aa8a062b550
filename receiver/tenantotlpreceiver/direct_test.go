// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var sinkID = component.MustNewID("tenant_routing")

// testPath is a tenant processor that stamps nothing, and an exporter that decodes requests for
// the sinks of its door.
type testPath struct {
	door *door
	logs func(context.Context, plog.Logs) error // of the setup

	refuse              bool         // the processor admits nobody
	slow                stamp.Slow   // of all requests
	err                 error        // of Stamp
	delta, invalidSpans bool         // of all requests
	held                atomic.Int64 // of the guard, when the exporter had the last request
}

func (p *testPath) post(b *direct.Board) {
	b.PostSink(sinkID, p)
	for _, signal := range tenant.AllSignals() {
		b.PostAdmitter(component.MustNewID("tenant"), signal, testAdmitter{p, signal})
	}
}

type testAdmitter struct {
	*testPath
	signal tenant.Signal
}

func (*testPath) Attribute() string { return tenant.AttributeKey }

func (a testAdmitter) Admit(context.Context) direct.Admission {
	if a.refuse {
		return nil
	}
	return a
}

func (a testAdmitter) Stamp(_ context.Context, data []byte, limits otlpwire.Limits) (stamp.Encoded, error) {
	if a.err != nil {
		return stamp.Encoded{}, a.err
	}
	counts, err := otlpwire.CheckProto(a.signal, data, limits)
	e := stamp.Encoded{Counts: counts, Slow: a.slow, Delta: a.delta, InvalidSpans: a.invalidSpans}
	if err == nil && a.slow == stamp.SlowNone && counts.Records > 0 {
		e.Data = bytes.Clone(data)
	}
	return e, err
}

func (a testAdmitter) Forward(ctx context.Context, e *stamp.Encoded, sink direct.Sink) error {
	return sink.ConsumeEncoded(ctx, a.signal, "good", e)
}

func (p *testPath) ConsumeEncoded(ctx context.Context, signal tenant.Signal, _ tenant.ID, e *stamp.Encoded) error {
	_, held := p.door.guard.InFlight()
	p.held.Store(held)
	switch signal {
	case tenant.Logs:
		ld, err := decodeLogs(formatProtobuf, e.Data)
		if err != nil {
			return err
		}
		return p.logs(ctx, ld)
	case tenant.Metrics:
		md, err := decodeMetrics(formatProtobuf, e.Data)
		if err != nil {
			return err
		}
		return p.door.metrics.ConsumeMetrics(ctx, md)
	default:
		td, err := decodeTraces(formatProtobuf, e.Data)
		if err != nil {
			return err
		}
		return p.door.traces.ConsumeTraces(ctx, td)
	}
}

// requests returns the counts of requests that are not zero, by path and reason.
func (d *door) requests(t *testing.T) map[string]int64 {
	t.Helper()
	got, err := d.telemetry.GetMetric("otelcol_receiver_tenant_otlp_requests")
	require.NoError(t, err)
	all := map[string]int64{}
	for _, p := range got.Data.(metricdata.Sum[int64]).DataPoints {
		if p.Value != 0 {
			path, _ := p.Attributes.Value("path")
			why, _ := p.Attributes.Value("reason")
			all[path.AsString()+" "+why.AsString()] += p.Value
		}
	}
	return all
}

func protobuf(t *testing.T, d *door, path string, request interface{ MarshalProto() ([]byte, error) }) *http.Response {
	t.Helper()
	body, err := request.MarshalProto()
	require.NoError(t, err)
	return post(t, d, path, map[string]string{"Content-Type": "application/x-protobuf", "Authorization": "Bearer good"}, string(body))
}

func TestDirect_PassesAllSignals(t *testing.T) {
	d := setup{direct: new(testPath)}.start(t)
	ctx := withKey(t.Context(), "good")
	logs, metrics, traces := plogotlp.NewExportRequestFromLogs(someLogs(2)), pmetricotlp.NewExportRequestFromMetrics(oneMetric()), ptraceotlp.NewExportRequestFromTraces(oneSpan())
	_, err := plogotlp.NewGRPCClient(d.conn).Export(ctx, logs)
	require.NoError(t, err)
	_, err = pmetricotlp.NewGRPCClient(d.conn).Export(ctx, metrics)
	require.NoError(t, err)
	_, err = ptraceotlp.NewGRPCClient(d.conn).Export(ctx, traces)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, protobuf(t, d, "/v1/logs", logs).StatusCode)
	require.Equal(t, http.StatusOK, protobuf(t, d, "/v1/metrics", metrics).StatusCode)
	require.Equal(t, http.StatusOK, protobuf(t, d, "/v1/traces", traces).StatusCode)
	assert.Equal(t, []plog.Logs{someLogs(2), someLogs(2)}, d.logs.AllLogs())
	assert.Len(t, d.metrics.AllMetrics(), 2)
	assert.Len(t, d.traces.AllTraces(), 2)
	assert.Equal(t, map[string]int64{"direct none": 6}, d.requests(t))
}

func TestDirect_DecodesOtherRequests(t *testing.T) {
	logs := plogotlp.NewExportRequestFromLogs(someLogs(2))
	for name, tt := range map[string]struct {
		path *testPath
		json bool
		want string
	}{
		"off":          {nil, false, "decoded off"},
		"JSON":         {new(testPath), true, "decoded json"},
		"not admitted": {&testPath{refuse: true}, false, "decoded not_admitted"},
		"slow":         {&testPath{slow: stamp.SlowIdentity}, false, "decoded identity"},
	} {
		t.Run(name, func(t *testing.T) {
			d := setup{direct: tt.path}.start(t)
			if tt.json {
				body, err := logs.MarshalJSON()
				require.NoError(t, err)
				resp := post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/json", "Authorization": "Bearer good"}, string(body))
				require.Equal(t, http.StatusOK, resp.StatusCode)
			} else {
				require.Equal(t, http.StatusOK, protobuf(t, d, "/v1/logs", logs).StatusCode)
			}
			assert.Equal(t, []plog.Logs{someLogs(2)}, d.logs.AllLogs())
			assert.Equal(t, map[string]int64{tt.want: 1}, d.requests(t))
		})
	}
}

// TestDirect_CountsNoRejectedRequest has rejections that no path is taken for.
func TestDirect_CountsNoRejectedRequest(t *testing.T) {
	for name, tt := range map[string]struct {
		path *testPath
		code codes.Code
	}{
		"malformed":          {&testPath{err: &otlpwire.Error{Reason: otlpwire.ReasonMalformed}}, codes.InvalidArgument},
		"panic in processor": {&testPath{err: rejection.Of(rejection.Panic)}, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			d := setup{direct: tt.path}.start(t)
			_, err := plogotlp.NewGRPCClient(d.conn).Export(withKey(t.Context(), "good"), plogotlp.NewExportRequestFromLogs(someLogs(2)))
			assert.Equal(t, tt.code, status.Code(err), "%v", err)
			assert.Empty(t, d.requests(t))
		})
	}
}

// TestDirect_HoldsWhatTheExporterDecodes requires that a request is also charged for its decoded
// form if a destination may need it.
func TestDirect_HoldsWhatTheExporterDecodes(t *testing.T) {
	for name, path := range map[string]*testPath{"delta": {delta: true}, "invalid spans": {invalidSpans: true}} {
		t.Run(name, func(t *testing.T) {
			d := setup{direct: path}.start(t)
			logs := plogotlp.NewExportRequestFromLogs(someLogs(1000))
			body, err := logs.MarshalProto()
			require.NoError(t, err)
			counts, err := otlpwire.CheckProto(tenant.Logs, body, otlpwire.Limits{})
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, protobuf(t, d, "/v1/logs", logs).StatusCode)
			assert.Equal(t, capacity.RequestOverhead+int64(len(body))+counts.Memory, path.held.Load())
			assert.Equal(t, map[string]int64{"direct none": 1}, d.requests(t))
		})
	}
}

// TestDirect_OccupiesOneComputeSlot passes more large requests at a time than there are compute
// slots. Each needs one while the exporter decodes it, and no other.
func TestDirect_OccupiesOneComputeSlot(t *testing.T) {
	decode := func(ctx context.Context, _ plog.Logs) error {
		end, err := guard.Compute(ctx)
		if err != nil {
			return err
		}
		defer end()
		time.Sleep(time.Millisecond) // the work
		return nil
	}
	d := setup{direct: &testPath{delta: true}, logs: decode, guard: guard.Settings{LargeRequest: 1 << 10}}.start(t)
	logs := plogotlp.NewExportRequestFromLogs(someLogs(1000))
	var senders sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		senders.Go(func() {
			for range 5 {
				assert.Equal(t, http.StatusOK, protobuf(t, d, "/v1/logs", logs).StatusCode)
			}
		})
	}
	senders.Wait()
}

// TestDirect_WithoutMemoryForACopy requires the answers and counters of the ordinary path.
func TestDirect_WithoutMemoryForACopy(t *testing.T) {
	const size, memory = 740 << 10, 1400 << 10 // the body fits, and not twice
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(strings.Repeat("x", size))
	for name, path := range map[string]*testPath{"direct": new(testPath), "decoded": nil} {
		t.Run(name, func(t *testing.T) {
			d := setup{direct: path, guard: guard.Settings{Memory: 4 << 20, TenantMemory: memory}}.start(t)
			resp := protobuf(t, d, "/v1/logs", plogotlp.NewExportRequestFromLogs(logs))
			text, _ := io.ReadAll(resp.Body)
			assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode, string(text))
			refused, err := d.telemetry.GetMetric("otelcol_receiver_refused_log_records")
			require.NoError(t, err)
			var records int64
			for _, p := range refused.Data.(metricdata.Sum[int64]).DataPoints {
				records += p.Value
			}
			assert.EqualValues(t, 1, records)
		})
	}
}

// TestDirect_HoldsOnlyTheBytes requires that a request with the exporter is charged for its bytes,
// and not for a body or a decoded form.
func TestDirect_HoldsOnlyTheBytes(t *testing.T) {
	path := new(testPath)
	d := setup{direct: path}.start(t)
	logs := plogotlp.NewExportRequestFromLogs(someLogs(1000))
	body, err := logs.MarshalProto()
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, protobuf(t, d, "/v1/logs", logs).StatusCode)
	const overhead = 16 << 10
	assert.EqualValues(t, overhead+len(body), path.held.Load())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		requests, held := d.guard.InFlight()
		assert.Zero(c, requests)
		assert.Zero(c, held)
	}, 5*time.Second, time.Millisecond)
}

func TestDirect_RejectsWhileTheHeapIsTooLarge(t *testing.T) {
	d := setup{direct: new(testPath)}.start(t)
	d.guard.RefuseAbove(1)
	resp := protobuf(t, d, "/v1/logs", plogotlp.NewExportRequestFromLogs(someLogs(2)))
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.NotEmpty(t, resp.Header.Get("Retry-After"))
	assert.Empty(t, d.logs.AllLogs())
	assert.EqualValues(t, 1, countRejections(d.guard, rejection.Memory))
	refused, err := d.telemetry.GetMetric("otelcol_receiver_refused_log_records")
	require.NoError(t, err)
	var records int64
	for _, p := range refused.Data.(metricdata.Sum[int64]).DataPoints {
		records += p.Value
	}
	assert.EqualValues(t, 2, records)
	resp = protobuf(t, d, "/v1/logs", plogotlp.NewExportRequestFromLogs(plog.NewLogs()))
	assert.Equal(t, http.StatusOK, resp.StatusCode, "it has no records, and needs no memory")
}

func TestWays_ExistFromTheStart(t *testing.T) {
	d := setup{open: true}.start(t)
	got, err := d.telemetry.GetMetric("otelcol_receiver_tenant_otlp_requests")
	require.NoError(t, err)
	points := got.Data.(metricdata.Sum[int64]).DataPoints
	assert.Len(t, points, 3*(4+int(stamp.NumSlow)))
	for _, p := range points {
		for _, key := range []attribute.Key{"signal", "path", "reason"} {
			v, ok := p.Attributes.Value(key)
			assert.True(t, ok, key)
			assert.NotEmpty(t, v.AsString(), key)
		}
	}
}

var errNotReached = errors.New("the guard must reject the request first")

// TestDirect_LimitersComeBeforeTheWay requires the order of the ordinary path.
func TestDirect_LimitersComeBeforeTheWay(t *testing.T) {
	path := new(testPath)
	d := setup{direct: path, guard: guard.Settings{}, logs: func(context.Context, plog.Logs) error { return errNotReached }}.start(t)
	var sizes []int64
	d.guard.PostLimiter(func(_ tenant.ID, _ tenant.Signal, records int, size int64) error {
		sizes = append(sizes, int64(records), size)
		if records > 0 {
			return rejection.New(rejection.Quota, "over the quota")
		}
		return nil
	})
	logs := plogotlp.NewExportRequestFromLogs(someLogs(2))
	body, err := logs.MarshalProto()
	require.NoError(t, err)
	resp := protobuf(t, d, "/v1/logs", logs)
	assert.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	assert.Equal(t, []int64{0, 0, 2, int64(len(body))}, sizes)
}

// TestWays_AreDocumented compares the reasons with metadata.yaml, which dashboards are written by.
func TestWays_AreDocumented(t *testing.T) {
	raw, err := os.ReadFile("metadata.yaml")
	require.NoError(t, err)
	var doc struct {
		Attributes map[string]struct{ Enum []string }
	}
	require.NoError(t, yaml.Unmarshal(raw, &doc))
	want := []string{stamp.SlowNone.String(), whyOff, whyJSON, whyNotAdmitted, whyMemory}
	for why := stamp.SlowNone + 1; why < stamp.NumSlow; why++ {
		want = append(want, why.String())
	}
	assert.Equal(t, want, doc.Attributes["reason"].Enum)
}
