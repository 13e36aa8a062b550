// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadatatest"
)

// pipelines are the processors of one configuration, one for each signal.
type pipelines struct {
	factory   *factory
	limiter   *limiter
	handle    *sharedcomponent.Handle[*limiter] // of limiter, never started
	cfg       *Config
	logs      processor.Logs
	metrics   processor.Metrics
	traces    processor.Traces
	telemetry *componenttest.Telemetry
	log       *observer.ObservedLogs
	stopped   bool
}

func startPipelines(t *testing.T, cfg *Config, host tenanttest.Host, next func(context.Context) error) *pipelines {
	t.Helper()
	p := &pipelines{factory: newFactory(), cfg: cfg, telemetry: componenttest.NewTelemetry()}
	core, log := observer.New(zap.InfoLevel)
	p.log = log
	set := nopSettings()
	set.TelemetrySettings = p.telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)
	handle, err := p.factory.limiters.Get(cfg, func() (*limiter, error) { return newLimiter(set, cfg) })
	require.NoError(t, err)
	p.handle, p.limiter = handle, handle.Component()
	logs, err := consumer.NewLogs(func(ctx context.Context, _ plog.Logs) error { return next(ctx) })
	require.NoError(t, err)
	p.logs, err = p.factory.createLogs(context.Background(), set, cfg, logs)
	require.NoError(t, err)
	p.metrics, err = p.factory.createMetrics(context.Background(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	p.traces, err = p.factory.createTraces(context.Background(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	for _, c := range []component.Component{p.logs, p.metrics, p.traces} {
		require.NoError(t, c.Start(context.Background(), host))
	}
	p.limiter.now = func() time.Time { return noon }
	t.Cleanup(func() { p.stop(t) })
	return p
}

func (p *pipelines) stop(t *testing.T) {
	t.Helper()
	if p.stopped {
		return
	}
	p.stopped = true
	for _, c := range []component.Component{p.logs, p.metrics, p.traces} {
		require.NoError(t, c.Shutdown(context.Background()))
		require.NoError(t, c.Shutdown(context.Background()))
	}
	require.NoError(t, p.telemetry.Shutdown(context.Background()))
	require.NoError(t, p.handle.Shutdown(context.Background()))
	assert.Zero(t, p.factory.limiters.Len())
}

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// rateOf returns limits with one rate.
func rateOf(signal tenant.Signal, rate tenant.Rate) (limits tenant.Limits) {
	limits.Rates[signal] = rate
	return limits
}

func accept(context.Context) error { return nil }

func limited(tb testing.TB, limits tenant.Limits) *tenanttest.Registry {
	tb.Helper()
	return tenanttest.NewRegistry(tb, &tenant.Tenant{ID: "tenant-a", Limits: limits}, &tenant.Tenant{ID: "tenant-b"})
}

func manyLogs(n int) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range n {
		records.AppendEmpty().Body().SetStr("hello")
	}
	return ld
}

func oneSpan() ptrace.Traces {
	td := ptrace.NewTraces()
	td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("GET /")
	return td
}

func onePoint() pmetric.Metrics {
	md := pmetric.NewMetrics()
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	return md
}

var (
	tenantA = caller("tenant-a", tenant.AllSignals()...)
	tenantB = caller("tenant-b", tenant.AllSignals()...)
)

func TestLimits_RejectDataOverARateOfATenantAndSignal(t *testing.T) {
	host := tenanttest.Host{registryID: limited(t, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10}))}
	p := startPipelines(t, authConfig(), host, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1000)))
	err := p.logs.ConsumeLogs(tenantA, manyLogs(7))
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.Equal(t, "over the limit of 10 log records per second", err.Error())
	assert.False(t, consumererror.IsPermanent(err))
	delay := retryDelay(t, err)
	assert.GreaterOrEqual(t, delay, time.Minute/2)
	assert.LessOrEqual(t, delay, time.Minute*3/2)
	telemetrytest.AssertCounted(t, p.telemetry, "otelcol_processor_tenant_refused_records", []metricdata.DataPoint[int64]{
		{Value: 7, Attributes: attribute.NewSet(attribute.String("reason", "rate"))},
	}, metricdatatest.IgnoreTimestamp())

	require.NoError(t, p.traces.ConsumeTraces(tenantA, oneSpan()), "other signals have their own")
	require.NoError(t, p.metrics.ConsumeMetrics(tenantA, onePoint()))
	require.NoError(t, p.logs.ConsumeLogs(tenantB, manyLogs(1000)), "other tenants have their own")
}

func TestLimits_DelaysAreNeverBelowASecond(t *testing.T) {
	for range 200 {
		delay := retryDelay(t, rejectionOf(ratelimit.Excess{Limit: ratelimit.RateLimit, Text: "x", Wait: time.Millisecond}))
		assert.GreaterOrEqual(t, delay, time.Second)
		assert.LessOrEqual(t, delay, 3*time.Second)
	}
}

func TestLimits_ChangeWhileRunning(t *testing.T) {
	registry := limited(t, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10}))
	p := startPipelines(t, authConfig(), tenanttest.Host{registryID: registry}, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1000)))
	require.Error(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
	registry.Set(t, &tenant.Tenant{ID: "tenant-a"})
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1000)))
	registry.Set(t, &tenant.Tenant{ID: "tenant-a", Limits: tenant.Limits{DailyBytes: 1}})
	err := p.logs.ConsumeLogs(tenantA, manyLogs(1))
	assert.Equal(t, "over the daily quota of 1 B", err.Error())
}

func TestLimits_ATenantsOwnBurstGoesBeforeTheGateways(t *testing.T) {
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10})
	limits.Burst = 5 * time.Second
	p := startPipelines(t, authConfig(), tenanttest.Host{registryID: limited(t, limits)}, accept)
	for range 50 {
		require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
	}
	require.Error(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
}

func TestLimits_ReportTheUseOfEveryQuota(t *testing.T) {
	limits := tenant.Limits{MonthlyRecords: 10}
	limits.Quotas[tenant.Logs] = tenant.Quota{DailyRecords: 20}
	limits.Quotas[tenant.Traces] = tenant.Quota{MonthlyRecords: 30}
	cfg := authConfig()
	cfg.Limits.Gateways, cfg.Metrics.Tenant = 2, true
	p := startPipelines(t, cfg, tenanttest.Host{registryID: limited(t, limits)}, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(3)))
	point := func(use float64, period, signal string) metricdata.DataPoint[float64] {
		return metricdata.DataPoint[float64]{Value: use, Attributes: attribute.NewSet(attribute.String("tenant", "tenant-a"),
			attribute.String("period", period), attribute.String("signal", signal), attribute.String("unit", "records"))}
	}
	metadatatest.AssertEqualProcessorTenantQuotaUse(t, p.telemetry, []metricdata.DataPoint[float64]{
		point(0.6, "month", "all"), point(0.3, "day", "logs"), point(0, "month", "traces"),
	}, metricdatatest.IgnoreTimestamp())
}

func TestLimits_QuotaIsOverAllSignals(t *testing.T) {
	registry := limited(t, tenant.Limits{DailyBytes: 1 << 20})
	p := startPipelines(t, authConfig(), tenanttest.Host{registryID: registry}, accept)
	td, md := oneSpan(), onePoint()
	require.NoError(t, p.traces.ConsumeTraces(tenantA, td))
	require.NoError(t, p.metrics.ConsumeMetrics(tenantA, md))
	size := int64((&ptrace.ProtoMarshaler{}).TracesSize(td) + (&pmetric.ProtoMarshaler{}).MetricsSize(md))
	assert.Equal(t, size, p.limiter.limits.Usages()["tenant-a"].DayBytes)
	registry.Set(t, &tenant.Tenant{ID: "tenant-a", Limits: tenant.Limits{DailyBytes: size}})
	assert.Equal(t, codes.ResourceExhausted, status.Code(p.logs.ConsumeLogs(tenantA, manyLogs(1))))
}

func TestLimits_ChargeNothingForDataThatIsRejectedLater(t *testing.T) {
	full := errors.New("lane is full")
	host := tenanttest.Host{registryID: limited(t, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10}))}
	answer := full
	p := startPipelines(t, authConfig(), host, func(context.Context) error { return answer })
	for range 100 {
		require.ErrorIs(t, p.logs.ConsumeLogs(tenantA, manyLogs(10)), full)
	}
	answer = nil
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(10)))
	require.Error(t, p.logs.ConsumeLogs(tenantA, manyLogs(10)))
}

func TestLimits_ThatOnlyWarnLetPassAndCount(t *testing.T) {
	cfg := authConfig()
	cfg.Limits.Mode = LimitsWarn
	host := tenanttest.Host{registryID: limited(t, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10}))}
	p := startPipelines(t, cfg, host, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1000)))
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(7)))
	telemetrytest.AssertCounted(t, p.telemetry, "otelcol_processor_tenant_over_limit_records", []metricdata.DataPoint[int64]{
		{Value: 7, Attributes: attribute.NewSet(attribute.String("reason", "rate"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestLimits_ReportHowMuchOfAQuotaIsUsed(t *testing.T) {
	size := (&plog.ProtoMarshaler{}).LogsSize(stamped(1))
	host := tenanttest.Host{registryID: limited(t, tenant.Limits{DailyBytes: int64(size), MonthlyBytes: int64(2 * size)})}
	cfg := authConfig()
	cfg.Metrics.Tenant = true
	p := startPipelines(t, cfg, host, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
	metadatatest.AssertEqualProcessorTenantQuotaWarnings(t, p.telemetry, []metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	point := func(period string, use float64) metricdata.DataPoint[float64] {
		return metricdata.DataPoint[float64]{Value: use, Attributes: attribute.NewSet(
			attribute.String("tenant", "tenant-a"), attribute.String("period", period),
			attribute.String("signal", "all"), attribute.String("unit", "bytes"))}
	}
	metadatatest.AssertEqualProcessorTenantQuotaUse(t, p.telemetry, []metricdata.DataPoint[float64]{
		point("day", 1), point("month", 0.5),
	}, metricdatatest.IgnoreTimestamp())
	require.Equal(t, 1, p.log.Len())
	assert.Equal(t, "100 % of the daily quota of "+strconv.Itoa(size)+" B is used", p.log.All()[0].Message)
	assert.Equal(t, map[string]any{"tenant": "tenant-a"}, p.log.All()[0].ContextMap())
}

// stamped is what manyLogs is when it is charged for.
func stamped(n int) plog.Logs {
	ld := manyLogs(n)
	ld.ResourceLogs().At(0).Resource().Attributes().PutStr("business_id", "tenant-a")
	return ld
}

func TestLimits_CloseTheAccountsOfTenantsThatAreGone(t *testing.T) {
	registry := limited(t, tenant.Limits{DailyBytes: 1 << 20})
	p := startPipelines(t, authConfig(), tenanttest.Host{registryID: registry}, accept)
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
	require.NoError(t, p.logs.ConsumeLogs(tenantB, manyLogs(1)))
	assert.Len(t, p.limiter.limits.Usages(), 1, "a tenant without limits has no account")
	registry.Set(t, &tenant.Tenant{ID: "tenant-b"})
	assert.Empty(t, p.limiter.limits.Usages())
}

func TestLimits_AnswerOverBothProtocols(t *testing.T) {
	g := startGateway(t, tenant.NewIdentity("tenant-a", "k1", tenant.NewSignals(tenant.Logs)), limited(t, tenant.Limits{DailyBytes: 1}))
	err := g.sendGRPC(t)
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	retryDelay(t, err)
	resp := g.sendHTTP(t)
	assert.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, seconds, 1)
	assert.Empty(t, g.sink.AllLogs())
}

// memory is a storage extension that outlives its users, and may be full.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	storage.Client // the methods that nobody calls

	mu   sync.Mutex
	kept map[string][]byte
	full error
}

func (m *memory) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return m, nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[key], nil
}

func (m *memory) Set(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return m.full
	}
	m.kept[key] = value
	return nil
}

func (m *memory) Close(context.Context) error { return nil }

var storageID = component.MustNewID("file_storage")

func storingConfig() *Config {
	cfg := authConfig()
	cfg.Limits.Storage = &storageID
	return cfg
}

func TestLimits_RememberQuotasOverARestart(t *testing.T) {
	size := int64((&plog.ProtoMarshaler{}).LogsSize(stamped(1)))
	host := tenanttest.Host{
		registryID: limited(t, tenant.Limits{DailyBytes: 2*size - 1}),
		storageID:  &memory{kept: map[string][]byte{}},
	}
	first := startPipelines(t, storingConfig(), host, accept)
	require.NoError(t, first.logs.ConsumeLogs(tenantA, manyLogs(1)))
	first.stop(t)
	second := startPipelines(t, storingConfig(), host, accept)
	assert.ErrorContains(t, second.logs.ConsumeLogs(tenantA, manyLogs(1)), "over the daily quota")
}

func TestLimits_BeginAtZeroAndSaySoIfTheCountsCannotBeRead(t *testing.T) {
	store := &memory{kept: map[string][]byte{usageKey: []byte("{")}}
	host := tenanttest.Host{registryID: limited(t, tenant.Limits{DailyBytes: 1 << 20}), storageID: store}
	p := startPipelines(t, storingConfig(), host, accept)
	assert.Equal(t, 1, p.log.FilterMessageSnippet("quotas begin at zero").Len())
	require.NoError(t, p.logs.ConsumeLogs(tenantA, manyLogs(1)))
	p.stop(t)
	assert.Contains(t, string(store.kept[usageKey]), `"tenant-a"`)
}

func TestUsageStore_SavesOnlyChangesAndKeepsThemUntilTheyAreSaved(t *testing.T) {
	store := &memory{kept: map[string][]byte{}, full: storage.ErrStorageFull}
	s := &usageStore{client: store}
	all := map[tenant.ID]ratelimit.Usage{"tenant-a": {Day: "2026-05-01", DayBytes: 1, Month: "2026-05", MonthBytes: 1}}
	require.ErrorIs(t, s.save(context.Background(), all), storage.ErrStorageFull)
	store.full = nil
	require.NoError(t, s.save(context.Background(), all))
	require.JSONEq(t, `{"tenant-a":{"day":"2026-05-01","day_bytes":1,"month":"2026-05","month_bytes":1}}`, string(store.kept[usageKey]))
	store.full = storage.ErrStorageFull
	require.NoError(t, s.save(context.Background(), all), "nothing has changed, nothing is written")
}

func TestUsageStore_SavesInTheBackgroundAndReportsAFailureOnce(t *testing.T) {
	store := &memory{kept: map[string][]byte{}, full: storage.ErrStorageFull}
	s := &usageStore{client: store, interval: time.Millisecond}
	var tries, reports atomic.Int64
	s.keep(func() map[tenant.ID]ratelimit.Usage {
		tries.Add(1)
		return map[tenant.ID]ratelimit.Usage{"tenant-a": {MonthBytes: tries.Load()}}
	}, func(err error) {
		assert.ErrorIs(t, err, storage.ErrStorageFull)
		reports.Add(1)
	})
	require.Eventually(t, func() bool { return tries.Load() > 5 }, 10*time.Second, time.Millisecond)
	assert.EqualValues(t, 1, reports.Load())
	store.mu.Lock()
	store.full = nil
	store.mu.Unlock()
	require.Eventually(t, func() bool {
		raw, err := store.Get(context.Background(), usageKey)
		return err == nil && raw != nil
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, s.close(context.Background(), map[tenant.ID]ratelimit.Usage{"tenant-a": {MonthBytes: -1}}))
	assert.Contains(t, string(store.kept[usageKey]), "-1", "the last word is close's")
}

func TestLimits_NameTheStorageThatIsMissing(t *testing.T) {
	registry := limited(t, tenant.Limits{})
	for name, tt := range map[string]struct {
		host tenanttest.Host
		want string
	}{
		"missing":    {tenanttest.Host{registryID: registry}, `"limits::storage" names the extension "file_storage", which is not configured`},
		"no storage": {tenanttest.Host{registryID: registry, storageID: registry}, `"limits::storage" names the extension "file_storage", which is not a storage extension`},
	} {
		p, err := newFactory().create(nopSettings(), storingConfig(), tenant.Logs)
		require.NoError(t, err)
		assert.ErrorContains(t, p.start(context.Background(), tt.host), tt.want, name)
		require.NoError(t, p.shutdown(context.Background()))
	}
}
