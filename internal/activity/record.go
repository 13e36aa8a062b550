// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	numSignals = 3

	// aheadAfter is how far in the future a record must be for the clock of its machine to be
	// reported. Clocks that are synchronized differ by less.
	aheadAfter = 2 * time.Minute
)

// Record is what a gateway knows about one tenant. It is safe for concurrent use. All
// methods of nil do nothing.
type Record struct {
	signals [numSignals]counts

	mu      sync.Mutex
	reasons map[string]*Rejection // bounded by the reasons of the rejection package
	ahead   *Ahead
}

// counts are those of one signal.
type counts struct {
	last     atomic.Int64 // Unix time in nanoseconds; 0: never
	requests atomic.Int64
	records  atomic.Int64
	bytes    atomic.Int64
	newest   atomic.Int64 // time of the newest record of the last request; 0: not known
}

// Accepted is what one request contained that the gateway has accepted.
type Accepted struct {
	Signal  tenant.Signal
	Records int
	Bytes   int64 // of the decompressed request; 0: not known
	Newest  int64 // time of a record of it, in nanoseconds since 1970; 0: not known
	KeyID   string
	Time    time.Time
}

// Accept counts an accepted request. It takes no lock, unless its records are in the future.
func (r *Record) Accept(a *Accepted) {
	if r == nil {
		return
	}
	now := a.Time.UnixNano()
	c := &r.signals[a.Signal]
	c.last.Store(now)
	c.requests.Add(1)
	c.records.Add(int64(a.Records))
	if a.Bytes > 0 {
		c.bytes.Add(a.Bytes)
	}
	if a.Newest > 0 {
		c.newest.Store(a.Newest)
		if by := a.Newest - now; by > int64(aheadAfter) {
			r.setAhead(a.KeyID, time.Duration(by), a.Time)
		}
	}
}

// Ahead is a clock that is ahead of that of the gateway.
type Ahead struct {
	KeyID string        `json:"key"`
	By    time.Duration `json:"-"`
	Last  time.Time     `json:"last"`
}

func (r *Record) setAhead(keyID string, by time.Duration, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ahead == nil {
		r.ahead = &Ahead{}
	}
	*r.ahead = Ahead{KeyID: keyID, By: by, Last: now}
}

// Rejection counts the rejected requests of one tenant and reason.
type Rejection struct {
	Reason  string    `json:"reason"`
	Status  int       `json:"status,omitempty"` // over HTTP; 0: not known
	Count   int64     `json:"requests"`         // since the start of the gateway
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Example Example   `json:"example"` // the last one
}

// Example is one rejected request, without what it contained.
type Example struct {
	Client  string `json:"client,omitempty"` // address
	KeyID   string `json:"key,omitempty"`
	Signal  string `json:"signal,omitempty"`
	Records int    `json:"records,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"` // decompressed
	Text    string `json:"text,omitempty"`  // names the rule and the limit
}

// reject counts a rejected request.
func (r *Record) reject(of *rejection.Rejected, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counted := r.reasons[of.Reason]
	if counted == nil {
		if len(r.reasons) >= rejection.NumReasons {
			return // no component has more reasons
		}
		if r.reasons == nil {
			r.reasons = make(map[string]*Rejection)
		}
		counted = &Rejection{Reason: of.Reason, First: now, Status: rejection.StatusOf(of.Reason)}
		r.reasons[of.Reason] = counted
	}
	counted.Count++
	// A flood of rejected requests must not cost much: an example is enough.
	if now.Sub(counted.Last) < exampleInterval && now.After(counted.Last) {
		return
	}
	counted.Last, counted.Example = now, exampleOf(of)
}

// exampleInterval is the shortest time between two examples of a reason.
const exampleInterval = 100 * time.Millisecond
