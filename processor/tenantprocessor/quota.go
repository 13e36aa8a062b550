package tenantprocessor

import (
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// usage is what a tenant has sent in the running day and month, over all signals
// and of each. Days and months are those of UTC.
type usage struct {
	Day          string    `json:"day"` // 2006-01-02
	DayRecords   int64     `json:"day_records,omitzero"`
	DayBytes     int64     `json:"day_bytes"`
	DaySignals   [3]counts `json:"day_signals,omitzero"`
	Month        string    `json:"month"` // 2006-01
	MonthRecords int64     `json:"month_records,omitzero"`
	MonthBytes   int64     `json:"month_bytes"`
	MonthSignals [3]counts `json:"month_signals,omitzero"`
	Owed         debtsOf   `json:"owed,omitzero"` // at the end of a gateway alone: what Redis was not told

	midnight               time.Time // when to look at the calendar again
	dayWarned, monthWarned warned
}

// counts is what one signal has sent.
type counts struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
}

// warned tells of what there was a warning: by signal, and last over all, of
// bytes and of records.
type warned [4][2]bool

// turn begins a new day or month if now is in one.
func (u *usage) turn(now time.Time) {
	if now.Before(u.midnight) {
		return
	}
	now = now.UTC()
	u.midnight = now.Add(untilTomorrow(now))
	if day := now.Format(time.DateOnly); day != u.Day {
		u.Day, u.DayRecords, u.DayBytes, u.DaySignals, u.dayWarned = day, 0, 0, [3]counts{}, warned{}
	}
	if month := now.Format("2006-01"); month != u.Month {
		u.Month, u.MonthRecords, u.MonthBytes, u.MonthSignals, u.monthWarned = month, 0, 0, [3]counts{}, warned{}
	}
}

// quota is one quota of a request with what has been used of it.
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

// numQuotas is how many quotas a request can be under.
const numQuotas = 2 * int(numQuotaKinds)

// quotas are those that a request of signal is under, the daily ones first and
// each in the order of their kinds. shared.lua has them in the same order.
func (u *usage) quotas(signal tenant.Signal, n amount, limits *tenant.Limits) [numQuotas]quota {
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

// name is the quota with its configured limit, as its tenant is told.
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

// excess is what a request that does not fit is told.
func (q *quota) excess(signal tenant.Signal, now time.Time) excess {
	wait := untilNextMonth(now)
	if q.daily {
		wait = untilTomorrow(now)
	}
	return excess{rejection.Quota, "over the " + q.name(signal), wait}
}

// share is the used part of what this gateway has of the quota.
func (q *quota) share(gateways int) float64 {
	return float64(*q.used) * float64(gateways) / float64(q.limit)
}

// add counts n of signal, or takes it back if it is negative, which never goes
// below what the running period has.
func (u *usage) add(signal tenant.Signal, n debt) {
	for _, q := range u.quotas(signal, amount{}, &tenant.Limits{}) {
		*q.used = max(0, *q.used+n.part(true, &q))
	}
}

// empty tells whether there is nothing to remember.
func (u *usage) empty() bool { return u.MonthBytes == 0 && u.MonthRecords == 0 }

func untilTomorrow(now time.Time) time.Duration {
	y, m, d := now.UTC().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC).Sub(now)
}

func untilNextMonth(now time.Time) time.Duration {
	y, m, _ := now.UTC().Date()
	return time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).Sub(now)
}
