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

// failureWindow is what failures are counted in before a source is throttled,
// and the least time between two lines of the log on one source.
const failureWindow = time.Minute

// sources remembers where requests without a valid key come from. It keeps the
// latest sources up to a number, so that a flood costs bounded memory. Requests
// with a valid key never touch it. It is safe for concurrent use.
type sources struct {
	limit int // failures of one source in a window; 0: no source is throttled

	mu     sync.Mutex
	recent *simplelru.LRU[netip.Prefix, *source]
	gone   source // what sources that had to make room left unsaid
	left   int64  // how many of them left something for the audit log
}

// source is one address, or one /64 of IPv6, since that is what one caller gets.
type source struct {
	window   time.Time // when the running window began
	failures int       // in it
	said     time.Time // when the log named it last
	unsaid   reasons   // since then
	unkept   reasons   // not in the audit log yet
}

// reasons counts refused requests.
type reasons [numDecisions]int64

func (r *reasons) add(other *reasons) {
	for d, n := range other {
		r[d] += n
	}
}

// total returns how many there are of all reasons.
func (r *reasons) total() (n int64) {
	for _, of := range r {
		n += of
	}
	return n
}

// report is what one source did since the report before.
type report struct {
	source  netip.Prefix
	sources int64 // of the audit's zero prefix: how many it stands for, at most
	reasons reasons
}

func newSources(cfg FailuresConfig) (*sources, error) {
	s := &sources{limit: cfg.PerMinute}
	recent, err := simplelru.NewLRU(cfg.MaxSources, func(_ netip.Prefix, evicted *source) {
		s.gone.unsaid.add(&evicted.unsaid)
		if evicted.unkept != (reasons{}) {
			s.gone.unkept.add(&evicted.unkept)
			s.left++
		}
	})
	s.recent = recent
	return s, err
}

// failed counts a request from addr that was refused as d. It tells whether addr
// has had more of them than the limit in this window. Of requests whose key is known
// the log has a line by that key.
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
		from.unsaid[d]++
	}
	from.unkept[d]++
	return s.limit > 0 && from.failures > s.limit
}

// reports takes what is to be said now: at most most sources, each at most once
// in a window, and the zero prefix for those that had to make room. The others
// wait for the next call. With last it takes from all, however lately they were
// said, and what is over most goes to the zero prefix.
func (s *sources) reports(now time.Time, most int, last bool) (due []report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.recent.Keys() {
		from, _ := s.recent.Peek(at)
		switch {
		case from.unsaid == (reasons{}), !last && now.Sub(from.said) < failureWindow:
			continue
		case len(due) < most:
			due = append(due, report{source: at, reasons: from.unsaid})
			from.said, from.unsaid = now, reasons{}
		case last:
			s.gone.unsaid.add(&from.unsaid)
			from.unsaid = reasons{}
		}
	}
	if s.gone.unsaid != (reasons{}) && (last || now.Sub(s.gone.said) >= failureWindow) {
		due = append(due, report{reasons: s.gone.unsaid})
		s.gone.said, s.gone.unsaid = now, reasons{}
	}
	return due
}

// take takes what the audit log does not have yet: the most sources that have had
// the most requests refused, and the others in one report with the zero prefix.
func (s *sources) take(most int) []report {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []report
	others := report{sources: s.left, reasons: s.gone.unkept}
	s.left, s.gone.unkept = 0, reasons{}
	for _, at := range s.recent.Keys() {
		from, _ := s.recent.Peek(at)
		switch {
		case from.unkept == (reasons{}):
			continue
		case !at.IsValid():
			others.sources++
			others.reasons.add(&from.unkept)
		default:
			all = append(all, report{source: at, reasons: from.unkept})
		}
		from.unkept = reasons{}
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

// len returns the number of sources that are remembered.
func (s *sources) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent.Len()
}

// prefixOf returns the zero prefix for what has no IP address, such as a socket
// of the file system.
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
