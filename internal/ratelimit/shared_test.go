// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit/redistest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// redisScript runs the script in a server of the test.
type redisScript struct {
	client *redis.Client
	script *redis.Script
}

func (s redisScript) Run(ctx context.Context, keys []string, args []any) ([]any, error) {
	return s.script.Run(ctx, s.client, keys, args...).Slice()
}

// sharing is the limiter of one of several gateways.
type sharing struct {
	*Limiter
	limits *tenant.Limits

	mu       sync.Mutex
	warnings []string
	outages  []error
}

// sharingSettings are the settings of a gateway, with the timeout of its client.
type sharingSettings struct {
	Settings
	timeout time.Duration
}

func startSharing(t *testing.T, redisAddr string, limits tenant.Limits, with ...func(*sharingSettings)) *sharing {
	t.Helper()
	s := &sharing{limits: &limits}
	set := sharingSettings{timeout: 2 * time.Second, Settings: Settings{
		Burst: time.Second, WarnAt: 0.8, Gateways: 1, KeyPrefix: "otelcol-tenant",
		Warn: func(_ tenant.ID, text string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.warnings = append(s.warnings, text)
		},
		Outage: func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.outages = append(s.outages, err)
		},
	}}
	for _, f := range with {
		f(&set)
	}
	client := redis.NewClient(&redis.Options{
		Addr: redisAddr, DialTimeout: set.timeout, ReadTimeout: set.timeout, WriteTimeout: set.timeout, PoolTimeout: set.timeout,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
	})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	set.Shared = redisScript{client, redis.NewScript(SharedScript)}
	s.Limiter = New(set.Settings)
	return s
}

// send charges for one request of records with 10 bytes each.
func (s *sharing) send(signal tenant.Signal, records int) (Receipt, Excess) {
	return s.Charge(context.Background(), Request{
		Tenant: "tenant-a", Limits: s.limits, Signal: signal, Records: records, Size: func() int { return 10 * records },
	})
}

// count returns how many warnings contain text.
func (s *sharing) count(text string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.warnings {
		if strings.Contains(w, text) {
			n++
		}
	}
	return n
}

func TestShared_QuotasAreOneForAllGatewaysAndSignals(t *testing.T) {
	r := redistest.Start(t)
	limits := tenant.Limits{DailyRecords: 100, MonthlyBytes: 1 << 20}
	limits.Quotas[tenant.Logs] = tenant.Quota{DailyBytes: 500}
	one, two := startSharing(t, r.Addr, limits), startSharing(t, r.Addr, limits)
	_, over := one.send(tenant.Logs, 50)
	require.Zero(t, over)
	_, over = two.send(tenant.Logs, 1)
	require.Equal(t, "over the daily quota of 500 B of logs", over.Text)
	_, over = two.send(tenant.Traces, 50)
	require.Zero(t, over)
	_, over = one.send(tenant.Metrics, 1)
	require.Equal(t, "over the daily quota of 100 records", over.Text)
	used := one.Usages()["tenant-a"]
	assert.EqualValues(t, 100, used.DayRecords, "also what the other gateway took")
	assert.EqualValues(t, 1000, used.MonthBytes)
	for _, s := range []*sharing{one, two} {
		assert.Equal(t, 1, s.count("100 % of the daily quota of 100 records"))
		assert.Equal(t, 1, s.count("100 % of the daily quota of 500 B of logs"))
	}
	assert.NotContains(t, r.Keys(), " tenant-a", "every key begins with the prefix")
	for _, key := range strings.Fields(r.Keys()) {
		assert.True(t, strings.HasPrefix(key, "otelcol-tenant:{tenant-a}:"), key)
	}
}

func TestShared_RatesAreOneForAllGateways(t *testing.T) {
	r := redistest.Start(t)
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 100, BytesPerSecond: 1 << 20})
	one, two := startSharing(t, r.Addr, limits), startSharing(t, r.Addr, limits)
	_, over := one.send(tenant.Logs, 1100)
	require.Zero(t, over, "larger than the burst: it passes and is waited for")
	_, over = two.send(tenant.Logs, 1)
	require.Equal(t, "over the limit of 100 log records per second", over.Text)
	assert.InDelta(t, 10, over.Wait.Seconds(), 1)
	_, over = two.send(tenant.Traces, 1)
	require.Zero(t, over, "signals have their own")
}

func TestShared_RefundsApplyToAllGateways(t *testing.T) {
	r := redistest.Start(t)
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1})
	limits.DailyRecords = 1000
	one, two := startSharing(t, r.Addr, limits), startSharing(t, r.Addr, limits)
	for range 20 {
		paid, over := one.send(tenant.Logs, 900)
		require.Zero(t, over)
		paid.Refund(context.Background())
	}
	_, over := two.send(tenant.Logs, 1000)
	require.Zero(t, over)
}

func TestShared_ATenantThatFloodsDoesNotFloodRedis(t *testing.T) {
	r := redistest.Start(t)
	s := startSharing(t, r.Addr, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1}))
	_, over := s.send(tenant.Logs, 1000)
	require.Zero(t, over)
	_, over = s.send(tenant.Logs, 1)
	require.Equal(t, RateLimit, over.Limit)
	now := s.now()
	s.now = func() time.Time { return now }
	r.Signal(syscall.SIGSTOP) // a call now waits for two seconds and fails
	defer r.Signal(syscall.SIGCONT)
	for range 1000 {
		_, over = s.send(tenant.Logs, 1)
		require.Equal(t, RateLimit, over.Limit)
	}
	assert.False(t, s.shared.failed.Load(), "no call was made")

	s.limits = &tenant.Limits{}
	_, over = s.send(tenant.Logs, 1)
	assert.Zero(t, over, "a limit that has changed is asked for again")
}

func TestShared_WarnOnlyReportsAndCounts(t *testing.T) {
	r := redistest.Start(t)
	s := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 10}, func(c *sharingSettings) { c.WarnOnly = true })
	for _, want := range []Limit{None, QuotaLimit, QuotaLimit, QuotaLimit, QuotaLimit} {
		_, over := s.send(tenant.Logs, 10)
		require.Equal(t, want, over.Limit)
	}
	assert.EqualValues(t, 50, s.Usages()["tenant-a"].DayRecords)
}

// TestShared_ContinuesWithoutRedis kills Redis, which loses all that it held,
// and starts it again.
func TestShared_ContinuesWithoutRedis(t *testing.T) {
	r := redistest.Start(t)
	limits := rateOf(tenant.Traces, tenant.Rate{RecordsPerSecond: 1000})
	limits.DailyRecords = 100
	divided := func(c *sharingSettings) { c.Gateways = 4 }
	one, two := startSharing(t, r.Addr, limits, divided), startSharing(t, r.Addr, limits, divided)
	_, over := one.send(tenant.Logs, 40)
	require.Zero(t, over)
	assert.True(t, one.SharedWorks())

	r.Kill()
	paid, over := one.send(tenant.Logs, 40)
	require.Zero(t, over, "without Redis the gateway goes on from what it knew")
	_, over = one.send(tenant.Logs, 40)
	require.Equal(t, "over the daily quota of 100 records", over.Text)
	assert.False(t, one.SharedWorks())
	paid.Refund(context.Background())
	_, over = one.send(tenant.Logs, 30)
	require.Zero(t, over)
	assert.Len(t, one.outages, 1, "an outage is reported once")

	r.Start()
	require.Eventually(t, func() bool {
		_, over = one.send(tenant.Logs, 31)
		require.Equal(t, QuotaLimit, over.Limit)
		return !one.shared.failed.Load()
	}, 20*time.Second, 10*time.Millisecond)
	assert.True(t, one.SharedWorks())
	_, over = one.send(tenant.Logs, 31) // Redis is known to work again, so this call syncs
	require.Equal(t, QuotaLimit, over.Limit)
	_, over = two.send(tenant.Logs, 31)
	require.Equal(t, QuotaLimit, over.Limit, "what was counted alone, and what Redis has lost, is synced to all gateways")
	_, over = two.send(tenant.Logs, 30)
	require.Zero(t, over)
}

// TestShared_RejectsNothingBecauseRedisIsKilledUnderLoad also holds the counts
// against what was sent: none is lost and none counted twice.
func TestShared_RejectsNothingBecauseRedisIsKilledUnderLoad(t *testing.T) {
	r := redistest.Start(t)
	// A request that timed out because the machine is busy would be counted twice
	// without Redis having been killed; a killed one is noticed at once.
	patient := func(c *sharingSettings) { c.timeout = 10 * time.Minute }
	s := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 1 << 40}, patient)
	var sent atomic.Int64
	var rejected atomic.Int64
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
				if _, over := s.send(tenant.Logs, 10); over.Limit != None {
					rejected.Add(1)
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
	r.Kill()
	wait(true)
	r.Start()
	wait(false)
	close(quit)
	load.Wait()
	assert.Zero(t, rejected.Load())
	_, over := s.send(tenant.Logs, 10)
	require.Zero(t, over)
	used := s.Usages()["tenant-a"].DayRecords
	// A request that Redis took before it was killed, and whose answer was lost, is
	// counted by the gateway too, at most once for each that was under way. Each may
	// have synced what the others had counted without Redis.
	assert.InDelta(t, sent.Load()+10, used, 4*4*10)
}

// TestShared_LimitsEachGatewayToItsPartWithoutRedis needs no Redis.
func TestShared_LimitsEachGatewayToItsPartWithoutRedis(t *testing.T) {
	s := startSharing(t, "127.0.0.1:1", rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 100}), func(c *sharingSettings) { c.Gateways = 4 })
	s.now = func() time.Time { return noon }
	sent := 0
	for {
		_, over := s.send(tenant.Logs, 1)
		if over.Limit != None {
			assert.Equal(t, "over the limit of 100 log records per second", over.Text, "the configured limit, not the divided one")
			break
		}
		sent++
	}
	assert.Equal(t, 25, sent)
}

func TestShared_ConcurrentChargesOfManyGatewaysNeverExceedTheQuota(t *testing.T) {
	r := redistest.Start(t)
	limits := tenant.Limits{DailyRecords: 1000}
	var accepted atomic.Int64
	var work sync.WaitGroup
	for range 4 {
		s := startSharing(t, r.Addr, limits)
		for range 4 {
			work.Go(func() {
				for range 25 {
					if _, over := s.send(tenant.Logs, 7); over.Limit == None {
						accepted.Add(7)
					}
				}
			})
		}
	}
	work.Wait()
	assert.EqualValues(t, 994, accepted.Load())
}

// A gateway ends before it could sync what it has counted alone.
func TestShared_SyncsUnsyncedCountsAfterARestart(t *testing.T) {
	r := redistest.Start(t)
	limits := tenant.Limits{DailyRecords: 100}
	first := startSharing(t, r.Addr, limits)
	_, over := first.send(tenant.Logs, 40)
	require.Zero(t, over)
	first.shared.note(errPaused)
	first.shared.pauseUntil.Store(math.MaxInt64)
	_, over = first.send(tenant.Logs, 40)
	require.Zero(t, over)
	saved := first.LastUsages()

	second := startSharing(t, r.Addr, limits)
	second.Restore(saved)
	_, over = second.send(tenant.Logs, 1)
	require.Zero(t, over)
	other := startSharing(t, r.Addr, limits)
	_, over = other.send(tenant.Logs, 20)
	require.Equal(t, QuotaLimit, over.Limit, "81 are used")
	_, over = other.send(tenant.Logs, 19)
	require.Zero(t, over)

	third := startSharing(t, r.Addr, limits)
	third.Restore(second.LastUsages())
	third.send(tenant.Logs, 1)
	assert.EqualValues(t, 100, third.Usages()["tenant-a"].DayRecords, "it is synced once")
}

func TestShared_RejectsInvalidAnswers(t *testing.T) {
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

func TestPeek_UsesTheLastReportOfTheStore(t *testing.T) {
	r := redistest.Start(t)
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1})
	limits.Quotas[tenant.Traces].DailyRecords = 100
	s := startSharing(t, r.Addr, limits)
	now := s.now()
	s.now = func() time.Time { return now }
	peek := func(signal tenant.Signal, records, bytes int64) Excess {
		return s.Peek("tenant-a", s.limits, signal, records, bytes)
	}
	for _, tt := range []struct {
		signal  tenant.Signal
		records int
		want    string
	}{
		{tenant.Logs, 1000, "over the limit of 1 log records per second"},
		{tenant.Traces, 100, "over the daily quota of 100 spans"},
	} {
		require.Zero(t, peek(tt.signal, 0, 0))
		_, over := s.send(tt.signal, tt.records)
		require.Zero(t, over)
		require.Zero(t, peek(tt.signal, 1, 1), "the store has reported nothing yet")
		_, over = s.send(tt.signal, 1)
		require.Equal(t, tt.want, over.Text)
		require.Equal(t, tt.want, peek(tt.signal, 1, 1).Text)
		now = now.Add(maxRemembered)
		require.Zero(t, peek(tt.signal, 1, 1), "the store is asked again")
	}
	_, over := s.send(tenant.Traces, 1)
	require.NotZero(t, over)
	limits.Quotas[tenant.Traces].DailyRecords = 200
	s.limits = &limits
	require.Zero(t, peek(tenant.Traces, 1, 1), "a changed limit is asked for again")
}

func TestShared_AsksAgainForAQuotaThatIsNotUsedUp(t *testing.T) {
	r := redistest.Start(t)
	s := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100})
	_, over := s.send(tenant.Logs, 99)
	require.Zero(t, over)
	_, over = s.send(tenant.Logs, 2)
	require.NotZero(t, over)
	_, over = s.send(tenant.Logs, 1)
	require.Zero(t, over, "a smaller request fits")
}
