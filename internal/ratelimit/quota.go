// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Usage is what a tenant has sent in the running day and month of UTC, over all signals
// and by signal. Its JSON form is what survives a restart.
type Usage struct {
	Day          string    `json:"day"` // 2006-01-02
	DayRecords   int64     `json:"day_records,omitzero"`
	DayBytes     int64     `json:"day_bytes"`
	DaySignals   [3]Counts `json:"day_signals,omitzero"`
	Month        string    `json:"month"` // 2006-01
	MonthRecords int64     `json:"month_records,omitzero"`
	MonthBytes   int64     `json:"month_bytes"`
	MonthSignals [3]Counts `json:"month_signals,omitzero"`

	// Unsynced is what the shared store does not know. Only LastUsages sets it.
	// words: allow "owed": the name that earlier versions store.
	Unsynced Unsynced `json:"owed,omitzero"`

	midnight               time.Time // when to check the calendar again
	dayWarned, monthWarned warned
}

// Equal reports whether u and v are saved alike.
func (u Usage) Equal(v Usage) bool {
	return u.Day == v.Day && u.DayBytes == v.DayBytes && u.DayRecords == v.DayRecords && u.DaySignals == v.DaySignals &&
		u.Month == v.Month && u.MonthBytes == v.MonthBytes && u.MonthRecords == v.MonthRecords && u.MonthSignals == v.MonthSignals &&
		u.Unsynced == v.Unsynced
}

// Counts is what one signal has sent.
type Counts struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
}

// warned records which warnings were given: by signal, and last over all signals, of
// bytes and of records.
type warned [4][2]bool

// rollOver begins a new day or month if now is in one.
func (u *Usage) rollOver(now time.Time) {
	if now.Before(u.midnight) {
		return
	}
	now = now.UTC()
	u.midnight = now.Add(untilTomorrow(now))
	if day := now.Format(time.DateOnly); day != u.Day {
		u.Day, u.DayRecords, u.DayBytes, u.DaySignals, u.dayWarned = day, 0, 0, [3]Counts{}, warned{}
	}
	if month := now.Format("2006-01"); month != u.Month {
		u.Month, u.MonthRecords, u.MonthBytes, u.MonthSignals, u.monthWarned = month, 0, 0, [3]Counts{}, warned{}
	}
}

// quota is one quota of a request, with its used part.
type quota struct {
	limit  int64 // 0: none
	used   *int64
	cost   int64
	warned *bool
	daily  bool
	what   quotaKind
}

type quotaKind uint8

const (
	totalBytes quotaKind = iota
	totalRecords
	signalBytes
	signalRecords
	numQuotaKinds
)

// numQuotas is the number of quotas that apply to a request.
const numQuotas = 2 * int(numQuotaKinds)

// quotas returns those that apply to a request of signal, the daily ones first and each
// in the order of their kinds. shared.lua has them in the same order.
func (u *Usage) quotas(signal tenant.Signal, n amount, limits *tenant.Limits) [numQuotas]quota {
	const all = 3
	total, own := limits.Total(), limits.Quotas[signal]
	day, month := &u.DaySignals[signal], &u.MonthSignals[signal]
	return [numQuotas]quota{
		{total.DailyBytes, &u.DayBytes, n.bytes, &u.dayWarned[all][0], true, totalBytes},
		{total.DailyRecords, &u.DayRecords, n.records, &u.dayWarned[all][1], true, totalRecords},
		{own.DailyBytes, &day.Bytes, n.bytes, &u.dayWarned[signal][0], true, signalBytes},
		{own.DailyRecords, &day.Records, n.records, &u.dayWarned[signal][1], true, signalRecords},
		{total.MonthlyBytes, &u.MonthBytes, n.bytes, &u.monthWarned[all][0], false, totalBytes},
		{total.MonthlyRecords, &u.MonthRecords, n.records, &u.monthWarned[all][1], false, totalRecords},
		{own.MonthlyBytes, &month.Bytes, n.bytes, &u.monthWarned[signal][0], false, signalBytes},
		{own.MonthlyRecords, &month.Records, n.records, &u.monthWarned[signal][1], false, signalRecords},
	}
}

// name returns the quota with its configured limit, for its tenant.
func (q *quota) name(signal tenant.Signal) string {
	period := "monthly"
	if q.daily {
		period = "daily"
	}
	switch q.what {
	case totalRecords:
		return fmt.Sprintf("%s quota of %d records", period, q.limit)
	case signalBytes:
		return fmt.Sprintf("%s quota of %s of %s", period, sizeText(q.limit), signal)
	case signalRecords:
		return fmt.Sprintf("%s quota of %d %s", period, q.limit, nouns[signal])
	}
	return fmt.Sprintf("%s quota of %s", period, sizeText(q.limit))
}

// excess returns the Excess of a request that does not fit.
func (q *quota) excess(signal tenant.Signal, now time.Time) Excess {
	wait := untilNextMonth(now)
	if q.daily {
		wait = untilTomorrow(now)
	}
	return Excess{QuotaLimit, "over the " + q.name(signal), wait}
}

// share returns the used part of this gateway's part of the quota.
func (q *quota) share(gateways int) float64 {
	return float64(*q.used) * float64(gateways) / float64(q.limit)
}

// add counts n of signal, or takes it back if it is negative. No count becomes negative.
func (u *Usage) add(signal tenant.Signal, n periods) {
	for _, q := range u.quotas(signal, amount{}, &tenant.Limits{}) {
		*q.used = max(0, *q.used+n.part(true, &q))
	}
}

// empty reports whether there is nothing to save.
func (u *Usage) empty() bool { return u.MonthBytes == 0 && u.MonthRecords == 0 }

// total reports whether q is over all signals.
func (q *quota) total() bool { return q.what == totalBytes || q.what == totalRecords }

// inBytes reports whether q counts bytes.
func (q *quota) inBytes() bool { return q.what == totalBytes || q.what == signalBytes }

func untilTomorrow(now time.Time) time.Duration {
	y, m, d := now.UTC().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC).Sub(now)
}

func untilNextMonth(now time.Time) time.Duration {
	y, m, _ := now.UTC().Date()
	return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).Sub(now)
}
