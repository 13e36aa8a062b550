// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// twin is a pipeline that takes requests decoded and encoded.
type twin struct {
	pipelines [3]component.Component
	consume   [3]func(context.Context, []byte) ([]byte, int, error) // decodes, and returns the result in protobuf, and its records
	board     *boards
	sink      *encodedSink
	telemetry *componenttest.Telemetry
}

func startTwin(f *testing.F) *twin {
	f.Helper()
	registry := tenanttest.NewRegistry(f, &tenant.Tenant{
		ID: "tenant-a", Attributes: map[string]string{"team": "shop", "text": "of the tenant"},
	})
	w := &twin{board: new(boards), sink: &encodedSink{next: accept}, telemetry: componenttest.NewTelemetry()}
	f.Cleanup(func() { require.NoError(f, w.telemetry.Shutdown(context.Background())) })
	w.board.PostSink(exporterID, w.sink)
	cfg := authConfig()
	cfg.DeploymentEnvironment, cfg.ServiceName = "production", "unnamed"
	set, factory := nopSettings(), newFactory()
	set.TelemetrySettings = w.telemetry.NewTelemetrySettings()
	logsSink, metricsSink, tracesSink := new(consumertest.LogsSink), new(consumertest.MetricsSink), new(consumertest.TracesSink)
	logs, err := factory.createLogs(f.Context(), set, cfg, logsSink)
	require.NoError(f, err)
	metrics, err := factory.createMetrics(f.Context(), set, cfg, metricsSink)
	require.NoError(f, err)
	traces, err := factory.createTraces(f.Context(), set, cfg, tracesSink)
	require.NoError(f, err)
	w.pipelines = [3]component.Component{logs, metrics, traces}
	for _, c := range w.pipelines {
		require.NoError(f, c.Start(f.Context(), tenanttest.Host{registryID: registry, boardID: w.board}))
		f.Cleanup(func() { require.NoError(f, c.Shutdown(context.Background())) })
	}
	w.consume[tenant.Logs] = func(ctx context.Context, data []byte) ([]byte, int, error) {
		request := plogotlp.NewExportRequest()
		if err := request.UnmarshalProto(data); err != nil {
			return nil, 0, err
		}
		if request.Logs().LogRecordCount() == 0 {
			return nil, 0, nil // the receiver passes nothing on
		}
		logsSink.Reset()
		if err := logs.ConsumeLogs(ctx, request.Logs()); err != nil {
			return nil, 0, err
		}
		out, err := (&plog.ProtoMarshaler{}).MarshalLogs(logsSink.AllLogs()[0])
		return out, logsSink.LogRecordCount(), err
	}
	w.consume[tenant.Metrics] = func(ctx context.Context, data []byte) ([]byte, int, error) {
		request := pmetricotlp.NewExportRequest()
		if err := request.UnmarshalProto(data); err != nil {
			return nil, 0, err
		}
		if request.Metrics().DataPointCount() == 0 {
			return nil, 0, nil
		}
		metricsSink.Reset()
		if err := metrics.ConsumeMetrics(ctx, request.Metrics()); err != nil {
			return nil, 0, err
		}
		out, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(metricsSink.AllMetrics()[0])
		return out, metricsSink.DataPointCount(), err
	}
	w.consume[tenant.Traces] = func(ctx context.Context, data []byte) ([]byte, int, error) {
		request := ptraceotlp.NewExportRequest()
		if err := request.UnmarshalProto(data); err != nil {
			return nil, 0, err
		}
		if request.Traces().SpanCount() == 0 {
			return nil, 0, nil
		}
		tracesSink.Reset()
		if err := traces.ConsumeTraces(ctx, request.Traces()); err != nil {
			return nil, 0, err
		}
		out, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(tracesSink.AllTraces()[0])
		return out, tracesSink.SpanCount(), err
	}
	return w
}

// encoded sends a request without decoding it. It returns false if the request must be decoded.
func (w *twin) encoded(ctx context.Context, t *testing.T, signal tenant.Signal, data []byte) (out *stamp.Encoded, ok bool) {
	t.Helper()
	path, err := w.board.Path(signal, exporterID)
	require.NoError(t, err)
	admission := path.Admitter.Admit(ctx)
	require.NotNil(t, admission)
	given := bytes.Clone(data)
	e, err := admission.Stamp(ctx, given, otlpwire.Limits{})
	require.Equal(t, string(data), string(given), "the request is not changed")
	want, checked := otlpwire.CheckProto(signal, data, otlpwire.Limits{})
	require.Equal(t, want, e.Counts)
	if checked != nil {
		require.Equal(t, checked, err)
		return nil, false
	}
	require.NoError(t, err)
	if e.Slow != stamp.SlowNone {
		require.Nil(t, e.Data)
		return nil, false
	}
	clear(given) // the guard reuses it
	if e.Counts.Records == 0 {
		return &e, true // the receiver passes nothing on
	}
	w.sink.got = w.sink.got[:0]
	require.NoError(t, admission.Forward(ctx, &e, path.Sink))
	require.Len(t, w.sink.got, 1)
	return &w.sink.got[0], true
}

// recode returns data as pdata writes it.
func recode(t *testing.T, signal tenant.Signal, data []byte) []byte {
	t.Helper()
	var out []byte
	var err error
	switch signal {
	case tenant.Logs:
		ld, bad := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
		require.NoError(t, bad)
		out, err = (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	case tenant.Metrics:
		md, bad := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		require.NoError(t, bad)
		out, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	case tenant.Traces:
		td, bad := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		require.NoError(t, bad)
		out, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	}
	require.NoError(t, err)
	return out
}

// FuzzDirect gives any request to the processor twice, decoded and encoded. The results are the
// same telemetry, or the encoded one must be decoded.
func FuzzDirect(f *testing.F) {
	w := startTwin(f)
	for n := range 60 {
		seed := make([]byte, 300)
		for i := range seed {
			seed[i] = byte((i + 1) * (2*n + 1))
		}
		f.Add(uint8(n), seed)
	}
	for signal, data := range usualRequests(f) {
		f.Add(uint8(signal)+rawRequest, data)
	}
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		signal, data := tenant.Signal(kind%rawRequest%3), raw
		if kind < rawRequest {
			data = pdatagen.New(raw).Request(signal)
			if kind%2 == 1 {
				data = recode(t, signal, data)
			}
		}
		ctx := caller("tenant-a", tenant.AllSignals()...)
		e, ok := w.encoded(ctx, t, signal, data)
		if !ok {
			return
		}
		want, records, err := w.consume[signal](ctx, data)
		require.NoError(t, err, "a request that pdata does not decode is slow")
		require.Equal(t, records, e.Counts.Records)
		if records == 0 {
			require.Nil(t, e.Data)
			return
		}
		require.Equal(t, want, recode(t, signal, e.Data))
		if kind < rawRequest && kind%2 == 1 {
			require.Len(t, e.Data, len(want), "limits count the same size if pdata has written the request")
		}
	})
}

// rawRequest is the kind from which on fuzzed bytes are a request, and not the source of one.
const rawRequest = 128

// usualRequests are requests of which nothing must be decoded.
func usualRequests(tb testing.TB) map[tenant.Signal][]byte {
	tb.Helper()
	logs, err := plogotlp.NewExportRequestFromLogs(manyLogs(3)).MarshalProto()
	require.NoError(tb, err)
	metrics, err := pmetricotlp.NewExportRequestFromMetrics(onePoint()).MarshalProto()
	require.NoError(tb, err)
	traces, err := ptraceotlp.NewExportRequestFromTraces(oneSpan()).MarshalProto()
	require.NoError(tb, err)
	return map[tenant.Signal][]byte{tenant.Logs: logs, tenant.Metrics: metrics, tenant.Traces: traces}
}

// TestDirect_TakesUsualRequests keeps FuzzDirect from comparing nothing.
func TestDirect_TakesUsualRequests(t *testing.T) {
	for signal, data := range usualRequests(t) {
		p, _ := started(t, authConfig(), signal, testRegistry(t))
		e, err := p.Admit(caller("tenant-a", signal)).Stamp(t.Context(), data, otlpwire.Limits{})
		require.NoError(t, err)
		require.Equal(t, stamp.SlowNone, e.Slow, signal)
		require.NotEmpty(t, e.Data)
	}
}
