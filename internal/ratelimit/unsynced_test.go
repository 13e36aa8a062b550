// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit/redistest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// answered sends as charge does, and returns what Redis answered before its account
// agrees to it.
func (s *sharing) answered(t *testing.T, signal tenant.Signal, records int64) (*sharedCharge, answer) {
	c := &sharedCharge{
		mode: chargeModeCharge, tenant: "tenant-a", signal: signal, amount: amount{records, 10 * records}, terms: s.terms(s.limits),
	}
	got, err := s.call(context.Background(), s.account("tenant-a"), c, s.now())
	require.NoError(t, err)
	return c, got
}

// TestShared_AppliesAnswersInTheOrderOfRedis has a request wait for a processor
// with its answer while others pass it, and Redis then lose what it holds.
func TestShared_AppliesAnswersInTheOrderOfRedis(t *testing.T) {
	r := redistest.Start(t)
	limits := tenant.Limits{DailyRecords: 1000}
	limits.Quotas[tenant.Traces] = tenant.Quota{DailyRecords: 1000}
	s := startSharing(t, r.Addr, limits)
	s.shared.note(errPaused)
	_, over := s.send(tenant.Traces, 5) // the late one syncs it
	require.Zero(t, over)
	s.shared.note(nil)
	late, lateAnswer := s.answered(t, tenant.Traces, 10)
	for range 10 {
		_, over = s.send(tenant.Logs, 10)
		require.Zero(t, over)
	}
	s.account("tenant-a").reconcile(late, lateAnswer, s.now())
	used := s.Usages()["tenant-a"]
	assert.EqualValues(t, 115, used.DayRecords)
	assert.EqualValues(t, 15, used.DaySignals[tenant.Traces].Records, "of its own signal it is the newest")
	assert.EqualValues(t, 100, used.DaySignals[tenant.Logs].Records)

	r.Kill()
	r.Start()
	require.Eventually(t, func() bool {
		_, over := s.send(tenant.Logs, 1000)
		require.Equal(t, QuotaLimit, over.Limit)
		return !s.shared.failed.Load()
	}, 20*time.Second, 10*time.Millisecond)
	assert.Equal(t, used.DayRecords, s.Usages()["tenant-a"].DayRecords)
}

// TestShared_RestoresCountsThatRedisHasLost has a gateway ask first that has
// not asked for long.
func TestShared_RestoresCountsThatRedisHasLost(t *testing.T) {
	r := redistest.Start(t)
	limits := tenant.Limits{DailyRecords: 1000}
	idle, busy := startSharing(t, r.Addr, limits), startSharing(t, r.Addr, limits)
	_, over := idle.send(tenant.Logs, 10)
	require.Zero(t, over)
	for range 9 {
		_, over = busy.send(tenant.Logs, 100)
		require.Zero(t, over)
	}
	r.Kill()
	r.Start()
	for _, s := range []*sharing{idle, busy} {
		require.Eventually(t, func() bool { // connections to the one that was killed fail
			s.shared.pauseUntil.Store(0)
			_, over = s.send(tenant.Logs, 991)
			require.Equal(t, QuotaLimit, over.Limit)
			return !s.shared.failed.Load()
		}, 20*time.Second, 10*time.Millisecond)
	}
	_, over = idle.send(tenant.Logs, 91)
	assert.Equal(t, QuotaLimit, over.Limit, "910 are used")
	_, over = idle.send(tenant.Logs, 90)
	assert.Zero(t, over)
}

// TestShared_RestoresCountsThatAReplicaLacks has another signal be the
// first after the fail-over.
func TestShared_RestoresCountsThatAReplicaLacks(t *testing.T) {
	r := redistest.Start(t)
	limits := tenant.Limits{DailyRecords: 10_000}
	limits.Quotas[tenant.Traces] = tenant.Quota{DailyRecords: 1000}
	s := startSharing(t, r.Addr, limits)
	_, over := s.send(tenant.Traces, 100)
	require.Zero(t, over)
	failOver := r.Copy()
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
	assert.Equal(t, QuotaLimit, over.Limit, "900 of 1000 are used")
	used := s.Usages()["tenant-a"]
	assert.EqualValues(t, 940, used.DayRecords)
	assert.EqualValues(t, 900, used.DaySignals[tenant.Traces].Records)
}

// TestShared_DropsUnsyncedCountsOfTheDayBefore is away from Redis over midnight.
func TestShared_DropsUnsyncedCountsOfTheDayBefore(t *testing.T) {
	r := redistest.Start(t)
	s := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100, MonthlyRecords: 1000})
	var now atomic.Pointer[time.Time]
	at := func(to time.Time) { now.Store(&to) }
	s.now = func() time.Time { return *now.Load() }
	s.shared.now = s.now
	at(time.Date(2026, 5, 4, 23, 59, 59, 0, time.UTC))
	early, earlyAnswer := s.answered(t, tenant.Logs, 5)
	s.shared.note(errPaused)
	_, over := s.send(tenant.Logs, 80)
	require.Zero(t, over)

	at(now.Load().Add(2 * time.Second))
	s.shared.note(errPaused)
	_, over = s.send(tenant.Logs, 20)
	require.Zero(t, over)
	s.account("tenant-a").reconcile(early, earlyAnswer, s.now())
	assert.EqualValues(t, 20, s.Usages()["tenant-a"].DayRecords, "the answer is of the day before")
	other := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100, MonthlyRecords: 1000})
	other.now, other.shared.now = s.now, s.now
	_, over = other.send(tenant.Logs, 4) // Redis knows only this
	require.Zero(t, over)
	s.shared.note(nil)
	_, over = s.send(tenant.Logs, 70)
	require.Zero(t, over)
	used := s.Usages()["tenant-a"]
	assert.EqualValues(t, 94, used.DayRecords)
	assert.EqualValues(t, 179, used.MonthRecords, "of the month they are synced")
	_, over = other.send(tenant.Logs, 6)
	require.Zero(t, over)
	assert.EqualValues(t, 185, other.Usages()["tenant-a"].MonthRecords)
}

// TestShared_RefundAfterMidnightDoesNotCreditTheNewDay is away from Redis, or not, when a
// request of the day before is rejected later.
func TestShared_RefundAfterMidnightDoesNotCreditTheNewDay(t *testing.T) {
	for _, away := range []bool{false, true} {
		r := redistest.Start(t)
		s := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100, MonthlyRecords: 1000})
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
			s.shared.note(errPaused)
		}
		paid.Refund(context.Background())
		s.shared.note(nil)
		_, over = s.send(tenant.Logs, 41)
		require.Equal(t, QuotaLimit, over.Limit)
		_, over = s.send(tenant.Logs, 40)
		require.Zero(t, over)
		used := s.Usages()["tenant-a"]
		assert.EqualValues(t, 100, used.DayRecords)
		assert.EqualValues(t, 100, used.MonthRecords, "of the month it is taken")
	}
}

// TestShared_FailedSyncsStayUnsynced has a request fail that was to sync, and a
// refund that cannot be synced.
func TestShared_FailedSyncsStayUnsynced(t *testing.T) {
	r := redistest.Start(t)
	s, other := startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100}), startSharing(t, r.Addr, tenant.Limits{DailyRecords: 100})
	paid, over := s.send(tenant.Logs, 50)
	require.Zero(t, over)
	s.shared.note(errPaused)
	paid.Refund(context.Background())
	_, over = s.send(tenant.Logs, 60)
	require.Zero(t, over, "50 are given back here too")
	s.shared.note(nil)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	c := &sharedCharge{mode: chargeModeCharge, tenant: "tenant-a", signal: tenant.Logs, terms: s.terms(s.limits)}
	_, err := s.call(gone, s.account("tenant-a"), c, s.now())
	require.Error(t, err)
	_, over = s.send(tenant.Logs, 1)
	require.Zero(t, over)
	_, over = other.send(tenant.Logs, 1)
	require.Zero(t, over)
	assert.EqualValues(t, 62, other.Usages()["tenant-a"].DayRecords)
}
