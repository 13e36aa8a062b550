// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
)

// maxSources bounds the sources of a key.
const maxSources = 8

// Key is the record of one key. It is safe for concurrent use. All methods of nil do
// nothing.
type Key struct {
	last atomic.Int64 // Unix time of the last use; 0: never

	mu      sync.Mutex
	first   time.Time
	sources []Source // at most maxSources, in no order
}

// Source is an address from which a key was used.
type Source struct {
	Address   netip.Addr `json:"address"` // of the client, behind proxies that are trusted
	UserAgent string     `json:"user_agent,omitempty"`
	First     time.Time  `json:"first_used"`
	Last      time.Time  `json:"last_used"`
}

// Use records that the key was accepted at now, to the second. Only the first request in a
// second updates the sources, so one of several clients with the same key may be missing for
// a while. Other requests cost one atomic load. client is the address of the client, behind
// proxies that are trusted; of headers only the user agent is kept.
func (k *Key) Use(now time.Time, client net.Addr, headers map[string][]string) {
	if k == nil {
		return
	}
	seconds := now.Unix()
	last := k.last.Load()
	if last >= seconds || !k.last.CompareAndSwap(last, seconds) {
		return
	}
	addr, agent := clientaddr.Of(client), userAgent(headers)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.first.IsZero() {
		k.first = now
	}
	k.source(addr, agent, now)
}

// userAgent returns the header of HTTP or gRPC.
func userAgent(headers map[string][]string) string {
	for _, name := range []string{"User-Agent", "user-agent"} {
		if values := headers[name]; len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// source updates the sources. A new one replaces that which was not used for longest.
func (k *Key) source(addr netip.Addr, agent string, now time.Time) {
	oldest := 0
	for i := range k.sources {
		s := &k.sources[i]
		if s.Address == addr && s.UserAgent == cut(agent, maxAgent) {
			s.Last = now
			return
		}
		if s.Last.Before(k.sources[oldest].Last) {
			oldest = i
		}
	}
	s := Source{Address: addr, UserAgent: clean(agent, maxAgent), First: now, Last: now}
	for i := range k.sources { // cleaning may have changed it
		if k.sources[i].Address == addr && k.sources[i].UserAgent == s.UserAgent {
			k.sources[i].Last = now
			return
		}
	}
	if len(k.sources) < maxSources {
		k.sources = append(k.sources, s)
		return
	}
	k.sources[oldest] = s
}

// Restore records a use that an earlier run has seen.
func (k *Key) Restore(last time.Time) {
	if k == nil || last.IsZero() {
		return
	}
	for {
		known := k.last.Load()
		if known >= last.Unix() || k.last.CompareAndSwap(known, last.Unix()) {
			return
		}
	}
}
