// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func under(limits tenant.Limits) terms {
	return terms{limits: &limits, burst: time.Second, warnAt: 0.8, rateGateways: 1, quotaGateways: 1}
}

func rateOf(signal tenant.Signal, rate tenant.Rate) (limits tenant.Limits) {
	limits.Rates[signal] = rate
	return limits
}

func quotaOf(signal tenant.Signal, quota tenant.Quota) (limits tenant.Limits) {
	limits.Quotas[signal] = quota
	return limits
}

func TestAccount_NamesTheLimitThatIsExceeded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		signal tenant.Signal
		limits tenant.Limits
		want   Excess
	}{
		{
			"log records", tenant.Logs, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10}),
			Excess{RateLimit, "over the limit of 10 log records per second", 9 * time.Second},
		},
		{
			"data points", tenant.Metrics, rateOf(tenant.Metrics, tenant.Rate{RecordsPerSecond: 50}),
			Excess{RateLimit, "over the limit of 50 data points per second", time.Second},
		},
		{
			"spans", tenant.Traces, rateOf(tenant.Traces, tenant.Rate{RecordsPerSecond: 20}),
			Excess{RateLimit, "over the limit of 20 spans per second", 4 * time.Second},
		},
		{
			"bytes", tenant.Logs, rateOf(tenant.Logs, tenant.Rate{BytesPerSecond: 1 << 10}),
			Excess{RateLimit, "over the limit of 1KiB of logs per second", 9 * time.Second},
		},
		{
			"the longer of two", tenant.Logs, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 50, BytesPerSecond: 1 << 10}),
			Excess{RateLimit, "over the limit of 1KiB of logs per second", 9 * time.Second},
		},
		{
			"the longer of two, the first", tenant.Logs, rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10, BytesPerSecond: 5 << 10}),
			Excess{RateLimit, "over the limit of 10 log records per second", 9 * time.Second},
		},
		{
			"daily quota", tenant.Logs,
			tenant.Limits{DailyBytes: 15 << 10},
			Excess{QuotaLimit, "over the daily quota of 15KiB", 12 * time.Hour},
		},
		{
			"monthly quota", tenant.Traces,
			tenant.Limits{MonthlyBytes: 15 << 10, DailyBytes: 15 << 10},
			Excess{QuotaLimit, "over the monthly quota of 15KiB", (30*24 + 12) * time.Hour},
		},
		{
			"daily quota of records", tenant.Metrics,
			tenant.Limits{DailyRecords: 150},
			Excess{QuotaLimit, "over the daily quota of 150 records", 12 * time.Hour},
		},
		{
			"monthly quota of records", tenant.Logs,
			tenant.Limits{MonthlyRecords: 150},
			Excess{QuotaLimit, "over the monthly quota of 150 records", (30*24 + 12) * time.Hour},
		},
		{
			"daily quota of a signal", tenant.Logs,
			quotaOf(tenant.Logs, tenant.Quota{DailyBytes: 15 << 10}),
			Excess{QuotaLimit, "over the daily quota of 15KiB of logs", 12 * time.Hour},
		},
		{
			"daily quota of a signal's records", tenant.Traces,
			quotaOf(tenant.Traces, tenant.Quota{DailyRecords: 150}),
			Excess{QuotaLimit, "over the daily quota of 150 spans", 12 * time.Hour},
		},
		{
			"monthly quota of a signal", tenant.Metrics,
			quotaOf(tenant.Metrics, tenant.Quota{MonthlyBytes: 15 << 10, MonthlyRecords: 1000}),
			Excess{QuotaLimit, "over the monthly quota of 15KiB of metrics", (30*24 + 12) * time.Hour},
		},
		{
			"monthly quota of a signal's records", tenant.Metrics,
			quotaOf(tenant.Metrics, tenant.Quota{MonthlyRecords: 150}),
			Excess{QuotaLimit, "over the monthly quota of 150 data points", (30*24 + 12) * time.Hour},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a account
			n := amount{records: 100, bytes: 10 << 10}
			over, _ := a.charge(tt.signal, n, under(tt.limits), noon)
			require.Zero(t, over, "the first passes, larger than the burst or not")
			before := a.usage
			for range 2 {
				assert.Equal(t, tt.want, a.peek(tt.signal, n, under(tt.limits), noon))
			}
			assert.Equal(t, before, a.usage, "to look changes nothing")
			assert.Zero(t, a.peek(tt.signal, n, under(tt.limits), noon.Add(tt.want.Wait+time.Millisecond)))
			over, _ = a.charge(tt.signal, n, under(tt.limits), noon)
			assert.Equal(t, tt.want, over)
			over, _ = a.charge(tt.signal, n, under(tt.limits), noon.Add(tt.want.Wait+time.Millisecond))
			assert.Zero(t, over, "it passes when the time has come")
		})
	}
}

func TestAccount_SignalsHaveTheirOwnRatesAndShareTheQuota(t *testing.T) {
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 1})
	limits.DailyBytes = 250
	var a account
	for range 2 {
		over, _ := a.charge(tenant.Metrics, amount{100, 100}, under(limits), noon)
		require.Zero(t, over)
	}
	over, _ := a.charge(tenant.Logs, amount{1, 50}, under(limits), noon)
	require.Zero(t, over)
	over, _ = a.charge(tenant.Traces, amount{1, 1}, under(limits), noon)
	assert.Equal(t, QuotaLimit, over.Limit)
}

func TestAccount_SignalsHaveTheirOwnQuotas(t *testing.T) {
	limits := quotaOf(tenant.Logs, tenant.Quota{DailyRecords: 10})
	var a account
	for range 10 {
		over, _ := a.charge(tenant.Traces, amount{100, 100}, under(limits), noon)
		require.Zero(t, over)
	}
	over, _ := a.charge(tenant.Logs, amount{10, 10}, under(limits), noon)
	require.Zero(t, over)
	over, _ = a.charge(tenant.Logs, amount{1, 1}, under(limits), noon)
	assert.Equal(t, "over the daily quota of 10 log records", over.Text)
}

func TestAccount_DividesLimitsAmongGatewaysAndNamesTheWhole(t *testing.T) {
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10})
	limits.DailyRecords = 42
	divided := under(limits)
	divided.rateGateways, divided.quotaGateways, divided.burst = 4, 4, 4*time.Second
	var a account
	over, _ := a.charge(tenant.Traces, amount{records: 11}, divided, noon)
	require.Equal(t, "over the daily quota of 42 records", over.Text, "a quarter of it is 10.5")
	over, warnings := a.charge(tenant.Traces, amount{records: 10}, divided, noon)
	require.Zero(t, over)
	require.Equal(t, []string{"95 % of the daily quota of 42 records is used"}, warnings)

	divided.limits.DailyRecords = 0
	for range 10 {
		over, _ = a.charge(tenant.Logs, amount{records: 1}, divided, noon)
		require.Zero(t, over)
	}
	over, _ = a.charge(tenant.Logs, amount{records: 1}, divided, noon)
	require.Equal(t, "over the limit of 10 log records per second", over.Text)
	over, _ = a.charge(tenant.Logs, amount{records: 1}, divided, noon.Add(time.Second/3))
	require.Zero(t, over, "2.5 in a second")
	over, _ = a.charge(tenant.Logs, amount{records: 1}, divided, noon.Add(time.Second/3))
	require.NotZero(t, over)
}

func TestAccount_ChargesAllLimitsOrNone(t *testing.T) {
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10, BytesPerSecond: 1000})
	limits.DailyBytes = 1000
	var a account
	over, _ := a.charge(tenant.Logs, amount{5, 900}, under(limits), noon)
	require.Zero(t, over)
	records, bytes, used := a.records, a.bytes, a.usage
	over, _ = a.charge(tenant.Logs, amount{1, 101}, under(limits), noon)
	require.Equal(t, QuotaLimit, over.Limit)
	assert.Equal(t, records, a.records)
	assert.Equal(t, bytes, a.bytes)
	assert.Equal(t, used, a.usage)
}

func TestAccount_RefundsRejectedRecords(t *testing.T) {
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10})
	limits.DailyBytes = 100
	var a account
	for range 50 {
		over, _ := a.charge(tenant.Logs, amount{10, 100}, under(limits), noon)
		require.Zero(t, over)
		a.refund(tenant.Logs, amount{10, 100}, under(limits), noon)
	}
	assert.Zero(t, a.use(noon).DayBytes)
}

func TestAccount_RefundAfterMidnightDoesNotCreditTheNewDay(t *testing.T) {
	limits := tenant.Limits{DailyBytes: 100}
	var a account
	over, _ := a.charge(tenant.Logs, amount{1, 100}, under(limits), noon)
	require.Zero(t, over)
	tomorrow := noon.Add(24 * time.Hour)
	over, _ = a.charge(tenant.Logs, amount{1, 60}, under(limits), tomorrow)
	require.Zero(t, over)
	a.refund(tenant.Logs, amount{1, 100}, under(limits), noon)
	assert.EqualValues(t, 60, a.use(tomorrow).DayBytes)
	assert.EqualValues(t, 60, a.use(tomorrow).MonthBytes)
}

func TestAccount_QuotasFollowTheCalendar(t *testing.T) {
	limits := tenant.Limits{DailyBytes: 100, MonthlyBytes: 150}
	at := func(day, hour int) time.Time { return time.Date(2026, 5, day, hour, 0, 0, 0, time.UTC) }
	var a account
	over, _ := a.charge(tenant.Logs, amount{1, 100}, under(limits), at(30, 23))
	require.Zero(t, over)
	over, _ = a.charge(tenant.Logs, amount{1, 1}, under(limits), at(30, 23))
	require.Equal(t, time.Hour, over.Wait)
	over, _ = a.charge(tenant.Logs, amount{1, 50}, under(limits), at(31, 0))
	require.Zero(t, over, "a new day")
	over, _ = a.charge(tenant.Logs, amount{1, 1}, under(limits), at(31, 1))
	require.Equal(t, Excess{QuotaLimit, "over the monthly quota of 150 B", 23 * time.Hour}, over)
	over, _ = a.charge(tenant.Logs, amount{1, 100}, under(limits), at(32, 0))
	assert.Zero(t, over, "a new month")
	zoned := at(32, 23).In(time.FixedZone("east", 14*3600))
	over, _ = a.charge(tenant.Logs, amount{1, 1}, under(limits), zoned)
	assert.Equal(t, QuotaLimit, over.Limit, "days are UTC's, whatever the clock's zone")
}

func TestAccount_WarnsOnceInEachPeriod(t *testing.T) {
	limits := tenant.Limits{DailyBytes: 100, MonthlyBytes: 200}
	var a account
	var given []string
	for _, now := range []time.Time{noon, noon, noon, noon.Add(24 * time.Hour), noon.Add(24 * time.Hour)} {
		_, warnings := a.charge(tenant.Logs, amount{1, 40}, under(limits), now)
		given = append(given, warnings...)
	}
	assert.Equal(t, []string{
		"80 % of the daily quota of 100 B is used",
		"80 % of the daily quota of 100 B is used",
		"80 % of the monthly quota of 200 B is used",
	}, given)
}

func TestAccount_ForcedChargesCountTowardsQuotasAndLeaveRatesAlone(t *testing.T) {
	limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 10})
	limits.DailyBytes = 100
	forced := under(limits)
	forced.force = true
	var a account
	for range 100 {
		_, _ = a.charge(tenant.Logs, amount{10, 100}, forced, noon)
	}
	assert.EqualValues(t, 10_000, a.use(noon).DayBytes)
	assert.GreaterOrEqual(t, a.records[tenant.Logs].balance, -10.0)
}

func TestAccount_ConcurrentChargesNeverExceedTheQuota(t *testing.T) {
	limits := tenant.Limits{DailyBytes: 1000}
	var a account
	var passedBytes atomic.Int64
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 100 {
				if over, _ := a.charge(tenant.Logs, amount{1, 7}, under(limits), noon); over.Limit == None {
					passedBytes.Add(7)
				}
			}
		})
	}
	work.Wait()
	assert.EqualValues(t, 994, passedBytes.Load())
	assert.EqualValues(t, 994, a.use(noon).DayBytes)
}
