// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
)

// failureWindow is the period in which the failures of a source are counted, and the
// minimum time between two log lines about one source.
const failureWindow = time.Minute

// sources counts requests without a valid key by source. It keeps a limited number of
// the most recent sources, so that a flood uses bounded memory. Requests with a valid
// key do not use it. It is safe for concurrent use.
type sources struct {
	limit int // failures of one source in a window; 0: no source is throttled

	mu     sync.Mutex
	recent *simplelru.LRU[netip.Prefix, *source]

	evicted        source // counts of evicted sources
	evictedSources int64  // evicted sources with counts for the audit log
}

// source is an IPv4 address or an IPv6 /64, which is what one caller typically has.
type source struct {
	window    time.Time // start of the current window
	failures  int       // in the current window
	logged    time.Time // when it was last logged
	unlogged  reasons   // since it was last logged
	unaudited reasons   // not in the audit log yet
}

// reasons counts rejected requests by decision.
type reasons [numDecisions]int64

func (r *reasons) add(other *reasons) {
	for d, n := range other {
		r[d] += n
	}
}

// total returns the sum of all reasons.
func (r *reasons) total() (n int64) {
	for _, of := range r {
		n += of
	}
	return n
}

// report contains the counts of one source since its previous report.
type report struct {
	source  netip.Prefix
	sources int64 // for the zero prefix in the audit log: the maximum number of sources
	reasons reasons
}

func newSources(cfg FailuresConfig) (*sources, error) {
	s := &sources{limit: cfg.PerMinute}
	recent, err := simplelru.NewLRU(cfg.MaxSources, func(_ netip.Prefix, evicted *source) {
		s.evicted.unlogged.add(&evicted.unlogged)
		if evicted.unaudited != (reasons{}) {
			s.evicted.unaudited.add(&evicted.unaudited)
			s.evictedSources++
		}
	})
	s.recent = recent
	return s, err
}

// failed counts a request from addr that was rejected with the decision d. It reports
// whether the source exceeds the limit in the current window. Requests with a known key
// are logged by key instead of by source.
func (s *sources) failed(addr net.Addr, d decision, known bool, now time.Time) (throttled bool) {
	at := prefixOf(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	from, ok := s.recent.Get(at)
	if !ok {
		from = &source{window: now}
		s.recent.Add(at, from)
	}
	if since := now.Sub(from.window); since >= failureWindow || since < 0 {
		from.window, from.failures = now, 0
	}
	from.failures++
	if !known {
		from.unlogged[d]++
	}
	from.unaudited[d]++
	return s.limit > 0 && from.failures > s.limit
}

// reports returns the sources to log now: at most the given number, each at most once
// per window, and the zero prefix for evicted sources. Other sources remain for the
// next call. If last is true, it includes recently logged sources and adds those above
// the limit to the zero prefix.
func (s *sources) reports(now time.Time, most int, last bool) (due []report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.recent.Keys() {
		from, _ := s.recent.Peek(at)
		switch {
		case from.unlogged == (reasons{}), !last && now.Sub(from.logged) < failureWindow:
			continue
		case len(due) < most:
			due = append(due, report{source: at, reasons: from.unlogged})
			from.logged, from.unlogged = now, reasons{}
		case last:
			s.evicted.unlogged.add(&from.unlogged)
			from.unlogged = reasons{}
		}
	}
	if s.evicted.unlogged != (reasons{}) && (last || now.Sub(s.evicted.logged) >= failureWindow) {
		due = append(due, report{reasons: s.evicted.unlogged})
		s.evicted.logged, s.evicted.unlogged = now, reasons{}
	}
	return due
}

// take returns the counts that are not in the audit log yet: a report for each of the
// sources with the most rejected requests, and one with the zero prefix for the others.
func (s *sources) take(most int) []report {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []report
	others := report{sources: s.evictedSources, reasons: s.evicted.unaudited}
	s.evictedSources, s.evicted.unaudited = 0, reasons{}
	for _, at := range s.recent.Keys() {
		from, _ := s.recent.Peek(at)
		switch {
		case from.unaudited == (reasons{}):
			continue
		case !at.IsValid():
			others.sources++
			others.reasons.add(&from.unaudited)
		default:
			all = append(all, report{source: at, reasons: from.unaudited})
		}
		from.unaudited = reasons{}
	}
	slices.SortFunc(all, func(a, b report) int {
		return cmp.Or(cmp.Compare(b.reasons.total(), a.reasons.total()), a.source.Addr().Compare(b.source.Addr()))
	})
	for len(all) > most {
		last := &all[len(all)-1]
		others.sources++
		others.reasons.add(&last.reasons)
		all = all[:len(all)-1]
	}
	if others.sources > 0 {
		all = append(all, others)
	}
	return all
}

// len returns the number of sources.
func (s *sources) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent.Len()
}

// prefixOf returns the source of addr. It is the zero prefix if addr is not an IP
// address, as for a Unix socket.
func prefixOf(addr net.Addr) netip.Prefix {
	ip := clientaddr.Of(addr)
	if !ip.IsValid() {
		return netip.Prefix{}
	}
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
