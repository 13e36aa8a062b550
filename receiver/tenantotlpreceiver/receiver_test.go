// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/tenantotlpreceiver/internal/metadatatest"
)

func TestReceiver_AcceptsAllSignals(t *testing.T) {
	d := setup{open: true}.start(t)
	ctx := t.Context()
	_, err := plogotlp.NewGRPCClient(d.conn).Export(ctx, plogotlp.NewExportRequestFromLogs(someLogs(2)))
	require.NoError(t, err)
	_, err = pmetricotlp.NewGRPCClient(d.conn).Export(ctx, pmetricotlp.NewExportRequestFromMetrics(oneMetric()))
	require.NoError(t, err)
	_, err = ptraceotlp.NewGRPCClient(d.conn).Export(ctx, ptraceotlp.NewExportRequestFromTraces(oneSpan()))
	require.NoError(t, err)
	for path, request := range map[string]interface{ MarshalJSON() ([]byte, error) }{
		"/v1/logs":    plogotlp.NewExportRequestFromLogs(someLogs(2)),
		"/v1/metrics": pmetricotlp.NewExportRequestFromMetrics(oneMetric()),
		"/v1/traces":  ptraceotlp.NewExportRequestFromTraces(oneSpan()),
	} {
		body, err := request.MarshalJSON()
		require.NoError(t, err)
		resp := post(t, d, path, map[string]string{"Content-Type": "application/json"}, string(body))
		assert.Equal(t, http.StatusOK, resp.StatusCode, text(t, resp))
	}
	require.Len(t, d.logs.AllLogs(), 2)
	require.Len(t, d.metrics.AllMetrics(), 2)
	require.Len(t, d.traces.AllTraces(), 2)
	for i := range 2 {
		assert.Equal(t, someLogs(2), d.logs.AllLogs()[i])
		assert.Equal(t, oneMetric(), d.metrics.AllMetrics()[i])
		assert.Equal(t, oneSpan(), d.traces.AllTraces()[i])
	}
}

// TestReceiver_CountsAsTheOTLPReceiverDoes keeps dashboards working.
func TestReceiver_CountsAsTheOTLPReceiverDoes(t *testing.T) {
	t.Run("decoded", func(t *testing.T) { testCounts(t, nil) })
	t.Run("direct", func(t *testing.T) { testCounts(t, new(testPath)) })
}

func testCounts(t *testing.T, path *testPath) {
	reject := new(atomic.Bool)
	d := setup{open: true, direct: path, logs: func(context.Context, plog.Logs) error {
		if reject.Load() {
			return status.Error(codes.Unavailable, "full")
		}
		return nil
	}}.start(t)
	for _, rejected := range []bool{false, true} {
		reject.Store(rejected)
		_, err := plogotlp.NewGRPCClient(d.conn).Export(t.Context(), plogotlp.NewExportRequestFromLogs(someLogs(2)))
		assert.Equal(t, rejected, err != nil)
		body, err := plogotlp.NewExportRequestFromLogs(someLogs(3)).MarshalProto()
		require.NoError(t, err)
		post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/x-protobuf"}, string(body))
	}
	for metric, want := range map[string]map[string]int64{
		"otelcol_receiver_accepted_log_records": {"grpc": 2, "http": 3},
		"otelcol_receiver_refused_log_records":  {"grpc": 2, "http": 3},
	} {
		got, err := d.telemetry.GetMetric(metric)
		require.NoError(t, err)
		var points []metricdata.DataPoint[int64]
		for transport, value := range want {
			points = append(points, metricdata.DataPoint[int64]{Value: value, Attributes: attribute.NewSet(
				attribute.String("receiver", "tenant_otlp"), attribute.String("transport", transport))})
		}
		var nonZero []metricdata.DataPoint[int64]
		for _, p := range got.Data.(metricdata.Sum[int64]).DataPoints {
			if p.Value != 0 {
				nonZero = append(nonZero, metricdata.DataPoint[int64]{Value: p.Value, Attributes: attribute.NewSet(
					attribute.String("receiver", "tenant_otlp"), value(p.Attributes, "transport"))})
			}
		}
		metricdatatest.AssertEqual(t, metricdata.Sum[int64]{DataPoints: points}, metricdata.Sum[int64]{DataPoints: nonZero}, metricdatatest.IgnoreTimestamp())
	}
}

func value(set attribute.Set, key attribute.Key) attribute.KeyValue {
	v, _ := set.Value(key)
	return attribute.KeyValue{Key: key, Value: v}
}

func TestReceiver_SurvivesPanics(t *testing.T) {
	t.Run("decoded", func(t *testing.T) { testPanics(t, nil) })
	t.Run("direct", func(t *testing.T) { testPanics(t, new(testPath)) })
}

func testPanics(t *testing.T, path *testPath) {
	core, logged := observer.New(zap.ErrorLevel)
	d := setup{
		direct: path,
		guard:  guard.Settings{Logger: zap.New(core)},
		logs:   func(context.Context, plog.Logs) error { panic("a defect of a consumer") },
	}.start(t)
	body, err := plogotlp.NewExportRequestFromLogs(someLogs(1)).MarshalProto()
	require.NoError(t, err)
	for _, key := range []string{"good", "panic"} { // below the receiver, and above it
		for range 2 {
			_, err := plogotlp.NewGRPCClient(d.conn).Export(withKey(t.Context(), key), plogotlp.NewExportRequestFromLogs(someLogs(1)))
			assert.Equal(t, codes.Internal, status.Code(err), "%v", err)
			assert.NotContains(t, err.Error(), "defect")
			resp := post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/x-protobuf", "Authorization": "Bearer " + key}, string(body))
			assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
			assert.NotContains(t, text(t, resp), "defect")
		}
	}
	metadatatest.AssertEqualReceiverTenantOtlpPanics(t, d.telemetry, []metricdata.DataPoint[int64]{
		{Value: 4, Attributes: attribute.NewSet(attribute.String("transport", "grpc"))},
		{Value: 4, Attributes: attribute.NewSet(attribute.String("transport", "http"))},
	}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	assert.EqualValues(t, 8, d.guard.Stats().Panics())
	require.Equal(t, 1, logged.Len(), "not each of them")
	assert.Equal(t, "a defect of a consumer", logged.All()[0].ContextMap()["panic"])
	assert.Contains(t, logged.All()[0].ContextMap()["stack"], "testPanics")
	requests, held := d.guard.InFlight()
	assert.Zero(t, requests)
	assert.Zero(t, held)
}

// TestReceiver_ShutdownIsBounded has clients that send nothing, or not all, on every
// kind of connection, and a consumer that waits for its context.
func TestReceiver_ShutdownIsBounded(t *testing.T) {
	called := make(chan struct{})
	d := setup{open: true, logs: func(ctx context.Context, _ plog.Logs) error {
		close(called)
		<-ctx.Done()
		return ctx.Err()
	}}.start(t)
	shared := d.receiver.(*sharedcomponent.Handle[*otlpReceiver]).Component()
	shared.shutdownTimeout = 100 * time.Millisecond
	for _, address := range []string{d.grpc, d.http} {
		for _, sent := range []string{"", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /v1/logs HTTP/1.1\r\nContent-Length: 9\r\nHost: x\r\nContent-Type: application/json\r\n\r\nabc"} {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, sent)
			require.NoError(t, err)
		}
	}
	half := call(t, d.grpc)
	half.data(false, framed(0, 100, []byte("abc")))
	waiting := make(chan error, 1)
	go func() {
		_, err := plogotlp.NewGRPCClient(d.conn).Export(context.Background(), plogotlp.NewExportRequestFromLogs(someLogs(1)))
		waiting <- err
	}()
	<-called
	require.NoError(t, d.receiver.Shutdown(context.Background()))
	assert.Equal(t, codes.Unavailable, status.Code(<-waiting))
	for _, address := range []string{d.grpc, d.http} {
		_, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		assert.Error(t, err, "nobody listens")
	}
}

func TestReceiver_ShutdownLetsRequestsEnd(t *testing.T) {
	called, proceed := make(chan struct{}), make(chan struct{})
	d := setup{open: true, logs: func(ctx context.Context, _ plog.Logs) error {
		close(called)
		<-proceed
		return ctx.Err()
	}}.start(t)
	answered := make(chan error, 1)
	go func() {
		_, err := plogotlp.NewGRPCClient(d.conn).Export(context.Background(), plogotlp.NewExportRequestFromLogs(someLogs(1)))
		answered <- err
	}()
	<-called
	stopped := make(chan error, 1)
	go func() { stopped <- d.receiver.Shutdown(context.Background()) }()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		conn, err := net.Dial("tcp", d.grpc)
		if err == nil {
			_ = conn.Close()
		}
		assert.Error(t, err)
	}, 5*time.Second, time.Millisecond, "it stops listening first")
	close(proceed)
	require.NoError(t, <-answered)
	require.NoError(t, <-stopped)
}

func TestReceiver_StartFailsWithTheReason(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, tt := range map[string]struct {
		configure func(*Config)
		want      string
	}{
		"no guard":                {func(cfg *Config) { cfg.Guard = component.MustNewID("other_guard") }, `guard: extension "other_guard" is not configured`},
		"not a guard":             {func(cfg *Config) { cfg.Guard = authID }, `guard: extension "test_auth" is not a request guard`},
		"nobody to pass bytes to": {func(cfg *Config) { cfg.Direct = sinkID }, `direct: no pipeline has the exporter "tenant_routing"`},
		"grpc is taken":           {func(cfg *Config) { cfg.Protocols.GRPC.Get().NetAddr.Endpoint = taken.Addr().String() }, "grpc: listen tcp"},
		"http is taken":           {func(cfg *Config) { cfg.Protocols.HTTP.Get().ServerConfig.NetAddr.Endpoint = taken.Addr().String() }, "http: listen tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			cfg.Protocols.GRPC.GetOrInsertDefault().NetAddr.Endpoint = "127.0.0.1:0"
			cfg.Protocols.HTTP.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint = "127.0.0.1:0"
			tt.configure(cfg)
			r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(NewFactory().Type()), cfg, consumertest.NewNop())
			require.NoError(t, err)
			host := tenanttest.Host{authID: testAuth{}, guardID: testGuard{guard: guard.New(guard.Settings{}), board: new(direct.Board)}}
			assert.ErrorContains(t, r.Start(t.Context(), host), tt.want)
			require.NoError(t, r.Shutdown(t.Context()))
		})
	}
}

func TestReceiver_HasABuiltInGuard(t *testing.T) {
	d := setup{open: true, configure: func(cfg *Config) { cfg.Guard = component.MustNewID(builtInGuard) }}.start(t)
	_, err := plogotlp.NewGRPCClient(d.conn).Export(t.Context(), plogotlp.NewExportRequestFromLogs(deepLogs(500)()))
	assert.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
}

// middleware notes what a receiver says of itself.
type middleware struct {
	nothingToStart
	admitsFirst bool
}

func (m *middleware) GetGRPCServerOptions(ctx context.Context) ([]grpc.ServerOption, error) {
	m.admitsFirst = guard.AdmitsFirst(ctx)
	return nil, nil
}

func TestGRPC_MiddlewaresSeeThatItAdmitsFirst(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	overGRPC := cfg.Protocols.GRPC.GetOrInsertDefault()
	overGRPC.NetAddr.Endpoint = "127.0.0.1:0"
	overGRPC.Middlewares = []configmiddleware.Config{{ID: authID}}
	cfg.Guard = component.MustNewID(builtInGuard)
	r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(NewFactory().Type()), cfg, consumertest.NewNop())
	require.NoError(t, err)
	m := new(middleware)
	require.NoError(t, r.Start(t.Context(), tenanttest.Host{authID: m}))
	require.NoError(t, r.Shutdown(t.Context()))
	assert.True(t, m.admitsFirst)
}

func TestGRPC_UnknownMethods(t *testing.T) {
	d := setup{open: true}.start(t)
	for _, method := range []string{"/opentelemetry.proto.collector.logs.v1.LogsService/Import", "/a.B/Export"} {
		err := d.conn.Invoke(t.Context(), method, []byte{}, new([]byte), grpc.ForceCodecV2(clientCodec{}))
		assert.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
	}
}

func TestGRPC_HeadersAreBounded(t *testing.T) {
	d := setup{open: true}.start(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("x", 40<<10))
	_, err := plogotlp.NewGRPCClient(d.conn).Export(ctx, plogotlp.NewExportRequest())
	assert.Error(t, err)
	_, err = plogotlp.NewGRPCClient(d.conn).Export(t.Context(), plogotlp.NewExportRequest())
	assert.NoError(t, err)
}

// generator sends records to the receiver until they are accepted or rejected
// permanently, as OTLP's senders do.
type generator struct {
	t      *testing.T
	conn   *grpc.ClientConn
	next   atomic.Int64
	target string
}

func (g *generator) Start() {
	var err error
	g.conn, err = grpc.NewClient(g.target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(g.t, err)
}

func (g *generator) Stop() { require.NoError(g.t, g.conn.Close()) }

func (g *generator) Generate() []receivertest.UniqueIDAttrVal {
	id := receivertest.UniqueIDAttrVal(fmt.Sprint(g.next.Add(1)))
	request := plogotlp.NewExportRequestFromLogs(receivertest.CreateOneLogWithID(id))
	for {
		_, err := plogotlp.NewGRPCClient(g.conn).Export(context.Background(), request)
		if status.Code(err) != codes.Unavailable {
			return []receivertest.UniqueIDAttrVal{id}
		}
	}
}

func TestReceiver_KeepsTheContract(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Guard = component.MustNewID(builtInGuard)
	address := loopback.Address(t)
	cfg.Protocols.GRPC.GetOrInsertDefault().NetAddr.Endpoint = address
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T: t, Factory: NewFactory(), Signal: pipeline.SignalLogs, Config: cfg,
		Generator: &generator{t: t, target: address}, GenerateCount: 200,
	})
}

// TestReceiver_ReadsOlderVersionsOfTheProtocol has fields that pdata reads only on
// some of its ways.
func TestReceiver_ReadsOlderVersionsOfTheProtocol(t *testing.T) {
	d := setup{open: true}.start(t)
	older := `{"resourceLogs":[{"deprecatedScopeLogs":[{"logRecords":[{"body":{"stringValue":"old"}}]}]}]}`
	resp := post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/json"}, older)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	// The same in protobuf: resource_logs{deprecated_scope_logs{log_records{body{"old"}}}}.
	raw := []byte{0x0a, 13, 0xc2, 0x3e, 10, 0x12, 8, 0x2a, 6, 0x0a, 4, 'o', 'l', 'd', '!'}
	resp = post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/x-protobuf"}, string(raw))
	require.Equal(t, http.StatusOK, resp.StatusCode, text(t, resp))
	assert.Equal(t, 2, d.logs.LogRecordCount())
}
