// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"maps"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Reason is why accepted data was dropped.
type Reason uint8

// The reasons, and their names in metrics.
const (
	ReasonExpired         Reason = iota // older than MaxAge
	ReasonBatchRejected                 // rejected permanently and not kept as a dead letter
	ReasonRecordsRejected               // rejected record by record in an otherwise delivered batch
	ReasonUnreadable                    // damaged or missing in the store
	ReasonShutdown                      // in memory when the process ended
	ReasonLate                          // a delta point that its total may already include
	ReasonStreams                       // a delta point of a time series beyond the limit
	ReasonPoison                        // ended several processes, and could not be kept
	ReasonDuplicate                     // a delta point that its total includes
	ReasonFuture                        // a delta point with a time too far in the future
	ReasonInvalid                       // a delta point without a usable time, value or temporality
	ReasonOverflow                      // a delta point whose total would be out of range
	numReasons
)

var reasonNames = [numReasons]string{
	"expired", "refused", "rejected", "unreadable", "shutdown", "late_delta", "too_many_streams", "poison",
	"duplicate_delta", "future_delta", "invalid_delta", "overflow_delta",
}

// String returns the name used in metrics.
func (r Reason) String() string { return reasonNames[r] }

// State is what a lane does.
type State uint8

// The states, and their names in metrics.
const (
	StateIdle    State = iota // nothing to do, closes soon
	StateActive               // delivers
	StateWaiting              // its last attempt failed, or its target is not known
	StateOpen                 // its circuit breaker is open or half-open
	numStates
)

var stateNames = [numStates]string{"idle", "active", "waiting", "open"}

// String returns the name used in metrics.
func (s State) String() string { return stateNames[s] }

// StatsKey identifies statistics. Tenant is empty unless Settings.PerTenant is set.
type StatsKey struct {
	Tenant      tenant.ID
	Destination string
	Signal      tenant.Signal
}

// Stats count the records of lanes. At every moment
//
//	Accepted + Recovered = Delivered + QueuedRecords + sum of DeadLettered + sum of Dropped.
type Stats struct {
	Accepted, Recovered, Delivered int64
	Dropped                        [numReasons]int64
	QueuedRecords, QueuedBytes     int64
	Attempts                       map[string]int64 // by Result.Reason, "" for success
	DeadLettered                   map[string]int64 // by Result.Reason

	// These describe the open lanes. Only Observe sets them.
	Lanes    [numStates]int64
	Breakers [numBreakerStates]int64
	Oldest   time.Duration
}

func (st *Stats) dropped(r Reason, records int) { st.Dropped[r] += int64(records) }

func (st *Stats) attempt(res *Result) {
	if st.Attempts == nil {
		st.Attempts = make(map[string]int64, 1)
	}
	st.Attempts[res.Reason]++
}

func (st *Stats) deadLettered(reason string, records int) {
	if st.DeadLettered == nil {
		st.DeadLettered = make(map[string]int64, 1)
	}
	st.DeadLettered[reason] += int64(records)
}

func (s *Scheduler) statsOf(k Key) *Stats {
	sk := StatsKey{Destination: k.Destination, Signal: k.Signal}
	if s.PerTenant {
		sk.Tenant = k.Tenant
	}
	st := s.stats[sk]
	if st == nil {
		st = &Stats{}
		s.stats[sk] = st
	}
	return st
}

// Discard counts records that were accepted for the lane k and dropped before they were queued.
func (s *Scheduler) Discard(k Key, reason Reason, records int) {
	if records == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.statsOf(k)
	st.Accepted += int64(records)
	st.dropped(reason, records)
}

// Quarantine counts records that an earlier run left for the lane k and that are not queued, because
// they end the process. If kept is true, they are dead letters, otherwise they are dropped.
func (s *Scheduler) Quarantine(k Key, records int, kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.statsOf(k)
	st.Recovered += int64(records)
	if kept {
		st.deadLettered(ReasonPoison.String(), records)
	} else {
		st.dropped(ReasonPoison, records)
	}
}

// Observe returns a copy of all statistics.
func (s *Scheduler) Observe() map[StatsKey]Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[StatsKey]Stats, len(s.stats))
	byPointer := make(map[*Stats]StatsKey, len(s.stats))
	for k, st := range s.stats {
		c := *st
		c.Attempts, c.DeadLettered = maps.Clone(st.Attempts), maps.Clone(st.DeadLettered)
		out[k], byPointer[st] = c, k
	}
	now := time.Now()
	for _, l := range s.lanes {
		k := byPointer[l.stats]
		c := out[k]
		c.Lanes[l.state(now)]++
		c.Breakers[l.breaker.state(now)]++
		if at, ok := l.oldestHeld(); ok {
			c.Oldest = max(c.Oldest, now.Sub(at))
		}
		out[k] = c
	}
	return out
}

// Forget removes the statistics of tenants for which gone returns true and that have no open lane,
// so that the registry bounds the number of statistics.
func (s *Scheduler) Forget(gone func(tenant.ID) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := make(map[*Stats]bool, len(s.lanes))
	for _, l := range s.lanes {
		used[l.stats] = true
	}
	for k, st := range s.stats {
		if k.Tenant != "" && !used[st] && gone(k.Tenant) {
			delete(s.stats, k)
		}
	}
}
