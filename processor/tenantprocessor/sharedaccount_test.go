package tenantprocessor

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// answered sends as charge does, and returns what Redis answered before its account
// agrees to it.
func (s *sharing) answered(t *testing.T, signal tenant.Signal, records int64) (*sharedCharge, answer) {
	c := &sharedCharge{
		mode: chargeModeCharge, tenant: "tenant-a", signal: signal, amount: amount{records, 10 * records}, terms: s.terms(s.owner.limits),
	}
	got, err := s.call(context.Background(), s.account("tenant-a"), c, s.now())
	require.NoError(t, err)
	return c, got
}

// TestShared_AnswersAreTakenOverInTheOrderOfRedis has a request wait for a processor
// with its answer while others pass it, and Redis then lose what it holds.
func TestShared_AnswersAreTakenOverInTheOrderOfRedis(t *testing.T) {
	r := startRedis(t)
	limits := tenant.Limits{DailyRecords: 1000}
	limits.Quotas[tenant.Traces] = tenant.Quota{DailyRecords: 1000}
	s := startSharing(t, r.addr, limits)
	s.shared.note(errRedisPaused)
	_, over := s.send(tenant.Traces, 5) // the late one tells of it
	require.Zero(t, over)
	s.shared.note(nil)
	late, lateAnswer := s.answered(t, tenant.Traces, 10)
	for range 10 {
		_, over = s.send(tenant.Logs, 10)
		require.Zero(t, over)
	}
	s.account("tenant-a").agree(late, lateAnswer, s.now())
	used := s.usages()["tenant-a"]
	assert.EqualValues(t, 115, used.DayRecords)
	assert.EqualValues(t, 15, used.DaySignals[tenant.Traces].Records, "of its own signal it is the newest")
	assert.EqualValues(t, 100, used.DaySignals[tenant.Logs].Records)

	r.kill()
	r.start()
	require.Eventually(t, func() bool {
		_, over := s.send(tenant.Logs, 1000)
		require.Equal(t, rejection.Quota, over.reason)
		return !s.shared.failed.Load()
	}, 20*time.Second, 10*time.Millisecond)
	assert.Equal(t, used.DayRecords, s.usages()["tenant-a"].DayRecords)
}

// TestShared_WhatRedisHasLostComesBackFromWhoKnowsIt has a gateway ask first that has
// not asked for long.
func TestShared_WhatRedisHasLostComesBackFromWhoKnowsIt(t *testing.T) {
	r := startRedis(t)
	limits := tenant.Limits{DailyRecords: 1000}
	idle, busy := startSharing(t, r.addr, limits), startSharing(t, r.addr, limits)
	_, over := idle.send(tenant.Logs, 10)
	require.Zero(t, over)
	for range 9 {
		_, over = busy.send(tenant.Logs, 100)
		require.Zero(t, over)
	}
	r.kill()
	r.start()
	for _, s := range []*sharing{idle, busy} {
		require.Eventually(t, func() bool { // connections to the one that was killed fail
			s.shared.pauseUntil.Store(0)
			_, over = s.send(tenant.Logs, 991)
			require.Equal(t, rejection.Quota, over.reason)
			return !s.shared.failed.Load()
		}, 20*time.Second, 10*time.Millisecond)
	}
	_, over = idle.send(tenant.Logs, 91)
	assert.Equal(t, rejection.Quota, over.reason, "910 are used")
	_, over = idle.send(tenant.Logs, 90)
	assert.Zero(t, over)
}

// TestShared_WhatAReplicaLagsBehindComesBackForEachSignal has another signal be the
// first after the fail-over.
func TestShared_WhatAReplicaLagsBehindComesBackForEachSignal(t *testing.T) {
	r := startRedis(t)
	limits := tenant.Limits{DailyRecords: 10_000}
	limits.Quotas[tenant.Traces] = tenant.Quota{DailyRecords: 1000}
	s := startSharing(t, r.addr, limits)
	_, over := s.send(tenant.Traces, 100)
	require.Zero(t, over)
	failOver := r.copy()
	_, over = s.send(tenant.Traces, 800)
	require.Zero(t, over)
	_, over = s.send(tenant.Logs, 10)
	require.Zero(t, over)
	failOver()
	for range 3 {
		_, over = s.send(tenant.Logs, 10)
		require.Zero(t, over)
	}
	_, over = s.send(tenant.Traces, 101)
	assert.Equal(t, rejection.Quota, over.reason, "900 of 1000 are used")
	used := s.usages()["tenant-a"]
	assert.EqualValues(t, 940, used.DayRecords)
	assert.EqualValues(t, 900, used.DaySignals[tenant.Traces].Records)
}

// TestShared_DebtsOfADayAreNotToldTheNext is away from Redis over midnight.
func TestShared_DebtsOfADayAreNotToldTheNext(t *testing.T) {
	r := startRedis(t)
	s := startSharing(t, r.addr, tenant.Limits{DailyRecords: 100, MonthlyRecords: 1000})
	var now atomic.Pointer[time.Time]
	at := func(to time.Time) { now.Store(&to) }
	s.now = func() time.Time { return *now.Load() }
	s.shared.now = s.now
	at(time.Date(2026, 5, 4, 23, 59, 59, 0, time.UTC))
	before, beforeAnswer := s.answered(t, tenant.Logs, 5)
	s.shared.note(errRedisPaused)
	_, over := s.send(tenant.Logs, 80)
	require.Zero(t, over)

	at(now.Load().Add(2 * time.Second))
	s.shared.note(errRedisPaused)
	_, over = s.send(tenant.Logs, 20)
	require.Zero(t, over)
	s.account("tenant-a").agree(before, beforeAnswer, s.now())
	assert.EqualValues(t, 20, s.usages()["tenant-a"].DayRecords, "the answer is of the day before")
	other := startSharing(t, r.addr, tenant.Limits{DailyRecords: 100, MonthlyRecords: 1000})
	other.now, other.shared.now = s.now, s.now
	_, over = other.send(tenant.Logs, 4) // Redis knows of the day, and is told of it only
	require.Zero(t, over)
	s.shared.note(nil)
	_, over = s.send(tenant.Logs, 70)
	require.Zero(t, over)
	used := s.usages()["tenant-a"]
	assert.EqualValues(t, 94, used.DayRecords)
	assert.EqualValues(t, 179, used.MonthRecords, "of the month they are told")
	_, over = other.send(tenant.Logs, 6)
	require.Zero(t, over)
	assert.EqualValues(t, 185, other.usages()["tenant-a"].MonthRecords)
}

// TestShared_ARefundOfYesterdayIsNoCreditForToday is away from Redis, or not, when a
// request of the day before is refused further on.
func TestShared_ARefundOfYesterdayIsNoCreditForToday(t *testing.T) {
	for _, away := range []bool{false, true} {
		r := startRedis(t)
		s := startSharing(t, r.addr, tenant.Limits{DailyRecords: 100, MonthlyRecords: 1000})
		var now atomic.Pointer[time.Time]
		at := func(to time.Time) { now.Store(&to) }
		s.now = func() time.Time { return *now.Load() }
		s.shared.now = s.now
		at(time.Date(2026, 5, 4, 23, 59, 59, 0, time.UTC))
		paid, over := s.send(tenant.Logs, 50)
		require.Zero(t, over)
		at(now.Load().Add(2 * time.Second))
		_, over = s.send(tenant.Logs, 60)
		require.Zero(t, over)
		if away {
			s.shared.note(errRedisPaused)
		}
		paid.refund(context.Background())
		s.shared.note(nil)
		_, over = s.send(tenant.Logs, 41)
		require.Equal(t, rejection.Quota, over.reason)
		_, over = s.send(tenant.Logs, 40)
		require.Zero(t, over)
		used := s.usages()["tenant-a"]
		assert.EqualValues(t, 100, used.DayRecords)
		assert.EqualValues(t, 100, used.MonthRecords, "of the month it is taken")
	}
}

// TestShared_WhatCannotBeToldStaysOwed has a request fail that was to tell Redis, and a
// refund that Redis cannot be told of.
func TestShared_WhatCannotBeToldStaysOwed(t *testing.T) {
	r := startRedis(t)
	s, other := startSharing(t, r.addr, tenant.Limits{DailyRecords: 100}), startSharing(t, r.addr, tenant.Limits{DailyRecords: 100})
	paid, over := s.send(tenant.Logs, 50)
	require.Zero(t, over)
	s.shared.note(errRedisPaused)
	paid.refund(context.Background())
	_, over = s.send(tenant.Logs, 60)
	require.Zero(t, over, "50 are given back here too")
	s.shared.note(nil)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	c := &sharedCharge{mode: chargeModeCharge, tenant: "tenant-a", signal: tenant.Logs, terms: s.terms(s.owner.limits)}
	_, err := s.call(gone, s.account("tenant-a"), c, s.now())
	require.Error(t, err)
	_, over = s.send(tenant.Logs, 1)
	require.Zero(t, over)
	_, over = other.send(tenant.Logs, 1)
	require.Zero(t, over)
	assert.EqualValues(t, 62, other.usages()["tenant-a"].DayRecords)
}
