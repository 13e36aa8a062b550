// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"errors"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// minIndexBytes is how large the index of stored payloads may become even if MaxMemoryBytes is
// smaller.
const minIndexBytes = 16 << 20

// usage is what a tenant, or all tenants, hold. Each payload counts once, however many lanes
// it is in.
type usage struct {
	bytes   int64 // by Scheduler.cost
	entries int64
}

// errOffer is the result of an offer that panicked. Its caller gets the panic.
var errOffer = errors.New("the offer panicked")

// Offer accepts all parts or none. When it returns nil they are queued for every route and, with a
// store, durable. The routes of a part lead to different destinations. Errors are ErrShutdown,
// *FullError, *SpaceError, *TooLargeError and *StoreError. A callback of Settings may panic: Offer
// then reserves nothing and holds no lock.
func (s *Scheduler) Offer(ctx context.Context, parts []Part) (err error) {
	cost, queued, err := s.beginOffer(parts)
	if err != nil || queued {
		return err
	}
	err = errOffer // unless persist returns
	defer func() { err = s.endOffer(parts, cost, err) }()
	err = s.persist(ctx, parts)
	return err
}

// beginOffer reserves the cost of parts. It queues them if nothing has to be done without the lock.
func (s *Scheduler) beginOffer(parts []Part) (cost int64, queued bool, err error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admit(parts, now); err != nil {
		return 0, false, err
	}
	for i := range parts {
		s.reserve(&parts[i], now)
	}
	if s.Store == nil && s.Precompress == nil {
		s.enqueue(parts, now)
		return 0, true, nil
	}
	for i := range parts {
		cost += s.cost(parts[i].Payload)
	}
	s.offering++
	s.storing += cost
	return cost, false, nil
}

// persist compresses and stores parts, without the lock.
func (s *Scheduler) persist(ctx context.Context, parts []Part) error {
	if s.Precompress != nil {
		for _, part := range parts {
			s.Precompress(ctx, part)
		}
	}
	if s.Store == nil {
		return nil
	}
	if err := s.Store.Put(ctx, parts); err != nil {
		return &StoreError{err}
	}
	return nil
}

// endOffer queues parts, or cancels their reservation if err is not nil, and returns the result of
// the offer.
func (s *Scheduler) endOffer(parts []Part, cost int64, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storing -= cost
	if s.offering--; s.offering == 0 {
		s.idle.Broadcast()
	}
	for _, part := range parts {
		s.inMemory += int64(len(part.Payload.Data) - part.Payload.Size) // what compression saved
	}
	now := time.Now()
	if err == nil && s.ended && s.Store == nil {
		err = ErrShutdown
	}
	if err != nil {
		for i := range parts {
			s.unreserve(&parts[i], now)
		}
		return err
	}
	s.enqueue(parts, now)
	return nil
}

// admit returns an error unless all parts fit.
func (s *Scheduler) admit(parts []Part, now time.Time) error {
	if s.closed {
		return ErrShutdown
	}
	// If there are several parts, each counts against what the previous ones leave.
	var lanes map[Key]int64
	var tenants map[tenant.ID]usage
	if len(parts) > 1 {
		lanes, tenants = make(map[Key]int64), make(map[tenant.ID]usage)
	}
	total := usage{s.total, s.entries}
	for i := range parts {
		p := parts[i].Payload
		size := s.cost(p)
		for _, route := range parts[i].Routes {
			k := Key{p.Tenant, route.Destination, p.Signal}
			if err := s.admitLane(k, lanes[k], size, now); err != nil {
				return err
			}
			if lanes != nil {
				lanes[k] += size
			}
		}
		if err := s.admitTenant(p, tenants[p.Tenant], total); err != nil {
			return err
		}
		if tenants != nil {
			t := tenants[p.Tenant]
			tenants[p.Tenant] = usage{t.bytes + size, t.entries + 1}
		}
		total.bytes += size
		total.entries++
	}
	return nil
}

// admitLane returns an error unless size more bytes fit into the lane k, after previous ones of the
// same offer.
func (s *Scheduler) admitLane(k Key, previous, size int64, now time.Time) error {
	size += previous
	if size > s.MaxBytes {
		return &TooLargeError{Size: bytesize.Size(size), Limit: bytesize.Size(s.MaxBytes)}
	}
	l := s.lanes[k]
	if l == nil || l.bytes+size <= s.MaxBytes {
		return nil
	}
	return &FullError{
		Tenant: k.Tenant, Signal: k.Signal, Rule: "lane::max_bytes", Limit: bytesize.Size(s.MaxBytes),
		RetryAfter: max(0, l.breaker.retryAt.Sub(now)),
	}
}

// admitTenant returns an error unless p fits into what its tenant may hold. previous is what earlier parts
// of the same offer add for that tenant, and total what all tenants hold.
func (s *Scheduler) admitTenant(p *Payload, previous, total usage) error {
	held := s.usage[p.Tenant]
	bytes := held.bytes + previous.bytes + s.cost(p)
	full := func(rule string, limit int64) error {
		return &FullError{Tenant: p.Tenant, Signal: p.Signal, Rule: rule, Limit: bytesize.Size(limit)}
	}
	// A tenant that holds much is rejected first: it may hold as much as is still free, so
	// that there is always space for tenants that hold little.
	if bytes > s.MaxTotalBytes-total.bytes {
		return full("max_total_bytes", s.MaxTotalBytes)
	}
	if s.Store != nil && s.EntryMemory > 0 {
		limit := max(s.MaxMemoryBytes, minIndexBytes)
		if (held.entries+previous.entries+1)*s.EntryMemory > limit-total.entries*s.EntryMemory {
			return full("max_memory_bytes", limit)
		}
	}
	if s.Space == nil {
		return nil
	}
	space := s.Space(p.Tenant)
	pending := s.storing + total.bytes - s.total // admitted, but not on the disk yet
	if bytes > space.Quota-pending {
		return full("max_total_bytes", s.MaxTotalBytes)
	}
	if !space.fits(bytes, pending) {
		return &SpaceError{Tenant: p.Tenant, Signal: p.Signal, Size: previous.bytes + s.cost(p)}
	}
	return nil
}

// HasSpace reports whether the disk has space for size more bytes of a tenant at present. It is about
// the reason of [SpaceError] only.
func (s *Scheduler) HasSpace(id tenant.ID, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Space == nil {
		return true
	}
	space := s.Space(id)
	return space.fits(s.usage[id].bytes+size, s.storing)
}

// reserve counts a part against the bounds of its tenant and lanes.
func (s *Scheduler) reserve(part *Part, now time.Time) {
	p := part.Payload
	p.Accepted = now
	p.refs = int32(len(part.Routes))
	s.retain(p)
	for _, route := range part.Routes {
		l := s.open(Key{p.Tenant, route.Destination, p.Signal}, route.Target, now)
		p.Tenant = l.key.Tenant // one copy of the ID for all payloads of the lane
		l.reserved++
		l.bytes += s.cost(p)
	}
}

// unreserve undoes reserve.
func (s *Scheduler) unreserve(part *Part, now time.Time) {
	p := part.Payload
	for _, route := range part.Routes {
		l := s.lanes[Key{p.Tenant, route.Destination, p.Signal}]
		l.reserved--
		l.bytes -= s.cost(p)
		s.release(p)
		s.reschedule(l, now)
	}
}

// enqueue queues reserved parts and dispatches.
func (s *Scheduler) enqueue(parts []Part, now time.Time) {
	for i := range parts {
		p := parts[i].Payload
		if s.Store != nil && s.inMemory+s.entries*s.EntryMemory > s.MaxMemoryBytes {
			s.inMemory -= int64(len(p.Data))
			p.Data = nil
		}
		for _, route := range parts[i].Routes {
			l := s.lanes[Key{p.Tenant, route.Destination, p.Signal}]
			l.reserved--
			l.stats.Accepted += int64(p.Records)
			l.push(p, now.Add(s.BatchTimeout))
			l.lastUse = now
			s.reschedule(l, now)
		}
	}
	s.dispatch(now)
}

// Recover queues a payload that an earlier run left in the store, or another exporter. Bounds do not
// apply, because it was accepted once.
func (s *Scheduler) Recover(part Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	p := part.Payload
	p.refs = int32(len(part.Routes))
	s.retain(p)
	for _, route := range part.Routes {
		l := s.open(Key{p.Tenant, route.Destination, p.Signal}, route.Target, now)
		p.Tenant = l.key.Tenant
		l.bytes += s.cost(p)
		l.stats.Recovered += int64(p.Records)
		l.push(p, now.Add(s.BatchTimeout))
		if s.started {
			s.reschedule(l, now)
		}
	}
	if s.started {
		s.dispatch(now)
	}
}

// cost is what p counts against bounds.
func (s *Scheduler) cost(p *Payload) int64 { return int64(p.Size) + s.EntryBytes }

// retain counts a payload against its tenant and the total.
func (s *Scheduler) retain(p *Payload) {
	u := s.usage[p.Tenant]
	s.usage[p.Tenant] = usage{u.bytes + s.cost(p), u.entries + 1}
	s.total += s.cost(p)
	s.entries++
	s.inMemory += int64(len(p.Data))
}

// release drops the reference of one lane to p. The last one undoes retain.
func (s *Scheduler) release(p *Payload) {
	if p.refs--; p.refs > 0 {
		return
	}
	s.total -= s.cost(p)
	s.entries--
	s.inMemory -= int64(len(p.Data))
	u := s.usage[p.Tenant]
	if u.entries <= 1 {
		delete(s.usage, p.Tenant)
		return
	}
	s.usage[p.Tenant] = usage{u.bytes - s.cost(p), u.entries - 1}
}
