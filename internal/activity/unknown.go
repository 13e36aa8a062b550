// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

const (
	// maxUnknown bounds the sources of requests without a key of the registry.
	maxUnknown = 64

	// maxUnknownReasons bounds the reasons of one of them.
	maxUnknownReasons = 8

	// maxRecent bounds the times in Unknown.Recent.
	maxRecent = 3
)

// Unknown is a source of requests that have no key of the registry: an IPv4 address, or the
// /64 of an IPv6 address.
type Unknown struct {
	Source  string           `json:"source"`
	Count   int64            `json:"requests"`
	Reasons map[string]int64 `json:"reasons"`
	First   time.Time        `json:"first"`
	Last    time.Time        `json:"last"`
	Example Example          `json:"example"`
	Recent  []time.Time      `json:"recent"` // the times of at most the last three requests, the latest last
}

// unknowns are the most recent sources. It is safe for concurrent use.
type unknowns struct {
	mu     sync.Mutex
	recent *simplelru.LRU[string, *Unknown]
}

func newUnknowns() *unknowns {
	recent, err := simplelru.NewLRU[string, *Unknown](maxUnknown, nil)
	if err != nil {
		panic(err) // the size is positive
	}
	return &unknowns{recent: recent}
}

// add counts a request.
func (u *unknowns) add(of *rejection.Rejected, now time.Time) {
	source := networkOf(clientaddr.Of(of.Client))
	u.mu.Lock()
	defer u.mu.Unlock()
	from, ok := u.recent.Get(source)
	if !ok {
		from = &Unknown{Source: source, First: now, Reasons: make(map[string]int64, 1)}
		u.recent.Add(source, from)
	}
	from.Count++
	if len(from.Recent) == maxRecent {
		copy(from.Recent, from.Recent[1:])
		from.Recent = from.Recent[:maxRecent-1]
	}
	from.Recent = append(from.Recent, now)
	if _, ok := from.Reasons[of.Reason]; ok || len(from.Reasons) < maxUnknownReasons {
		from.Reasons[of.Reason]++
	}
	if now.Sub(from.Last) >= exampleInterval || now.Before(from.Last) {
		from.Last, from.Example = now, exampleOf(of)
	}
}

// list returns the sources, the latest first.
func (u *unknowns) list() []Unknown {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := make([]Unknown, 0, u.recent.Len())
	for _, source := range u.recent.Keys() {
		from, _ := u.recent.Peek(source)
		shown := *from
		shown.Reasons, shown.Recent = maps.Clone(from.Reasons), slices.Clone(from.Recent)
		all = append(all, shown)
	}
	slices.SortFunc(all, func(a, b Unknown) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Source, b.Source))
	})
	return all
}

// networkOf returns the network that one caller typically has.
func networkOf(ip netip.Addr) string {
	switch {
	case !ip.IsValid():
		return "unknown address"
	case ip.Is6():
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

func exampleOf(of *rejection.Rejected) Example {
	e := Example{KeyID: of.KeyID, Signal: strings.Join(of.Signal.Names(), ","), Records: of.Records, Bytes: of.Bytes, Text: clean(of.Text, maxText)}
	if ip := clientaddr.Of(of.Client); ip.IsValid() {
		e.Client = ip.String()
	}
	return e
}
