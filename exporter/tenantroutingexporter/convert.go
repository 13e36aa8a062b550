// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/cumulative"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// conversions are the delta conversions of one request. Their converters are held until close.
type conversions struct {
	holds []*cumulative.Hold
	list  []conversion
}

type conversion struct {
	*cumulative.Conversion
	key lane.Key
}

// accept adds the converted points to the totals, and counts points that could not be converted.
func (c *conversions) accept(sched *lane.Scheduler) {
	for _, done := range c.list {
		done.Accept()
		d := &done.Dropped
		sched.Discard(done.key, lane.ReasonLate, d.Late)
		sched.Discard(done.key, lane.ReasonDuplicate, d.Duplicate)
		sched.Discard(done.key, lane.ReasonFuture, d.Future)
		sched.Discard(done.key, lane.ReasonInvalid, d.Invalid)
		sched.Discard(done.key, lane.ReasonOverflow, d.Overflow)
		sched.Discard(done.key, lane.ReasonStreams, d.TooMany)
	}
}

func (c *conversions) close() {
	for _, h := range c.holds {
		h.Release()
	}
	for _, done := range c.list {
		done.Close()
	}
}

// conversionsOf returns the parts in the order in which they are converted, and the lanes that need a
// conversion. The order is the same for all requests, so that two requests never wait for each other.
func (r *router) conversionsOf(parts []lane.Part) (sorted []lane.Part, keys []lane.Key) {
	sorted = slices.Clone(parts)
	slices.SortStableFunc(sorted, func(a, b lane.Part) int { return cmp.Compare(a.Payload.Tenant, b.Payload.Tenant) })
	for i := range sorted {
		part := &sorted[i]
		part.Routes = slices.Clone(part.Routes)
		slices.SortStableFunc(part.Routes, func(a, b lane.Route) int { return cmp.Compare(a.Destination, b.Destination) })
		for _, route := range part.Routes {
			if r.wantsTotals(route) {
				keys = append(keys, lane.Key{Tenant: part.Payload.Tenant, Destination: route.Destination, Signal: part.Payload.Signal})
			}
		}
	}
	return sorted, keys
}

func (r *router) wantsTotals(s lane.Route) bool {
	return r.plans.destinations[s.Destination].Cumulative()
}

// hold acquires the converters of keys. A request of the same tenant that is being written to disk may
// hold them, so the caller must not occupy a compute slot. The caller closes held, also after an error.
func (r *router) hold(ctx context.Context, keys []lane.Key, held *conversions) error {
	for _, key := range keys {
		h, err := r.totals.of(key).Acquire(ctx)
		if err != nil {
			return rejection.Of(rejection.Canceled)
		}
		held.holds = append(held.holds, h)
	}
	return nil
}

// convert replaces the payload for destinations that do not accept delta metrics by a copy with totals.
// parts and keys are the results of conversionsOf, and held is the result of hold.
func (r *router) convert(parts []lane.Part, keys []lane.Key, held *conversions) (out []lane.Part, err error) {
	n := 0
	for _, part := range parts {
		plain, totals := partition(part.Routes, func(s lane.Route) bool { return !r.wantsTotals(s) })
		if len(plain) > 0 {
			out = append(out, lane.Part{Payload: part.Payload, Routes: plain})
		}
		for _, route := range totals {
			payload, err := r.convertOne(part.Payload, keys[n], held.holds[n], held)
			if err != nil {
				return nil, err
			}
			n++
			if payload.Records > 0 {
				out = append(out, lane.Part{Payload: payload, Routes: []lane.Route{route}})
			}
		}
	}
	return out, nil
}

func (r *router) convertOne(p *lane.Payload, key lane.Key, hold *cumulative.Hold, held *conversions) (*lane.Payload, error) {
	md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(p.Data)
	if err != nil {
		return nil, malformed(err)
	}
	done, err := hold.Convert(md, time.Now())
	if err != nil {
		return nil, tooLarge(err)
	}
	held.list = append(held.list, conversion{done, key})
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		return nil, malformed(err)
	}
	return &lane.Payload{Tenant: p.Tenant, Signal: p.Signal, Records: md.DataPointCount(), Data: data, Size: len(data)}, nil
}

func partition(routes []lane.Route, first func(lane.Route) bool) (a, b []lane.Route) {
	for _, s := range routes {
		if first(s) {
			a = append(a, s)
		} else {
			b = append(b, s)
		}
	}
	return a, b
}
