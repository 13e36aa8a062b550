package tenantprocessor

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadatatest"
)

// sharing is the limiter of one of several gateways.
type sharing struct {
	*limiter
	owner     owner
	telemetry *componenttest.Telemetry
	log       *observer.ObservedLogs
	ended     bool
}

func startSharing(t *testing.T, redisAddr string, limits tenant.Limits, with ...func(*LimitsConfig)) *sharing {
	t.Helper()
	return startSharingOn(t, tenanttest.Host{}, redisAddr, limits, with...)
}

func startSharingOn(t *testing.T, host tenanttest.Host, redisAddr string, limits tenant.Limits, with ...func(*LimitsConfig)) *sharing {
	t.Helper()
	cfg := createDefaultConfig().(*Config).Limits
	cfg.Scope, cfg.Redis.Endpoint, cfg.Redis.Timeout = ScopeShared, redisAddr, 2*time.Second
	for _, f := range with {
		f(&cfg)
	}
	s := &sharing{owner: owner{id: "tenant-a", limits: &limits}, telemetry: componenttest.NewTelemetry()}
	core, log := observer.New(zap.InfoLevel)
	s.log = log
	set := nopSettings()
	set.TelemetrySettings = s.telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)
	l, err := newLimiter(set, cfg)
	require.NoError(t, err)
	s.limiter = l
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Limits: limits})
	require.NoError(t, l.start(context.Background(), host, registry))
	t.Cleanup(func() { s.end(t) })
	return s
}

// end stops the gateway, once.
func (s *sharing) end(t *testing.T) {
	if s.ended {
		return
	}
	s.ended = true
	require.NoError(t, s.stop(context.Background()))
	require.NoError(t, s.telemetry.Shutdown(context.Background()))
}

// send charges for one request of records with 10 bytes each.
func (s *sharing) send(signal tenant.Signal, records int) (receipt, excess) {
	return s.charge(context.Background(), s.owner, signal, records, func() int { return 10 * records })
}

func TestShared_QuotasAreOneForAllGatewaysAndSignals(t *testing.T) {
	r := startRedis(t)
	limits := tenant.Limits{DailyRecords: 100, MonthlyBytes: 1 << 20}
	limits.Quotas[tenant.Logs] = tenant.Quota{DailyBytes: 500}
	one, two := startSharing(t, r.addr, limits), startSharing(t, r.addr, limits)
	_, over := one.send(tenant.Logs, 50)
	require.Zero(t, over)
	_, over = two.send(tenant.Logs, 1)
	require.Equal(t, "over the daily quota of 500 B of logs", over.text)
	_, over = two.send(tenant.Traces, 50)
	require.Zero(t, over)
	_, over = one.send(tenant.Metrics, 1)
	require.Equal(t, "over the daily quota of 100 records", over.text)
	used := one.usages()["tenant-a"]
	assert.EqualValues(t, 100, used.DayRecords, "also what the other gateway took")
	assert.EqualValues(t, 1000, used.MonthBytes)
	for _, s := range []*sharing{one, two} {
		assert.Equal(t, 1, s.log.FilterMessageSnippet("100 % of the daily quota of 100 records").Len())
		assert.Equal(t, 1, s.log.FilterMessageSnippet("100 % of the daily quota of 500 B of logs").Len())
	}
	assert.NotContains(t, r.keys(), " tenant-a", "every key begins with the prefix")
	for _, key := range strings.Fields(r.keys()) {
		assert.True(t, strings.HasPrefix(key, "otelcol-tenant:{tenant-a}:"), key)
	}
}

func TestShared_RatesAreOneForAllGateways(t *testing.T) {
	r := startRedis(t)
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 100, BytesPerSecond: 1 << 20})
	one, two := startSharing(t, r.addr, limits), startSharing(t, r.addr, limits)
	_, over := one.send(tenant.Logs, 1100)
	require.Zero(t, over, "larger than the burst: it passes and is waited for")
	_, over = two.send(tenant.Logs, 1)
	require.Equal(t, "over the limit of 100 log records per second", over.text)
	assert.InDelta(t, 10, over.wait.Seconds(), 1)
	_, over = two.send(tenant.Traces, 1)
	require.Zero(t, over, "signals have their own")
}

func TestShared_RefundsGoBackToAll(t *testing.T) {
	r := startRedis(t)
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1})
	limits.DailyRecords = 1000
	one, two := startSharing(t, r.addr, limits), startSharing(t, r.addr, limits)
	for range 20 {
		paid, over := one.send(tenant.Logs, 900)
		require.Zero(t, over)
		paid.refund(context.Background())
	}
	_, over := two.send(tenant.Logs, 1000)
	require.Zero(t, over)
}

func TestShared_ATenantThatFloodsIsNoFloodOnRedis(t *testing.T) {
	r := startRedis(t)
	s := startSharing(t, r.addr, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1}))
	_, over := s.send(tenant.Logs, 1000)
	require.Zero(t, over)
	_, over = s.send(tenant.Logs, 1)
	require.Equal(t, rejection.Rate, over.reason)
	now := s.now()
	s.now = func() time.Time { return now }
	r.signal(syscall.SIGSTOP) // whoever asks now waits for two seconds and fails
	defer r.signal(syscall.SIGCONT)
	for range 1000 {
		_, over = s.send(tenant.Logs, 1)
		require.Equal(t, rejection.Rate, over.reason)
	}
	assert.False(t, s.shared.failed.Load(), "nobody has asked")

	s.owner.limits = &tenant.Limits{}
	_, over = s.send(tenant.Logs, 1)
	assert.Zero(t, over, "a limit that has changed is asked for anew")
}

func TestShared_WarnsAndCountsWithoutRefusing(t *testing.T) {
	r := startRedis(t)
	s := startSharing(t, r.addr, tenant.Limits{DailyRecords: 10}, func(c *LimitsConfig) { c.Mode = LimitsWarn })
	for range 5 {
		_, over := s.send(tenant.Logs, 10)
		require.Zero(t, over)
	}
	assert.EqualValues(t, 50, s.usages()["tenant-a"].DayRecords)
}

// TestShared_GoesOnAloneWhileRedisIsAway kills Redis, which loses all that it held,
// and starts it again.
func TestShared_GoesOnAloneWhileRedisIsAway(t *testing.T) {
	r := startRedis(t)
	limits := rateOf(tenant.Traces, tenant.Rate{RecordsPerSecond: 1000})
	limits.DailyRecords = 100
	divided := func(c *LimitsConfig) { c.Gateways = 4 }
	one, two := startSharing(t, r.addr, limits, divided), startSharing(t, r.addr, limits, divided)
	up := func(want int64) {
		t.Helper()
		metadatatest.AssertEqualProcessorTenantSharedLimits(t, one.telemetry, []metricdata.DataPoint[int64]{{Value: want}}, metricdatatest.IgnoreTimestamp())
	}
	_, over := one.send(tenant.Logs, 40)
	require.Zero(t, over)
	up(1)

	r.kill()
	paid, over := one.send(tenant.Logs, 40)
	require.Zero(t, over, "without Redis the gateway goes on from what it knew")
	_, over = one.send(tenant.Logs, 40)
	require.Equal(t, "over the daily quota of 100 records", over.text)
	up(0)
	paid.refund(context.Background())
	_, over = one.send(tenant.Logs, 30)
	require.Zero(t, over)
	assert.Equal(t, 1, one.log.FilterMessageSnippet("Redis cannot be used").Len(), "said once")

	r.start()
	require.Eventually(t, func() bool {
		_, over = one.send(tenant.Logs, 31)
		require.Equal(t, rejection.Quota, over.reason)
		return !one.shared.failed.Load()
	}, 20*time.Second, 10*time.Millisecond)
	up(1)
	_, over = one.send(tenant.Logs, 31) // now that Redis is known to be back it is told
	require.Equal(t, rejection.Quota, over.reason)
	_, over = two.send(tenant.Logs, 31)
	require.Equal(t, rejection.Quota, over.reason, "what was counted alone is told to all, and what Redis has lost")
	_, over = two.send(tenant.Logs, 30)
	require.Zero(t, over)
}

// TestShared_RefusesNobodyBecauseRedisIsKilledUnderLoad also holds the counts
// against what was sent: none is lost and none counted twice.
func TestShared_RefusesNobodyBecauseRedisIsKilledUnderLoad(t *testing.T) {
	r := startRedis(t)
	// A request that timed out because the machine is busy would be counted twice
	// without Redis having been killed; a killed one is noticed at once.
	patient := func(c *LimitsConfig) { c.Redis.Timeout = 10 * time.Minute }
	s := startSharing(t, r.addr, tenant.Limits{DailyRecords: 1 << 40}, patient)
	var sent atomic.Int64
	var refused atomic.Int64
	quit := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				if _, over := s.send(tenant.Logs, 10); over.reason != rejection.None {
					refused.Add(1)
				}
				sent.Add(10)
			}
		})
	}
	wait := func(failed bool) {
		before := sent.Load()
		require.Eventually(t, func() bool { return s.shared.failed.Load() == failed && sent.Load() > before+1000 }, 2*time.Minute, time.Millisecond)
	}
	wait(false)
	r.kill()
	wait(true)
	r.start()
	wait(false)
	close(quit)
	load.Wait()
	assert.Zero(t, refused.Load())
	_, over := s.send(tenant.Logs, 10)
	require.Zero(t, over)
	used := s.usages()["tenant-a"].DayRecords
	// A request that Redis took before it was killed, and whose answer was lost, is
	// counted by the gateway too, at most once for each that was under way. Each may
	// have told of what the others had counted without Redis.
	assert.InDelta(t, sent.Load()+10, used, 4*4*10)
}

// TestShared_KeepsEachGatewayToItsPartOfARateWhileRedisIsAway needs no Redis.
func TestShared_KeepsEachGatewayToItsPartOfARateWhileRedisIsAway(t *testing.T) {
	s := startSharing(t, "127.0.0.1:1", rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 100}), func(c *LimitsConfig) { c.Gateways = 4 })
	s.now = func() time.Time { return noon }
	sent := 0
	for {
		_, over := s.send(tenant.Logs, 1)
		if over.reason != rejection.None {
			assert.Equal(t, "over the limit of 100 log records per second", over.text, "the configured limit, not the divided one")
			break
		}
		sent++
	}
	assert.Equal(t, 25, sent)
}

func TestShared_ConcurrentChargesOfManyGatewaysNeverExceedTheQuota(t *testing.T) {
	r := startRedis(t)
	limits := tenant.Limits{DailyRecords: 1000}
	var accepted atomic.Int64
	var work sync.WaitGroup
	for range 4 {
		s := startSharing(t, r.addr, limits)
		for range 4 {
			work.Go(func() {
				for range 25 {
					if _, over := s.send(tenant.Logs, 7); over.reason == rejection.None {
						accepted.Add(7)
					}
				}
			})
		}
	}
	work.Wait()
	assert.EqualValues(t, 994, accepted.Load())
}

// TestShared_WhatIsOwedIsToldAfterARestart ends a gateway before it could tell Redis what
// it has counted alone.
func TestShared_WhatIsOwedIsToldAfterARestart(t *testing.T) {
	r := startRedis(t)
	limits := tenant.Limits{DailyRecords: 100}
	host := tenanttest.Host{storageID: &memory{kept: map[string][]byte{}}}
	stored := func(c *LimitsConfig) { c.Storage = &storageID }
	first := startSharingOn(t, host, r.addr, limits, stored)
	_, over := first.send(tenant.Logs, 40)
	require.Zero(t, over)
	first.shared.note(errRedisPaused)
	first.shared.pauseUntil.Store(math.MaxInt64)
	_, over = first.send(tenant.Logs, 40)
	require.Zero(t, over)
	first.end(t)

	second := startSharingOn(t, host, r.addr, limits, stored)
	_, over = second.send(tenant.Logs, 1)
	require.Zero(t, over)
	other := startSharing(t, r.addr, limits)
	_, over = other.send(tenant.Logs, 20)
	require.Equal(t, rejection.Quota, over.reason, "81 are used")
	_, over = other.send(tenant.Logs, 19)
	require.Zero(t, over)
	second.end(t)

	third := startSharingOn(t, host, r.addr, limits, stored)
	third.send(tenant.Logs, 1)
	assert.EqualValues(t, 100, third.usages()["tenant-a"].DayRecords, "it is told once")
}

func TestShared_AnswersThatMakeNoSenseAreNotBelieved(t *testing.T) {
	c := sharedCharge{terms: terms{limits: &tenant.Limits{}}}
	good := func() []any {
		values := []any{int64(0), "0.0", int64(1)}
		for range numQuotas {
			values = append(values, int64(1))
		}
		return values
	}
	_, err := readAnswer(good(), c, [numQuotas]quota{}, noon)
	require.NoError(t, err)
	for name, spoil := range map[string]func([]any) []any{
		"short":         func(v []any) []any { return v[1:] },
		"text":          func(v []any) []any { v[5] = "1"; return v },
		"no number":     func(v []any) []any { v[2] = nil; return v },
		"unknown limit": func(v []any) []any { v[0] = int64(11); return v },
		"no time":       func(v []any) []any { v[1] = nil; return v },
	} {
		_, err := readAnswer(spoil(good()), c, [numQuotas]quota{}, noon)
		assert.Error(t, err, name)
	}
}
