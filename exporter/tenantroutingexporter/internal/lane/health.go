// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Health returns a summary of all lanes.
func (s *Scheduler) Health() healthboard.Lanes {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := healthboard.Lanes{QueuedBytes: s.total, MaxBytes: s.MaxTotalBytes}
	now := time.Now()
	var states [numStates]int
	for _, l := range s.lanes {
		states[l.state(now)]++
		breaker := l.breaker.state(now)
		if breaker == BreakerHalfOpen {
			h.HalfOpen++
		}
		if l.bytes > s.MaxBytes-s.MaxBytes/20 {
			h.Full++
		}
		h.Fullest = max(h.Fullest, float64(l.bytes)/float64(s.MaxBytes))
		if l.unexpected {
			h.NotOTLP++
		}
		var oldest time.Duration
		if at, ok := l.oldestHeld(); ok {
			oldest = now.Sub(at)
		}
		h.Oldest = max(h.Oldest, oldest)
		if l.breaker.failing() && l.answer != nil {
			h.Failing = addFailure(h.Failing, healthboard.LaneFailure{
				Tenant: l.key.Tenant, Destination: l.key.Destination, Signal: l.key.Signal,
				Open: breaker != BreakerClosed, HalfOpen: breaker == BreakerHalfOpen, Failures: l.breaker.failures, For: now.Sub(l.breaker.since),
				Oldest: oldest, Answer: *l.answer,
			})
		}
	}
	h.Idle, h.Active, h.Waiting, h.Open = states[StateIdle], states[StateActive], states[StateWaiting], states[StateOpen]
	return h
}

// Activity returns the lanes of a tenant, or of all tenants if id is empty, for which want
// returns true, in no order and at most limit.
func (s *Scheduler) Activity(id tenant.ID, limit int, want func(failing bool) bool) []activity.Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var all []activity.Lane
	for k, l := range s.lanes {
		if len(all) >= limit {
			break
		}
		if (id == "" || k.Tenant == id) && want(l.breaker.failing()) {
			all = append(all, s.activity(l, now))
		}
	}
	return all
}

func (s *Scheduler) activity(l *lane, now time.Time) activity.Lane {
	out := activity.Lane{
		Tenant: l.key.Tenant, Destination: l.key.Destination, Signal: l.key.Signal.String(), State: l.state(now).String(),
		QueuedBytes: l.bytes, MaxBytes: s.MaxBytes, LastDelivered: shownTime(l.delivered),
	}
	if at, ok := l.oldestHeld(); ok {
		out.Oldest = shownTime(at)
	}
	if !l.breaker.failing() {
		return out
	}
	out.Failures, out.FailingSince, out.NextAttempt = l.breaker.failures, shownTime(l.breaker.since), shownTime(l.breaker.retryAt)
	if a := l.answer; a != nil {
		out.LastAnswer = &activity.Answer{Time: a.At.UTC(), Class: string(a.Class), Reason: a.Reason, Status: a.Status, Text: a.Text, URL: a.URL}
	}
	return out
}

// shownTime returns nil for the zero time.
func shownTime(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// AnswerOf returns what health shows of a result that is not a success.
func AnswerOf(r *Result, now time.Time) *healthboard.LaneAnswer { return r.answer(now) }

// Tenants returns the tenants that have open lanes.
func (s *Scheduler) Tenants() map[tenant.ID]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[tenant.ID]bool)
	for k := range s.lanes {
		all[k.Tenant] = true
	}
	return all
}

// addFailure inserts f into list: the longest failure first, at most MaxLaneFailures.
func addFailure(list []healthboard.LaneFailure, f healthboard.LaneFailure) []healthboard.LaneFailure {
	at, _ := slices.BinarySearchFunc(list, f, func(a, b healthboard.LaneFailure) int {
		return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Signal, b.Signal))
	})
	if at == healthboard.MaxLaneFailures {
		return list
	}
	list = slices.Insert(list, at, f)
	return list[:min(len(list), healthboard.MaxLaneFailures)]
}

// answer returns what health shows of a failed attempt.
func (r *Result) answer(now time.Time) *healthboard.LaneAnswer {
	a := &healthboard.LaneAnswer{At: now, Class: cmp.Or(r.Class, healthboard.AnswerLocal), Reason: r.Reason, Status: r.Status, URL: r.URL}
	if r.Err != nil {
		a.Text = r.Err.Error()
	}
	if len(a.Text) > healthboard.MaxAnswerText {
		a.Text = strings.ToValidUTF8(a.Text[:healthboard.MaxAnswerText-len("…")], "") + "…"
	}
	return a
}
