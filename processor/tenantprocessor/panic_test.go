// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadatatest"
)

// sender sends one record of a signal. To change frozen data panics.
type sender func(ctx context.Context, frozen bool) error

// startSenders returns processors of all signals before consumers that call next.
func startSenders(t *testing.T, tel *componenttest.Telemetry, registry *tenanttest.Registry, next func() error) map[tenant.Signal]sender {
	t.Helper()
	f, cfg, set := newFactory(), authConfig(), nopSettings()
	set.TelemetrySettings = tel.NewTelemetrySettings()
	start := func(c component.Component, err error) {
		require.NoError(t, err)
		require.NoError(t, c.Start(t.Context(), tenanttest.Host{registryID: registry}))
		t.Cleanup(func() { assert.NoError(t, c.Shutdown(context.Background())) })
	}
	afterLogs, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return next() })
	require.NoError(t, err)
	logs, err := f.createLogs(t.Context(), set, cfg, afterLogs)
	start(logs, err)
	afterMetrics, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return next() })
	require.NoError(t, err)
	metrics, err := f.createMetrics(t.Context(), set, cfg, afterMetrics)
	start(metrics, err)
	afterTraces, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error { return next() })
	require.NoError(t, err)
	traces, err := f.createTraces(t.Context(), set, cfg, afterTraces)
	start(traces, err)
	return map[tenant.Signal]sender{
		tenant.Logs: func(ctx context.Context, frozen bool) error {
			ld := manyLogs(1)
			if frozen {
				ld.MarkReadOnly()
			}
			return logs.ConsumeLogs(ctx, ld)
		},
		tenant.Metrics: func(ctx context.Context, frozen bool) error {
			md := onePoint()
			if frozen {
				md.MarkReadOnly()
			}
			return metrics.ConsumeMetrics(ctx, md)
		},
		tenant.Traces: func(ctx context.Context, frozen bool) error {
			td := oneSpan()
			if frozen {
				td.MarkReadOnly()
			}
			return traces.ConsumeTraces(ctx, td)
		},
	}
}

// A panic is a final rejection, is counted, costs its tenant nothing of its limits,
// and changes nothing for what follows.
func TestPanics_AreRejectionsOfOneRequest(t *testing.T) {
	limits := tenant.Limits{Quotas: [3]tenant.Quota{}}
	for _, s := range tenant.AllSignals() {
		limits.Quotas[s].DailyRecords = 2
	}
	for _, signal := range tenant.AllSignals() {
		t.Run(signal.String(), func(t *testing.T) {
			tel := componenttest.NewTelemetry()
			defer func() { require.NoError(t, tel.Shutdown(context.Background())) }()
			var err error
			panics := true
			send := startSenders(t, tel, limited(t, limits), func() error {
				if panics {
					panic("a secret of the request")
				}
				return err
			})[signal]
			rejected := func(got error) {
				t.Helper()
				require.Error(t, got)
				assert.Equal(t, codes.Internal, status.Code(got))
				assert.True(t, consumererror.IsPermanent(got))
				assert.Equal(t, "internal error", got.Error())
			}
			for range 5 {
				rejected(send(tenantA, false))
				rejected(send(tenantA, true))
			}
			metadatatest.AssertEqualProcessorTenantPanics(t, tel, []metricdata.DataPoint[int64]{{Value: 10}}, metricdatatest.IgnoreTimestamp())
			panics = false
			require.NoError(t, send(tenantA, false))
			err = errors.New("refused")
			require.ErrorIs(t, send(tenantA, false), err)
			err = nil
			require.NoError(t, send(tenantA, false), "what panicked was not charged")
			assert.Equal(t, codes.ResourceExhausted, status.Code(send(tenantA, false)))
			require.NoError(t, send(tenantB, false))
		})
	}
}

// FuzzStamp takes any telemetry: it keeps its records, and every list of attributes
// names the tenant as it should.
func FuzzStamp(f *testing.F) {
	for n := range 9 {
		seed := make([]byte, 300)
		for i := range seed {
			seed[i] = byte((i + 1) * (2*n + 1))
		}
		f.Add(uint8(n), seed)
	}
	f.Fuzz(func(t *testing.T, s uint8, raw []byte) {
		signal := tenant.Signal(s % 3)
		p, _ := started(t, authConfig(), signal, bareRegistry(t))
		ctx, data := caller(genuine, signal), pdatagen.New(raw).Request(signal)
		switch signal {
		case tenant.Logs:
			ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
			require.NoError(t, err)
			n := ld.LogRecordCount()
			_, err = guarded(p, p.processLogs)(ctx, ld)
			require.NoError(t, err)
			require.Equal(t, n, ld.LogRecordCount())
			for _, rl := range ld.ResourceLogs().All() {
				requireStamped(t, rl.Resource().Attributes())
				for _, sl := range rl.ScopeLogs().All() {
					requireEnforced(t, sl.Scope().Attributes())
					for _, r := range sl.LogRecords().All() {
						requireEnforced(t, r.Attributes())
						number := r.SeverityNumber()
						require.True(t, number >= 0 && number <= plog.SeverityNumberFatal4, number)
					}
				}
			}
		case tenant.Traces:
			td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
			require.NoError(t, err)
			n := td.SpanCount()
			_, err = guarded(p, p.processTraces)(ctx, td)
			require.NoError(t, err)
			require.Equal(t, n, td.SpanCount())
			for _, rs := range td.ResourceSpans().All() {
				requireStamped(t, rs.Resource().Attributes())
				for _, ss := range rs.ScopeSpans().All() {
					for _, span := range ss.Spans().All() {
						requireEnforced(t, span.Attributes())
					}
				}
			}
		case tenant.Metrics:
			md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
			require.NoError(t, err)
			n := md.DataPointCount()
			_, err = guarded(p, p.processMetrics)(ctx, md)
			require.NoError(t, err)
			require.Equal(t, n, md.DataPointCount())
			for _, rm := range md.ResourceMetrics().All() {
				requireStamped(t, rm.Resource().Attributes())
				for _, sm := range rm.ScopeMetrics().All() {
					for _, m := range sm.Metrics().All() {
						requireEnforced(t, m.Metadata())
					}
				}
			}
		}
	})
}

func requireStamped(t *testing.T, m pcommon.Map) {
	t.Helper()
	require.Equal(t, 1, requireEnforced(t, m))
}

// requireEnforced returns how many times m has the tenant.
func requireEnforced(t *testing.T, m pcommon.Map) (n int) {
	t.Helper()
	for key, v := range m.All() {
		if labelSeparators.ReplaceAllString(key, "_") == "business_id" {
			require.Equal(t, "business_id", key)
			require.Equal(t, genuine, v.Str())
			n++
		}
	}
	require.LessOrEqual(t, n, 1)
	return n
}

// The time grows with the number of attributes, whatever their keys.
func BenchmarkLogs_WideAttributes(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		for _, kind := range []string{"others", "look-alikes"} {
			b.Run(fmt.Sprint(n, " ", kind), func(b *testing.B) {
				p, _ := started(b, authConfig(), tenant.Logs, bareRegistry(b))
				ctx := caller(genuine, tenant.Logs)
				wide := alike(b, n)
				if kind == "others" {
					raw := make(map[string]any, n)
					for i := range n {
						raw[fmt.Sprintf("business_%d_id", i)] = "x"
					}
					require.NoError(b, wide.FromRaw(raw))
				}
				for b.Loop() {
					b.StopTimer()
					ld := manyLogs(1)
					rl := ld.ResourceLogs().At(0)
					record := rl.ScopeLogs().At(0).LogRecords().At(0)
					for _, m := range []pcommon.Map{rl.Resource().Attributes(), record.Attributes()} {
						wide.CopyTo(m)
					}
					b.StartTimer()
					if _, err := p.processLogs(ctx, ld); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// alike returns n look-alikes of the tenant's attribute, of which some have one key.
func alike(tb testing.TB, n int) pcommon.Map {
	tb.Helper()
	separators := []string{".", "-", "_-", "..", "/", "_"}
	text := []byte(`{"resourceLogs":[{"resource":{"attributes":[`)
	for i := range n {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"key":"business%sid","value":{"stringValue":"x"}}`, separators[i%len(separators)])
	}
	ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(append(text, `]}}]}`...))
	require.NoError(tb, err)
	return ld.ResourceLogs().At(0).Resource().Attributes()
}
