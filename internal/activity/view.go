// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// SignalView is what was accepted of one signal.
type SignalView struct {
	LastAccepted *time.Time `json:"last_accepted,omitempty"` // also of earlier runs; nil: never
	Requests     int64      `json:"requests"`                // since the start of the gateway, as the next two
	Records      int64      `json:"records"`
	Bytes        int64      `json:"bytes"` // decompressed

	// Newest is the time in a record of the last request. It differs from LastAccepted by the
	// time that the data took, and by how wrong the clock of its machine is.
	Newest *time.Time `json:"newest_record,omitempty"`
}

// Signal returns what was accepted of a signal.
func (r *Record) Signal(s tenant.Signal) (v SignalView) {
	if r == nil {
		return v
	}
	c := &r.signals[s]
	return SignalView{
		LastAccepted: timeOf(c.last.Load()), Requests: c.requests.Load(), Records: c.records.Load(), Bytes: c.bytes.Load(),
		Newest: timeOf(c.newest.Load()),
	}
}

// LastAccepted returns when data of any signal was accepted last, or the zero time.
func (r *Record) LastAccepted() time.Time {
	if r == nil {
		return time.Time{}
	}
	var last int64
	for i := range r.signals {
		last = max(last, r.signals[i].last.Load())
	}
	if at := timeOf(last); at != nil {
		return *at
	}
	return time.Time{}
}

// Rejections returns the rejected requests by reason, the latest first.
func (r *Record) Rejections() []Rejection {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Rejection, 0, len(r.reasons))
	for _, counted := range r.reasons {
		all = append(all, *counted)
	}
	slices.SortFunc(all, func(a, b Rejection) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Reason, b.Reason))
	})
	return all
}

// LastRejection returns the latest of [Record.Rejections], and false if there is none.
func (r *Record) LastRejection() (last Rejection, ok bool) {
	if r == nil {
		return last, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for counted := range maps.Values(r.reasons) {
		if !ok || counted.Last.After(last.Last) {
			last, ok = *counted, true
		}
	}
	return last, ok
}

// Ahead returns the last clock that was ahead of the gateway's by minutes, or nil.
func (r *Record) Ahead() *Ahead {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ahead == nil {
		return nil
	}
	ahead := *r.ahead
	return &ahead
}

// LastUse returns the second of the last use, also in earlier runs, or the zero time.
func (k *Key) LastUse() time.Time {
	if k == nil || k.last.Load() == 0 {
		return time.Time{}
	}
	return time.Unix(k.last.Load(), 0).UTC()
}

// FirstUse returns the first use since the start of the gateway, or the zero time.
func (k *Key) FirstUse() time.Time {
	if k == nil {
		return time.Time{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.first
}

// Sources returns the addresses from which the key was used since the start of the gateway,
// at most eight, the latest first.
func (k *Key) Sources() []Source {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	all := slices.Clone(k.sources)
	slices.SortFunc(all, func(a, b Source) int {
		return cmp.Or(b.Last.Compare(a.Last), a.Address.Compare(b.Address))
	})
	return all
}

func timeOf(nanos int64) *time.Time {
	if nanos == 0 {
		return nil
	}
	at := time.Unix(0, nanos).UTC()
	return &at
}
